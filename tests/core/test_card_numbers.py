"""Card numbers are found in every disguise, and nothing else is taken for one."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core import card_numbers

PUBLISHED = """
4242424242424242 4000056655665556 4111111111111111 4012888888881881 4222222222222 4444333322221111 4917610000000000 4035501000000008
5555555555554444 5105105105105100 5200828282828210 2223003122003222 5454545454545454 378282246310005 371449635398431 378734493671000
6011111111111117 6011000990139424 6011981111111113 6445644564456445 30569309025904 38520000023237 3056930009020004 36227206271667
36006666333344 3530111333300000 3566002020360505 3569990010095841 6200000000000005 6205500000000000004 6555900000604105
6759649826438453 6304000000000000 6771798021000008 5019717010103742 6331101999990016 5066991111111118 6062826786276634
""".split()


def grouped(separator: str) -> Callable[[str], str]:
    return lambda number: separator.join(number[at : at + 4] for at in range(0, len(number), 4))


DISGUISES: dict[str, Callable[[str], str]] = {
    "bare": str,
    "spaced": grouped(" "),
    "dashed": grouped("-"),
    "dotted": grouped("."),
    "slashed": grouped("/"),
    "two separators": grouped(" -"),
    "no-break spaces": grouped("\u00a0"),
    "over lines": grouped("\r\n"),
    "every digit apart": " ".join,
    "zero-width": "\u200b".join,
    "byte order marks": "\ufeff".join,
    "soft hyphens": "\u00ad".join,
    "full-width": lambda number: number.translate({48 + digit: 0xFF10 + digit for digit in range(10)}),
    "arabic digits": lambda number: number.translate({48 + digit: 0x0660 + digit for digit in range(10)}),
    "in a sentence": lambda number: f"Please charge my card {number}, thank you",
    "beside a word": lambda number: f"card{number}ok",
    "after another number": lambda number: f"order 1042 {grouped(' ')(number)}",
}

BENIGN = [
    "DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "GB82 WEST 1234 5698 7654 32", "FR14 2004 1010 0505 0001 3M02 606",
    "NO93 8601 1117 947 THANKS", "4006381333931", "9783161484100", "978-3-16-148410-0", "4012345678901", "0-306-40615-2",
    "+49 30 23125107", "+17135550101", "+33199000104", "(918) 555-0110", "0044 20 7946 0103", "+49 4121 123456 78",
    "2026-11-25 17:09:34 -0300",    "30.12.2024 10:15:30", "30/10/2023 10:15:38", "12/31/2025 23:59", "4242424242424241",
    "1234567890123456",
    "424242424242424", "42424242424242424242",
    "Order 6210997229746", "SKU 12-345-678", "4242 is my bike lock", "1Z999AA10123456784", "VAT ATU00000000",
]  # fmt: skip


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("number", PUBLISHED)
def test_every_published_test_number_is_found_in_every_disguise(number: str, disguise: str) -> None:
    typed = DISGUISES[disguise](number)

    assert card_numbers.contains(typed)
    cleaned, count = card_numbers.remove(typed)
    assert count == 1
    assert card_numbers.MARK in cleaned
    assert not card_numbers.contains(cleaned)


@pytest.mark.parametrize("text", BENIGN)
def test_account_numbers_article_numbers_phones_and_dates_stay_as_they_are(text: str) -> None:
    assert card_numbers.remove(text) == (text, 0)


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("4242 4242 4242 4242 CVC 123", ""),
        ("4242424242424242, cvv: 1234 please", " please"),
        ("4242424242424242 12/27 123", ""),
        ("4242424242424242 exp 12/2027 cvc2 987.", "."),
        ("4242424242424242 123", ""),
        ("CVC 123, card 4242424242424242", ""),
        ("4242424242424242 until 12/27", " until 12/27"),
        ("first 4242424242424242 CVC 123 then 378282246310005 1234!", "first "),
    ],
)
def test_the_security_code_goes_with_the_number(typed: str, left: str) -> None:
    cleaned, _ = card_numbers.remove(typed)

    assert "123" not in cleaned
    assert "987" not in cleaned
    assert left in cleaned.replace(card_numbers.MARK, "")


def test_two_numbers_are_both_removed_and_the_words_around_them_stay() -> None:
    text = "Old: 5555-5555-5555-4444; new: 4242424242424242. Bye"

    assert card_numbers.remove(text) == ("Old: [card number removed]; new: [card number removed]. Bye", 2)


def test_the_place_in_a_text_with_wide_and_hidden_characters_is_exact() -> None:
    number = "\uff14\uff12\uff14\uff12\u200b\uff14\uff12\uff14\uff12\u200b\uff14\uff12\uff14\uff12\u200b\uff14\uff12\uff14\uff12"
    text = f"ﬁrst № 7: {number} 🎸"

    (span,) = card_numbers.find(text)

    assert text[span.start : span.end] == number


def test_about_one_random_number_of_sixteen_digits_in_forty_is_taken_for_a_card() -> None:
    draw = random.Random(16)
    flagged = sum(card_numbers.contains(str(draw.randrange(10**15, 10**16))) for _ in range(20_000))

    assert flagged / 20_000 < 0.035


def test_hardly_any_phone_number_is_taken_for_a_card() -> None:
    draw = random.Random(12)
    phones = [f"+{draw.choice(['1', '44', '49', '33', '61'])} {draw.randrange(10**8, 10**10)}" for _ in range(5000)]

    assert not any(card_numbers.contains(phone) for phone in phones)


@pytest.mark.parametrize(
    "text", ["4 " * 50_000, "4242424242424241 " * 6_000, "1" * 200_000, "DE89 " * 40_000, "+1 2 3 " * 20_000, "\uff14\u200b" * 50_000]
)
def test_a_long_text_takes_no_longer_than_its_length_asks_for(text: str) -> None:
    started = time.perf_counter()
    card_numbers.remove(text)

    assert time.perf_counter() - started < 6


@given(st.text())
def test_text_without_a_card_number_is_never_changed(text: str) -> None:
    cleaned, count = card_numbers.remove(text)

    assert count == len(card_numbers.find(text))
    assert count or cleaned == text


@given(st.text(alphabet="0123456789 -/.\uff14\uff12\u200b", max_size=60))
def test_nothing_is_left_to_find_once_it_was_removed(text: str) -> None:
    cleaned, _ = card_numbers.remove(text)

    assert not card_numbers.contains(cleaned)
