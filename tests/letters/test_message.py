"""A finished mail, read as a mail program reads it: from the bytes on the wire."""

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any
from uuid import UUID

import listunsub
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.letters.message import Envelope, OneClick, Refused, Shop, build, new_message_id
from tests.shared_data import shared

LETTER = UUID("0192f0c1-2b3c-7def-8abc-0123456789ab")
SHOP = Shop(
    "Halyard Music",
    "privacy@halyard-music.example",
    "mail.halyard-music.example",
    "Halyard Music, 100 Sample Street, Austin, TX 78701, USA",
)
TOKEN = "https://privacy.halyard-music.example/u/AAECAwQFBgcICQoLDA0ODwn.abcdefghijklmnopqrstuv"
NEWSLETTER = OneClick(TOKEN, "newsletter.halyard-music.example")
SERVICE: dict[str, Any] = {
    "letter_id": LETTER,
    "to": "ada@example.org",
    "subject": "Your address was changed",
    "text": "Hello Ada,\nyour address was changed.\n",
    "html": "<p>Hello Ada</p>",
    "language": "en",
    "message_id": "<0192f0c1.abc@mail.halyard-music.example>",
    "sent_at": datetime(2026, 11, 25, 9, 30, tzinfo=UTC),
    "shop": SHOP,
    "one_click": None,
}
MARKETING: dict[str, Any] = SERVICE | {"one_click": NEWSLETTER, "text": f"News!\n\n{SHOP.postal_address}\n"}
BREAKS = st.sampled_from(["\r", "\n", "\r\n", "\0", "\r\nBcc: eve@example.net", "\n\nbody"])


def read(envelope: Envelope) -> EmailMessage:
    parsed = BytesParser(policy=default).parsebytes(envelope.message)
    assert isinstance(parsed, EmailMessage)
    return parsed


def wire(envelope: Envelope, name: str) -> list[bytes]:
    head = envelope.message.partition(b"\r\n\r\n")[0]
    return [line for line in head.split(b"\r\n") if line.startswith(name.encode() + b":")]


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_a_letter_says_who_sent_it_when_and_that_a_machine_did() -> None:
    envelope = build(**SERVICE)
    mail = read(envelope)
    assert wire(envelope, "From") == [b'From: "Halyard Music" <privacy@halyard-music.example>']
    assert wire(envelope, "To") == [b"To: <ada@example.org>"]
    assert mail["Subject"] == "Your address was changed"
    assert mail["Date"].datetime == SERVICE["sent_at"]
    assert mail["Message-ID"] == SERVICE["message_id"]
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-generated", "All")
    assert (mail["X-Portal-Loop"], mail["Feedback-ID"]) == ("mail.halyard-music.example", "service:privacyportal")
    assert mail["Content-Language"] == "en"
    assert not mail.defects


def test_text_comes_first_and_html_says_the_same() -> None:
    mail = read(build(**SERVICE))
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert body(mail, "plain") == SERVICE["text"]


def test_a_bounce_finds_its_letter() -> None:
    assert build(**SERVICE).sender == "b-agjpbqjlhr667cv4aerukz4jvm@mail.halyard-music.example"


def test_no_two_letters_share_a_message_id() -> None:
    first, second = (new_message_id(LETTER, "mail.example") for _time in range(2))
    assert first != second
    assert re.fullmatch(rf"<{LETTER.hex}\.[0-9a-f]{{16}}@mail\.example>", first)
    assert wire(build(**SERVICE | {"message_id": first}), "Message-ID") == [f"Message-ID: {first}".encode()]


def test_a_service_letter_has_no_unsubscribe_button() -> None:
    assert b"List-" not in build(**SERVICE).message


@pytest.mark.parametrize("length", [60, 76, 120, 201, 700])
@pytest.mark.parametrize(
    "mailto", [None, "mailto:u-aaaqeayeaudaocajbifq0t52zxq2p2oiv5hzwzjabcdefgh@mail.halyard-music.example?subject=unsubscribe"]
)
def test_a_newsletter_has_a_button_that_every_mail_program_reads(length: int, mailto: str | None) -> None:
    url = "https://privacy.example/u/".ljust(length, "x")
    envelope = build(**MARKETING | {"one_click": OneClick(url, "newsletter.example", mailto)})
    [unsubscribe], [post] = wire(envelope, "List-Unsubscribe"), wire(envelope, "List-Unsubscribe-Post")
    value, posted = unsubscribe.decode("ascii").partition(": ")[2], post.decode("ascii").partition(": ")[2]
    assert "=?" not in value
    assert listunsub.audit([value], [posted]) == []
    parsed = listunsub.parse_header(value)
    assert parsed.https == (url,)
    assert parsed.mailto == ((mailto,) if mailto else ())
    assert listunsub.one_click_request(parsed.https[0]).url == url
    assert wire(envelope, "List-Id") == [b"List-Id: <newsletter.example>"]
    assert wire(envelope, "Feedback-ID") == [b"Feedback-ID: marketing:privacyportal"]


def test_a_newsletter_without_the_shop_s_postal_address_does_not_leave() -> None:
    with pytest.raises(Refused, match="postal address"):
        build(**MARKETING | {"text": "News!"})


@pytest.mark.parametrize(
    "url", ["https://a.example/u/ü", "https://a.example/u/a b", "https://a.example/>,<https://b.example", "ftp://a.example/u/x"]
)
def test_a_link_that_mail_programs_would_misread_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="unsubscribe link"):
        build(**MARKETING | {"one_click": OneClick(url, "newsletter.example")})


@given(
    st.text(max_size=5), BREAKS, st.text(max_size=5), st.sampled_from(["subject", "to", "message_id", "language", "name", "from", "domain"])
)
def test_a_line_break_in_a_name_never_becomes_a_header(before: str, line_break: str, after: str, place: str) -> None:
    text = f"{before}{line_break}{after}"
    forged: dict[str, dict[str, Any]] = {
        "to": {"to": f"{text}@example.org"},
        "name": {"shop": Shop(text, SHOP.from_address, SHOP.mail_domain, "")},
        "from": {"shop": Shop("Shop", f"{text}@shop.example", SHOP.mail_domain, "")},
        "domain": {"shop": Shop("Shop", SHOP.from_address, text, "")},
    }
    with pytest.raises(Refused):
        build(**SERVICE | forged.get(place, {place: text}))


@given(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=300), st.text(max_size=60))
def test_any_name_arrives_as_it_was_written(subject: str, name: str) -> None:
    shop = Shop("".join(char for char in name if char.isprintable()), SHOP.from_address, SHOP.mail_domain, "")
    envelope = build(**SERVICE | {"subject": subject, "shop": shop})
    mail = read(envelope)
    visible = "".join(char if char.isprintable() else " " for char in subject)
    assert [line for line in mail.keys() if line.lower() == "bcc"] == []  # noqa: SIM118  (a mail is no dict)
    assert all(len(word) <= 75 for word in re.findall(rb"=\?utf-8\?[^?]*\?[^?]*\?=", envelope.message))
    assert "".join(c for c in str(mail["Subject"]) if c.isprintable()).split() == visible.split() or not subject.isprintable()


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=2000))
def test_no_line_is_too_long_for_any_mail_server_and_the_text_arrives_whole(text: str) -> None:
    envelope = build(**SERVICE | {"text": text, "html": f"<p>{text * 3}</p>"})
    assert envelope.message.isascii()
    assert max(map(len, envelope.message.split(b"\r\n"))) <= 998
    assert max(map(len, envelope.message.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 78
    assert body(read(envelope), "plain") == f"{text}\n"


def test_half_a_character_from_a_broken_import_stops_no_letter() -> None:
    envelope = build(**SERVICE | {"text": "Hello \ud83d", "subject": "Hello \ud83d"})
    assert body(read(envelope), "plain") == "Hello ?\n"


def test_a_domain_in_another_script_is_written_in_ascii() -> None:
    assert build(**SERVICE | {"to": "ada@müller.example"}).recipient == "ada@xn--mller-kva.example"


def test_an_address_that_is_not_ascii_waits_for_a_mail_server_that_takes_it() -> None:
    with pytest.raises(Refused, match="ASCII"):
        build(**SERVICE | {"to": "jörg@example.org"})
    envelope = build(**SERVICE | {"to": "jörg@example.org"}, smtputf8=True)
    assert envelope.recipient == "jörg@example.org"
    assert wire(envelope, "To") == ["To: <jörg@example.org>".encode()]


@pytest.mark.parametrize(
    "to", ["", "ada", "@example.org", "ada@", "ada@example.org, eve@example.net", "ada@exa mple.org", "ada@example.org>", "a@b@c.example"]
)
def test_what_is_no_address_gets_no_letter(to: str) -> None:
    with pytest.raises(Refused):
        build(**SERVICE | {"to": to})


def test_an_odd_address_of_a_japanese_carrier_is_written_to() -> None:
    assert build(**SERVICE | {"to": "ada..l.@docomo.example"}).recipient == '"ada..l."@docomo.example'


def test_every_address_anybody_has_is_either_written_to_or_refused() -> None:
    for sample in shared("emails/isemail.json"):
        try:
            envelope = build(**SERVICE | {"to": sample["address"]}, smtputf8=True)
        except Refused:
            assert sample["expect"] != "accept", sample
        else:
            assert read(envelope)["To"].addresses[0].domain == envelope.recipient.rpartition("@")[2]


@given(st.text(max_size=30))
def test_nothing_stored_as_an_address_stops_the_other_letters(to: str) -> None:
    try:
        envelope = build(**SERVICE | {"to": to})
    except Refused:
        return
    assert envelope.recipient.isascii()
