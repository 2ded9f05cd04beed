"""One finished mail: exact headers, a text and an HTML part, and nothing in it that could be misread on the way."""

from __future__ import annotations

import base64
import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime, quote
from uuid import UUID

import idna

LONGEST_LINE = 998  # RFC 5322 section 2.1.1
BODY = policy.SMTP.clone(max_line_length=76)  # RFC 2045 section 6.7
BREAKS = set("\r\n\0")
INVISIBLE = {"Cc", "Cs", "Zl", "Zp"}
NO_ADDRESS = "This is not an address that mail can be sent to."
TEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-"
QUOTED = r'"(?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*"'
PLAIN_LOCAL = re.compile(rf"[{TEXT}]+(?:\.[{TEXT}]+)*|{QUOTED}")
LOCAL = re.compile(rf"[.{TEXT}]+|{QUOTED}")
DOMAIN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[A-Za-z0-9.:-]+\]")
URI = re.compile(r"(https?://|mailto:)[!-;=?-~]+")
MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
WORD = re.compile(r"[A-Za-z0-9._-]+")


class Refused(ValueError):
    """Such a mail would be misread or never arrive; the sentence says why and quotes nothing personal."""


@dataclass(frozen=True)
class Shop:
    """The sender: name and address people see, the domain that bounces return to, and where the shop can be found."""

    name: str
    from_address: str
    mail_domain: str
    postal_address: str


@dataclass(frozen=True)
class OneClick:
    """How a mail program unsubscribes its reader from one list (RFC 8058): a URL to POST to and, once a mailbox is read, a mailto URI."""

    url: str
    list_id: str
    mailto: str | None = None


@dataclass(frozen=True)
class Envelope:
    """What the mail server is handed: the address for bounces, the address of the reader, and the bytes on the wire."""

    sender: str
    recipient: str
    message: bytes


def new_message_id(letter_id: UUID, domain: str) -> str:
    """A Message-ID that names the letter and cannot be guessed (RFC 5322 section 3.6.4)."""
    return f"<{letter_id.hex}.{secrets.token_hex(8)}@{domain}>"


def bounce_address(letter_id: UUID, domain: str) -> str:
    """The envelope sender: a bounce to it finds its letter."""
    return f"b-{base64.b32encode(letter_id.bytes).decode().rstrip('=').lower()}@{domain}"


def build(
    *,
    letter_id: UUID,
    to: str,
    subject: str,
    text: str,
    html: str,
    language: str,
    message_id: str,
    sent_at: datetime,
    shop: Shop,
    one_click: OneClick | None,
    smtputf8: bool = False,
) -> Envelope:
    """A mail ready to send. With `one_click` it is marketing and must show the shop's postal address (15 U.S.C. 7704(a)(5)).

    `sent_at` is aware. `smtputf8` says that the mail server takes addresses that are not ASCII (RFC 6531).
    Raises Refused for an address nobody can deliver to, for line breaks or NUL in a header, and for a line too long for mail.
    """
    sender, recipient = _address(bounce_address(letter_id, shop.mail_domain)), _address(to)
    if not smtputf8 and not recipient.isascii():
        raise Refused("The part before the @ is not ASCII, and the mail server does not take such addresses.")
    headers = {
        "From": f"{_phrase(shop.name)} <{_address(shop.from_address)}>",
        "To": f"<{recipient}>",
        "Subject": _prose(subject, "Subject"),
        "Date": format_datetime(sent_at),
        "Message-ID": _matching(MESSAGE_ID, message_id, "The Message-ID"),
        "Content-Language": _matching(WORD, language.replace("_", "-"), "The language"),
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Portal-Loop": sender.rpartition("@")[2],
        "Feedback-ID": f"{'marketing' if one_click else 'service'}:privacyportal",
    }
    if one_click:
        _require_postal_address(text, shop)
        headers |= _list_headers(one_click)
    return Envelope(sender, recipient, _wire(headers, text, html))


def _list_headers(one_click: OneClick) -> dict[str, str]:
    """RFC 2369, RFC 2919 and RFC 8058: the URL to POST to comes first."""
    uris = [_matching(URI, uri, "The unsubscribe link") for uri in (one_click.url, one_click.mailto) if uri]
    return {
        "List-Id": f"<{_matching(WORD, one_click.list_id, 'The list id')}>",
        "List-Unsubscribe": ", ".join(f"<{uri}>" for uri in uris),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _wire(headers: dict[str, str], text: str, html: str) -> bytes:
    """Headers stand as they are, since Python folds a URL of more than 75 characters into an encoded word that no mail program reads."""
    body = EmailMessage(policy=BODY)
    body.set_content(_storable(text), cte="quoted-printable")
    body.add_alternative(_storable(html), subtype="html", cte="quoted-printable")
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    message = head.encode() + body.as_bytes()
    if max(map(len, message.split(b"\r\n"))) > LONGEST_LINE:
        raise Refused(f"A line of this mail is longer than {LONGEST_LINE} characters.")
    return message


def _require_postal_address(text: str, shop: Shop) -> None:
    if " ".join(shop.postal_address.split()) not in " ".join(text.split()):
        raise Refused("A marketing mail must show the shop's postal address.")


def _address(text: str) -> str:
    """The address with its domain in ASCII (RFC 5891), and odd dots, as Japanese carriers gave out, in quotes (RFC 5321 section 4.1.2)."""
    local, at, domain = text.rpartition("@")
    if not at or any(unicodedata.category(char) in INVISIBLE for char in text):
        raise Refused(NO_ADDRESS)
    try:
        ascii_domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except UnicodeError as error:
        raise Refused(NO_ADDRESS) from error
    if not DOMAIN.fullmatch(ascii_domain) or not LOCAL.fullmatch(local):
        raise Refused(NO_ADDRESS)
    return f"{local}@{ascii_domain}" if PLAIN_LOCAL.fullmatch(local) else f'"{local}"@{ascii_domain}'


def _phrase(name: str) -> str:
    """A display name, quoted or encoded (RFC 5322 section 3.2.5, RFC 2047 section 5)."""
    prose = _prose(name, "From")
    return prose if prose.startswith("=?") else f'"{quote(prose)}"'


def _prose(text: str, header: str) -> str:
    """Words for a header: short ASCII as it is, all else as encoded words of at most 75 characters (RFC 2047 section 2)."""
    if BREAKS & set(text):
        raise Refused(f"{header} holds a line break or NUL.")
    words = " ".join("".join(" " if unicodedata.category(char) in INVISIBLE else char for char in text).split())
    if words.isascii() and "=?" not in words and len(words) <= 60:
        return words
    return Header(words, "utf-8", maxlinelen=75, header_name=header).encode(linesep="\r\n")


def _matching(shape: re.Pattern[str], text: str, what: str) -> str:
    if not shape.fullmatch(text):
        raise Refused(f"{what} has a character that does not belong there.")
    return text


def _storable(text: str) -> str:
    """Half a character, as broken imports have it, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()
