"""Phone numbers: whatever people type stays, and a wrong one gets a gentle word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core import phones
from tests.shared_data import shared

SAMPLES = shared("phones/libphonenumber_examples.json")
VALID = [sample for sample in SAMPLES if sample["valid"]]
INVALID = [sample for sample in SAMPLES if not sample["valid"]]


@pytest.mark.parametrize("spelling", ["national", "international", "e164"])
def test_a_number_of_any_country_passes_as_people_there_write_it(spelling: str) -> None:
    assert len(VALID) == 247
    for sample in VALID:
        assert phones.check(sample[spelling], sample["region"]) is None, sample
        assert phones.e164(sample[spelling], sample["region"]) == sample["e164"], sample


def test_a_number_that_cannot_exist_is_warned_about() -> None:
    assert len(INVALID) == 122
    for sample in INVALID:
        assert phones.check(sample["e164"], sample["region"]), sample
        assert phones.e164(sample["national"], sample["region"]) is None, sample


def test_a_person_without_a_phone_hears_nothing() -> None:
    assert phones.check("", "US") is None
    assert phones.check("  ", "") is None


def test_a_number_with_its_country_code_needs_no_country() -> None:
    assert phones.e164("+1 512 555 0142", "") == "+15125550142"
    assert phones.e164("512 555 0142", "") is None


@given(st.text(), st.text(max_size=3))
def test_nothing_typed_into_the_field_breaks_the_page(text: str, country: str) -> None:
    assert phones.check(text, country) is None or phones.e164(text, country) is None
