"""How long the law makes a shop keep what it sold: one table of rules, one calculator, no state."""

from __future__ import annotations

import tomllib
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("keep_rules.toml")


def add_days(day: date, number: int) -> date:
    """The day `number` days later; the start day is not counted (Reg. (EEC, Euratom) 1182/71 art. 3(1))."""
    return day + timedelta(days=number)


def add_months(day: date, number: int) -> date:
    """The same day of the month `number` months later, else the last day of that month.

    Count from the start day, never in steps: 31 January and 3 months is 30 April (Reg. (EEC, Euratom) 1182/71 art. 3(2)(c)).
    """
    years, month = divmod(day.month - 1 + number, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def add_years(day: date, number: int) -> date:
    """The same date `number` years later; 29 February becomes 28 February where there is none."""
    return add_months(day, 12 * number)


UNITS: Mapping[str, Callable[[date, int], date]] = {"day": add_days, "month": add_months, "year": add_years}
STARTS: Mapping[str, Callable[[date], date]] = {
    "sent": lambda sold_at: sold_at,
    "year-end": lambda sold_at: date(sold_at.year, 12, 31),
    "tax-due": lambda sold_at: add_months(sold_at.replace(day=20), 1),
    "return-due": lambda sold_at: date(sold_at.year + 1, 4, 15),
    "fiscal-due": lambda sold_at: date(sold_at.year + (sold_at.month > 3), 12, 31),
}


@dataclass(frozen=True)
class Length:
    """A span as a law writes it: 8 years, 24 months, 90 days."""

    number: int
    unit: str

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"A length is counted in days, months or years, not in {self.unit!r}.")

    def after(self, day: date) -> date:
        """The last day of this span when it starts on `day`."""
        return UNITS[self.unit](day, self.number)


@dataclass(frozen=True)
class KeepRule:
    """One law that makes a shop keep records of a sale."""

    id: str
    regime: str
    title: str
    source: str
    start: str
    length: Length
    keeps: tuple[str, ...]
    counsel: str

    def __post_init__(self) -> None:
        if self.start not in STARTS:
            raise ValueError(f"The rule {self.id} starts at {self.start!r}, which nobody can compute.")

    def last_day(self, sold_at: date) -> date:
        """The last day on which the records of a sale must still be there."""
        return self.length.after(STARTS[self.start](sold_at))


@dataclass(frozen=True)
class Proof:
    """How long we keep what shows that we kept a promise, counted from the day `start` names."""

    id: str
    title: str
    source: str
    start: str
    length: Length


@dataclass(frozen=True)
class Keep:
    """Until when the records of one sale stay, and the rule that says so."""

    until: date
    rule: KeepRule

    @property
    def ends_on(self) -> date:
        """The first day without a reason to keep them: the day they are deleted."""
        return add_days(self.until, 1)


def _read(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "length": Length(**row["length"])}


_table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
RULES: tuple[KeepRule, ...] = tuple(KeepRule(**{**_read(row), "keeps": tuple(row["keeps"])}) for row in _table["rule"])
PROOFS: Mapping[str, Proof] = {row["id"]: Proof(**_read(row)) for row in _table["proof"]}
REGIMES: tuple[str, ...] = tuple(dict.fromkeys(rule.regime for rule in RULES))


def rule(rule_id: str) -> KeepRule:
    """The rule that a kept record names."""
    return next(known for known in RULES if known.id == rule_id)


def rules_of(regimes: Sequence[str]) -> tuple[KeepRule, ...]:
    """Every rule of the regimes a shop names in PORTAL_KEEP_RULES. Raises ValueError, in a sentence, for an unknown or no name."""
    if unknown := [name for name in regimes if name not in REGIMES]:
        raise ValueError(f"No keep rule is called {', '.join(unknown)}. The names are {', '.join(REGIMES)}.")
    if not regimes:
        raise ValueError(f"Name at least one keep rule: {', '.join(REGIMES)}.")
    return tuple(rule for rule in RULES if rule.regime in regimes)


def keep_until(sold_at: date, regimes: Sequence[str]) -> Keep:
    """Until when the records of a sale of that day stay: where several laws apply, the longest counts. Raises as `rules_of`."""
    longest = max(rules_of(regimes), key=lambda rule: rule.last_day(sold_at))
    return Keep(longest.last_day(sold_at), longest)
