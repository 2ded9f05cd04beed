"""Phone numbers: kept as people type them, with a gentle word when one looks wrong."""

from __future__ import annotations

import phonenumbers
from flask_babel import gettext as _
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat


def _valid(text: str, country: str) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, country.upper() or None)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def check(text: str, country: str) -> str | None:
    """A sentence for the person when no such number can exist, else None. It warns and never blocks.

    `country` (two letters, or "") is where the number is dialed when it has no + and country code.
    """
    if not text.strip() or _valid(text, country):
        return None
    sentence: str = _("This phone number looks unusual. If it is right, save it as it is.")
    return sentence


def e164(text: str, country: str) -> str | None:
    """The one spelling of a valid number (ITU-T E.164, such as +15125550142), to look people up by; None if it is not valid."""
    number = _valid(text, country)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if number else None
