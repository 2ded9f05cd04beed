"""How long the law keeps a sale: the dates a lawyer would write down."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core import deadlines
from portal.core.deadlines import PROOFS, REGIMES, RULES, add_months, add_years, keep_until

AUGUST = date(2026, 8, 14)
DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("regimes", "until"),
    [
        (["de"], date(2034, 12, 31)),
        (["oss"], date(2036, 12, 31)),
        (["de", "oss"], date(2036, 12, 31)),
        (["us"], date(2030, 4, 15)),
        (["us-tx"], date(2030, 9, 20)),
        (["us-fl"], date(2029, 9, 20)),
        (["uk"], date(2032, 8, 14)),
        (["fr"], date(2036, 12, 31)),
        (["eu"], date(2028, 8, 14)),
        (["ca"], date(2032, 12, 31)),
        (["au"], date(2031, 8, 14)),
        (["jp"], date(2034, 2, 28)),
        (["in"], date(2033, 12, 31)),
        (["us", "us-tx", "de", "oss"], date(2036, 12, 31)),
    ],
)
def test_an_invoice_of_14_august_2026_is_kept_until_the_last_day_the_law_names(regimes: list[str], until: date) -> None:
    assert keep_until(AUGUST, regimes).until == until


def test_the_records_go_on_the_first_of_january_after_the_last_year() -> None:
    assert keep_until(AUGUST, ["de"]).ends_on == date(2035, 1, 1)


def test_the_customer_is_told_the_law_that_keeps_the_longest() -> None:
    rule = keep_until(AUGUST, ["us", "us-tx", "de", "oss"]).rule
    assert (rule.id, rule.source) == ("oss-sales", "Regulation (EU) 282/2011, art. 63c")
    assert rule.keeps == ("order number", "date", "lines", "amounts", "country and region")


def test_a_misspelled_rule_is_named_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"^No keep rule is called germany\. The names are us, us-tx, "):
        keep_until(AUGUST, ["us", "germany"])


def test_a_shop_that_names_no_rule_is_asked_for_one() -> None:
    with pytest.raises(ValueError, match="at least one"):
        keep_until(AUGUST, [])


def test_months_are_counted_once_from_the_start_and_never_chained() -> None:
    january = date(2026, 1, 31)
    assert add_months(january, 1) == date(2026, 2, 28)
    assert add_months(january, 3) == date(2026, 4, 30)
    assert add_months(january, 12) == date(2027, 1, 31)
    assert add_months(date(2026, 12, 31), 2) == date(2027, 2, 28)
    assert add_months(date(2026, 3, 31), -1) == date(2026, 2, 28)


def test_a_leap_day_ends_on_28_february_in_a_common_year() -> None:
    assert add_years(date(2028, 2, 29), 1) == date(2029, 2, 28)
    assert add_years(date(2028, 2, 29), 4) == date(2032, 2, 29)


@given(DAYS, st.integers(0, 600))
def test_so_many_months_later_is_that_month_and_no_later_day_in_it(day: date, number: int) -> None:
    later = add_months(day, number)
    assert (later.year - day.year) * 12 + later.month - day.month == number
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)


@given(DAYS, st.lists(st.sampled_from(REGIMES), min_size=1, unique=True))
def test_where_several_laws_apply_none_of_them_is_cut_short(sold_at: date, regimes: list[str]) -> None:
    until = keep_until(sold_at, regimes).until
    assert until == max(keep_until(sold_at, [regime]).until for regime in regimes)
    assert until > sold_at


def test_a_sale_of_january_belongs_to_the_indian_business_year_before() -> None:
    assert keep_until(date(2027, 2, 1), ["in"]).until == date(2033, 12, 31)
    assert keep_until(date(2027, 4, 1), ["in"]).until == date(2034, 12, 31)


def test_the_proof_of_a_yes_stays_three_years_and_the_security_log_ninety_days() -> None:
    assert PROOFS["consent"].length.after(date(2026, 11, 25)) == date(2029, 11, 25)
    assert PROOFS["security-log"].length.after(date(2026, 11, 25)) == date(2027, 2, 23)


def test_every_rule_has_a_name_of_its_own_a_sentence_and_a_source() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.title.endswith(".") and rule.source for rule in RULES)
    assert all(proof.title.endswith(".") and proof.source for proof in PROOFS.values())


def test_a_rule_that_nobody_can_compute_does_not_load() -> None:
    with pytest.raises(ValueError, match="fortnight"):
        deadlines.Length(2, "fortnight")
