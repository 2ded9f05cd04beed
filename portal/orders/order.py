"""Orders: what was bought stays as long as the law says, who bought it only as long as the account."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Index, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from portal import settings
from portal.core import clock, db, deadlines, digests, keyring
from portal.core.db import Base, Digest, Moment, Short
from portal.core.holdings import Basis, Holding, OnErasure, Provenance
from portal.core.jobs import Job, More, job
from portal.core.keyring import Dek
from portal.core.sealed import Owned, sealed

OPEN_FOR = timedelta(days=60)
BATCH = 500


class State(StrEnum):
    """Where an order stands in the shop's system."""

    OPEN = "open"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class Order(Owned, Base):
    """One purchase. The kept document opens with a key of its own, named for the year it may be destroyed in."""

    __tablename__ = "purchase"
    __holding__ = Holding(
        _l("Orders"),
        purpose=_l("delivering what you bought, helping you with it, and the shop's books"),
        basis=Basis.CONTRACT,
        on_erasure=OnErasure.PSEUDONYMIZE,
        kept=_l("number, date, items, amounts, country and region as long as tax law says; all else as long as you have an account"),
        provenance=Provenance.GIVEN,
        hidden=frozenset({"number_digest"}),
        plain={
            "number_digest": "keyed digest for look-up by order number",
            "placed_at": "time",
            "state": "a word",
            "total": "an amount",
            "currency": "three letters",
            "kept_until": "a date",
            "keep_rule": "names the law",
        },
        page="rights.data",
    )
    __table_args__ = (Index(None, "person_id", "placed_at"),)

    number_digest: Mapped[Digest] = mapped_column(unique=True)
    placed_at: Mapped[Moment]
    state: Mapped[State]
    total: Mapped[Short]
    currency: Mapped[Short]
    kept_until: Mapped[date] = mapped_column(index=True)
    keep_rule: Mapped[Short]
    kept_box: Mapped[bytes | None]
    number = sealed(_l("Order number"), kept=True)
    lines = sealed(_l("Items"), kept=True, default=[])
    amounts = sealed(_l("Amounts"), kept=True, default={})
    country = sealed(_l("Country"), kept=True)
    region = sealed(_l("Region"), kept=True)
    email = sealed(_l("E-mail address"))
    phone = sealed(_l("Phone"))
    billing = sealed(_l("Billing address"), default={})
    shipping = sealed(_l("Delivery address"), default={})
    note = sealed(_l("Your note"))
    payment = sealed(_l("Paid with"))
    details = sealed(_l("More that the shop's system says"), default={})
    tags = sealed(_l("The shop's tags"), default=[])

    @staticmethod
    def kind_of_kept_key(row: Any) -> str:
        return retained(row.kept_until)


def retained(until: date) -> str:
    """Kind of the key that lives until the end of that year."""
    return f"retained-{until.year}"


def kept_until(sold_at: date) -> tuple[date, str]:
    """Until when the shop's laws make it keep a sale of that day, and which of them is the longest."""
    keep = deadlines.keep_until(sold_at, settings.current().keep_rules)
    return keep.until, keep.rule.id


def number_digest(system: str, number: str) -> bytes:
    return digests.digest("order", f"{system}|{number}")


def find(system: str, number: str) -> Order | None:
    """The order that another system knows by this number."""
    return db.session().scalars(select(Order).where(Order.number_digest == number_digest(system, number))).first()


def get(person_id: uuid.UUID, order_id: uuid.UUID) -> Order | None:
    return db.session().scalars(select(Order).where(Order.id == order_id, Order.person_id == person_id)).first()


def of(person_id: uuid.UUID, limit: int, before: datetime | None = None) -> Sequence[Order]:
    """A person's orders, newest first."""
    older = (Order.placed_at < before,) if before else ()
    return (
        db.session().scalars(select(Order).where(Order.person_id == person_id, *older).order_by(Order.placed_at.desc()).limit(limit)).all()
    )


def count(person_id: uuid.UUID) -> int:
    return db.session().scalar(select(func.count()).select_from(Order).where(Order.person_id == person_id)) or 0


def open_of(person_id: uuid.UUID) -> Sequence[Order]:
    """Orders still under way: neither delivered, cancelled nor refunded, and younger than 60 days."""
    young = Order.placed_at > clock.now() - OPEN_FOR
    return (
        db.session()
        .scalars(select(Order).where(Order.person_id == person_id, Order.state == State.OPEN, young).order_by(Order.placed_at))
        .all()
    )


@job("sweep_expired_orders", every=timedelta(days=1))
def sweep_expired(_job: Job) -> More | None:
    """Delete kept records of erased people on the first day after their date, and the key that opened them."""
    session, today = db.session(), clock.now().date()
    has_profile = select(Dek.id).where(Dek.owner == Order.person_id, Dek.kind == keyring.PROFILE).exists()
    rows = session.execute(
        select(Order.id, Order.person_id, Order.kept_until).where(Order.kept_until < today, ~has_profile).limit(BATCH)
    ).all()
    session.execute(delete(Order).where(Order.id.in_([row.id for row in rows])))
    for person_id, until in {(row.person_id, row.kept_until) for row in rows}:
        if not _has_more(person_id, until):
            keyring.destroy(person_id, retained(until))
    return More() if len(rows) == BATCH else None


def _has_more(person_id: uuid.UUID, until: date) -> bool:
    first, last = date(until.year, 1, 1), date(until.year, 12, 31)
    return (
        db.session().scalar(select(Order.id).where(Order.person_id == person_id, Order.kept_until.between(first, last)).limit(1))
        is not None
    )
