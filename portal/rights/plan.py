"""The plan of a deletion: what goes, what stays, by which law and until when. The same list is kept by carrying it out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from portal.core import db, deadlines
from portal.core.holdings import OnErasure
from portal.orders.order import Order
from portal.rights import records
from portal.rights.records import Subject


@dataclass(frozen=True)
class Line:
    """One holding in the plan. `why` and `until` are set only for what stays."""

    name: str
    title: str
    rows: int
    what: str = ""
    why: str = ""
    until: date | None = None


@dataclass(frozen=True)
class Plan:
    """What a deletion does with everything that is there now."""

    goes: tuple[Line, ...]
    stays: tuple[Line, ...]

    @property
    def last_day(self) -> date | None:
        """The day when the last dated thing that stays is deleted."""
        return max((line.until for line in self.stays if line.until), default=None)


def of(whose: Subject) -> Plan:
    """The plan for a person, from the declarations of the tables."""
    counted = records.counts(whose)
    goes, stays = [], []
    for held in records.all_held():
        rows, said = counted.get(held.name, 0), held.holding
        if not rows:
            continue
        if said.on_erasure == OnErasure.DELETE:
            goes.append(Line(held.name, str(said.title), rows))
        elif said.on_erasure == OnErasure.PSEUDONYMIZE:
            stays.append(_by_law(held.name, str(said.title), rows, str(said.kept), whose))
        else:
            stays.append(Line(held.name, str(said.title), rows, what=str(said.kept), why=str(said.purpose)))
    return Plan(tuple(goes), tuple(stays))


def _by_law(name: str, title: str, rows: int, what: str, whose: Subject) -> Line:
    """Orders stay by the law with the longest time among them."""
    longest = select(Order.kept_until, Order.keep_rule).where(Order.person_id == whose.person_id).order_by(Order.kept_until.desc()).limit(1)
    until, rule = db.session().execute(longest).one()
    return Line(name, title, rows, what=what, why=law_named(rule), until=until)


def law_named(rule: str) -> str:
    """The law that keeps a record, with its source."""
    law = deadlines.rule(rule)
    return f"{law.title.rstrip('.')} ({law.source})"
