"""Card numbers: found wherever somebody typed one, because this shop must never keep one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

MARK = "[card number removed]"


class Span(NamedTuple):
    """Where something stands in a text: characters start to end, the end not included."""

    start: int
    end: int


def _issuer(prefixes: str, *lengths: int) -> dict[str, frozenset[int]]:
    """Leading digits, or first and last of a range of them, and how long such numbers are."""
    pairs = [prefix.partition("-") for prefix in prefixes.split()]
    return {str(number): frozenset(lengths) for first, _, last in pairs for number in range(int(first), int(last or first) + 1)}


ISSUERS = {
    **_issuer("4", 13, 16, 19),  # Visa
    **_issuer("51-55 2221-2720", 16),  # Mastercard
    **_issuer("34 37", 15),  # American Express
    **_issuer("6011 644-649 65", 16, 17, 18, 19),  # Discover
    **_issuer("300-305 3095 36 38-39", 14, 16, 17, 18, 19),  # Diners Club
    **_issuer("3528-3589", 16, 17, 18, 19),  # JCB
    **_issuer("62 81", 16, 17, 18, 19),  # UnionPay
    **_issuer("5018-5020 5038 5612 5893 6304 6331 6333 6759 6761-6763 6771", *range(12, 20)),  # Maestro, Dankort, Switch
    **_issuer("5066-5067 5090 6362-6363 606282", 16),  # Elo, Hipercard
}
PREFIXES = sorted({len(prefix) for prefix in ISSUERS})
SHORTEST, LONGEST = 12, 19
SHORTEST_IBAN = 15

DIGITS = re.compile(r"[0-9]+")
MAYBE = re.compile(r"(?:[0-9][^0-9]{0,2}){11}[0-9]")
IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}(?![A-Za-z0-9])")
PHONE = re.compile(r"\+[0-9](?:[^0-9A-Za-z]{0,2}[0-9]){6,14}(?![^0-9A-Za-z]{0,2}[0-9])")
DATE = re.compile(r"(?<![0-9])(?:0?[1-9]|[12][0-9]|3[01])[./-](?:0?[1-9]|[12][0-9]|3[01])[./-](?:19|20)[0-9]{2}(?![0-9])")
SECURITY_CODE = r"(?:cvc|cvv|csc|cid|cvn|cav|security code|code)2?"
CODE_AFTER = re.compile(
    rf"[^0-9A-Za-z]{{0,3}}(?:(?:(?:exp\w{{0,8}}|valid)\W{{0,3}})?[01]?[0-9] ?[/.-] ?(?:20)?[0-9]{{2}}\W{{1,3}})?"
    rf"(?:(?:and|with)? ?{SECURITY_CODE}\W{{0,3}}(?:is )?)?[0-9]{{3,4}}(?![0-9])",
    re.IGNORECASE,
)
CODE_BEFORE = re.compile(rf"{SECURITY_CODE}\W{{0,3}}(?:is )?[0-9]{{3,4}}\W{{1,3}}(?:\w{{1,8}}\W{{1,3}}){{0,2}}$", re.IGNORECASE)
AROUND = 40


def find(text: str) -> list[Span]:
    """Every card number in the text, in order, without its security code.

    Full-width and other digits count, invisible characters between them do not, and up to two separators may stand
    between any two. A number needs an issuer's exact leading digits and length and the Luhn check digit (ISO/IEC 7812-1).
    IBANs, article numbers (EAN-13, ISBN-13) and phone numbers with a plus are not card numbers. Time grows linearly.
    """
    if text.isascii() and not MAYBE.search(text):
        return []
    plain, places = _fold(text)
    if not MAYBE.search(plain):
        return []
    return [Span(places[span.start], places[span.end - 1] + 1) for span in _found(plain)]


def contains(text: str) -> bool:
    """Whether a card number stands anywhere in the text."""
    return bool(find(text))


def remove(text: str) -> tuple[str, int]:
    """The text with each card number, and a security code beside it, replaced by words; and how many there were."""
    spans = find(text)
    if not spans:
        return text, 0
    kept, position = [], 0
    for span in spans:
        wide = _with_security_code(text, span, position)
        kept += [text[position : wide.start], MARK]
        position = wide.end
    return "".join([*kept, text[position:]]), len(spans)


def _fold(text: str) -> tuple[str, list[int]]:
    """The text as plain digits and letters, and for each of its characters the place that it came from."""
    if text.isascii():
        return text, list(range(len(text)))
    folded = [(character, place) for place, original in enumerate(text) for character in _plain(original)]
    return "".join(character for character, _ in folded), [place for _, place in folded]


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    if unicodedata.category(character) in {"Cf", "Mn", "Me"}:
        return ""
    return "".join(str(unicodedata.decimal(part, part)) for part in unicodedata.normalize("NFKC", character))


def _found(plain: str) -> Iterator[Span]:
    text = IBAN.sub(_hide_iban, DATE.sub(_hide, PHONE.sub(_hide, plain)))
    groups = [match.span() for match in DIGITS.finditer(text)]
    at = 0
    while at < len(groups):
        used = _card_from(text, groups, at)
        if used:
            yield Span(groups[at][0], groups[at + used - 1][1])
        at += used or 1


def _hide(match: re.Match[str]) -> str:
    return "x" * len(match[0])


def _hide_iban(match: re.Match[str]) -> str:
    """Hide the longest part, up to the end of a word, whose check digits hold; words in capitals may follow an IBAN."""
    words = match[0].split(" ")
    parts = (" ".join(words[:count]) for count in range(len(words), 0, -1))
    iban = next((part for part in parts if _is_iban(part)), "")
    return "x" * len(iban) + match[0][len(iban) :]


def _card_from(plain: str, groups: list[tuple[int, int]], at: int) -> int:
    """How many groups of digits from this one on make the longest card number; 0 if none does."""
    candidates, digits = [], ""
    for count, (start, end) in enumerate(groups[at : at + LONGEST], 1):
        apart = count > 1 and not _is_separator(plain[groups[at + count - 2][1] : start])
        if apart or len(digits) + end - start > LONGEST:
            break
        digits += plain[start:end]
        candidates.append(digits)
    lengths = _lengths(digits)
    fitting = (count for count in range(len(candidates), 0, -1) if len(candidates[count - 1]) in lengths)
    return next((count for count in fitting if _is_checked(candidates[count - 1])), 0)


def _lengths(digits: str) -> frozenset[int]:
    """How long a card number may be that starts with these digits; empty if no issuer's does."""
    return frozenset().union(*(ISSUERS.get(digits[:length], ()) for length in PREFIXES))


def _is_checked(digits: str) -> bool:
    return _luhn(digits) and not (len(digits) == 13 and _is_article_number(digits))


def _luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def _is_article_number(digits: str) -> bool:
    return (sum(map(int, digits[0::2])) + 3 * sum(map(int, digits[1::2]))) % 10 == 0


def _is_separator(between: str) -> bool:
    return len(between) <= 2 and not any(character.isalnum() for character in between)


def _is_iban(text: str) -> bool:
    """Whether the check digits of an account number hold (ISO 13616)."""
    bare = text.replace(" ", "")
    return len(bare) >= SHORTEST_IBAN and int("".join(str(int(character, 36)) for character in bare[4:] + bare[:4])) % 97 == 1


def _with_security_code(text: str, span: Span, floor: int) -> Span:
    """The span widened by a security code right after or before it, never back over the floor."""
    after = CODE_AFTER.match(text, span.end, span.end + AROUND)
    window = max(floor, span.start - AROUND)
    before = CODE_BEFORE.search(text[window : span.start])
    return Span(window + before.start() if before else span.start, after.end() if after else span.end)
