"""What one cell of a foreign file says: a name, an id, an amount, a day, an address, a yes or a no."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from email_validator import EmailNotValidError, validate_email

EDGES = " \t\r\n\u00a0\u202f"
HIDDEN = re.compile("[\u200b-\u200d\ufeff]")
SPACES = re.compile("[ \u00a0\u202f'\u2019]")
MONEY = re.compile(r"([+-]?)[^\d.,+-]{0,4}([+-]?)([0-9](?:[0-9.,' \u00a0\u202f\u2019]*[0-9])?|[.,][0-9]+)[^\d.,+-]{0,4}")
LONGEST_AMOUNT = 40
LONGEST_LOCAL, LONGEST_EMAIL = 64, 254
PLAIN_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
WITHOUT_DECIMALS = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
)
OFFSET = re.compile(r"^(\d{4}-\d\d?-\d\d?)[T ]+(\d\d?:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|UTC|GMT|[+-]\d\d:?\d\d)?$")
AMERICAN = re.compile(r"^(\d{1,2})/(\d{1,2})/(\d{4})(?:,? +(\d{1,2}:\d\d(?::\d\d)?))?$")
EPOCH = re.compile(r"^\d{9,11}$")
ANSWERS = {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}


def trim(text: str) -> str:
    """The text without spaces, tabs and line ends at its edges; what stands inside stays byte for byte."""
    return text.strip(EDGES)


def without_apostrophe(text: str) -> str:
    """An id, number or day without the apostrophe that shop systems write before them."""
    return text.removeprefix("'")


def email(text: str) -> str:
    """The address as it was typed, without invisible characters, its letters composed (NFC)."""
    return unicodedata.normalize("NFC", trim(HIDDEN.sub("", text)))


def is_email(address: str) -> bool:
    """Whether mail could be sent there (RFC 5321); nobody is asked. Reserved test domains count."""
    local, _at, domain = address.rpartition("@")
    is_plain = address.isascii() and len(local) <= LONGEST_LOCAL and len(address) <= LONGEST_EMAIL and PLAIN_LOCAL.fullmatch(local)
    return _is_domain(domain) if is_plain else _is_valid(address)


@lru_cache(maxsize=4096)
def _is_domain(domain: str) -> bool:
    """The costly part of most addresses, asked once for all who share a domain."""
    return _is_valid(f"a@{domain}")


def _is_valid(address: str) -> bool:
    try:
        validate_email(address, strict=True, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True


def answer(text: str) -> bool | None:
    """Yes, no, or None for what is neither."""
    return ANSWERS.get(text.casefold())


def amount(text: str, currency: str = "") -> Decimal | None:
    """An amount in the currency's main unit, or None if it could mean two things (1.234) or is none.

    The last point or comma with exactly two digits behind it is the decimal one; all others only group.
    """
    money = MONEY.fullmatch(text.replace("\u2212", "-")) if len(text) <= LONGEST_AMOUNT else None
    if not money or (money[1] and money[2]):
        return None
    read = _whole if currency.upper() in WITHOUT_DECIMALS else _decimal
    number = read(re.split("[.,]", SPACES.sub("", money[3])))
    return None if number is None else Decimal(f"{money[1]}{money[2]}{number}")


def _decimal(parts: list[str]) -> str | None:
    *groups, last = parts
    if not groups or (len(last) == 3 and len(groups) > 1):
        return "".join(parts)
    if len(last) == 3 and groups != ["0"]:
        return None
    return f"{''.join(groups) or '0'}.{last}"


def _whole(parts: list[str]) -> str | None:
    *groups, last = parts
    if not groups or len(last) == 3:
        return "".join(parts)
    return None if last.strip("0") else "".join(groups) or "0"


def moment(text: str, zone: ZoneInfo) -> datetime | None:
    """The moment in UTC, or None if it is none. Without a zone of its own it is the shop's time.

    Understood: ISO 8601, `2025-10-02 17:09:34 -0300`, `5/6/2012 15:53` (month first), seconds since 1970.
    """
    try:
        return _moment(text, zone)
    except (ValueError, OverflowError):
        return None


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    if EPOCH.match(text):
        return datetime.fromtimestamp(int(text), UTC)
    if match := AMERICAN.match(text):
        day = f"{match[3]}-{match[1]:0>2}-{match[2]:0>2}"
        return _utc(datetime.fromisoformat(f"{day} {match[4] or '0:00':0>5}"), zone)
    if match := OFFSET.match(text):
        offset = (match[3] or "").replace("UTC", "Z").replace("GMT", "Z")
        year, month, day = match[1].split("-")
        return _utc(datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2} {match[2]:0>5}{offset}"), zone)
    return _utc(datetime.fromisoformat(text), zone)


def _utc(at: datetime, zone: ZoneInfo) -> datetime:
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
