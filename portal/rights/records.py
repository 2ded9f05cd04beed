"""Records: everything the house holds about one person, read from what the tables declare and from nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Row, func, literal, select, tuple_, union_all

from portal.addresses.address import Address
from portal.contacts import contact
from portal.contacts.contact import Contact
from portal.core import boxes, db, digests, keyring
from portal.core.db import Base
from portal.core.holdings import Held, holdings
from portal.core.sealed import Sealed
from portal.customers.customer import Customer
from portal.orders.order import Order
from portal.payments.method import PaymentMethod

PAGE = 1000
FIRST = (Customer, Contact, Address, PaymentMethod, Order)
TECHNICAL = frozenset({"box", "kept_box", "version", "person_id", "key_kind_name"})
Record = dict[str, Any]


class ErasedMeanwhile(Exception):
    """The person was erased while their data was read: what follows must not be shown."""


@dataclass(frozen=True)
class Subject:
    """Whose data: the person's id, and the digests of addresses that their choices stand under."""

    person_id: uuid.UUID
    digests: tuple[bytes, ...]
    is_living: bool


def subject(person_id: uuid.UUID, *addresses: str) -> Subject:
    """A person as the records know them. `addresses` help for somebody who was erased: their choices lead nowhere else."""
    known = {own.digest for own in contact.of(person_id)} | {digests.email_digest(address) for address in addresses}
    return Subject(person_id, tuple(sorted(known)), keyring.dek_of(person_id, keyring.PROFILE) is not None)


def mine(held: Held, whose: Subject) -> ColumnElement[bool]:
    """The rows of a table that are about this person."""
    column = held.table.c[held.holding.found_by]
    return column.in_(whose.digests) if held.holding.found_by == "digest" else column == whose.person_id


def all_held() -> list[Held]:
    """Every holding, what people ask about first of all at the top."""
    places = {model: place for place, model in enumerate(FIRST)}
    return sorted(holdings(Base), key=lambda held: places.get(held.model, len(FIRST)))


def named(name: str) -> Held | None:
    return next((held for held in all_held() if held.name == name), None)


def counts(whose: Subject) -> dict[str, int]:
    """How many rows each holding has about a person. One statement."""
    counted: list[Any] = [
        select(literal(held.name).label("name"), func.count().label("rows")).select_from(held.table).where(mine(held, whose))
        for held in all_held()
    ]
    return {row.name: row.rows for row in db.session().execute(union_all(*counted)) if row.rows}


def columns(held: Held) -> list[str]:
    """What a record of this holding shows: its plain columns, then its sealed fields, without what is only technical."""
    plain = [column.name for column in held.table.columns]
    sealed = list(getattr(held.model, "__sealed_fields__", {})) or (["details"] if "box" in plain else [])
    return [name for name in [*plain, *sealed] if name not in TECHNICAL and name not in held.holding.hidden]


def read(held: Held, whose: Subject, *, after: uuid.UUID | None = None, until: uuid.UUID | None = None, limit: int = PAGE) -> list[Record]:
    """Up to `limit` records in the order they were made, opened with the keys that still live."""
    table = held.table
    bounds = [*((table.c.id > after,) if after else ()), *((table.c.id <= until,) if until else ())]
    rows = db.session().execute(select(table).where(mine(held, whose), *bounds).order_by(table.c.id).limit(limit)).all()
    shown = columns(held)
    return [_record(held, whose, row, shown) for row in rows]


def newest(held: Held, whose: Subject, limit: int, *, before: uuid.UUID | None = None) -> list[Record]:
    """The newest records, for a page: orders by the day they were placed, for an import brings many of them at once."""
    table = held.table
    by = [column for column in (table.c.get("placed_at"), table.c.id) if column is not None]
    query = select(table).where(mine(held, whose)).order_by(*(column.desc() for column in by)).limit(limit)
    if before:
        mark = select(*by).where(mine(held, whose), table.c.id == before)
        query = query.where(tuple_(*by) < mark.scalar_subquery())
    shown = columns(held)
    return [_record(held, whose, row, shown) for row in db.session().execute(query).all()]


def pages(held: Held, whose: Subject, until: uuid.UUID) -> Iterator[list[Record]]:
    """All records up to a cut-off id, a page at a time, each in a short read of its own, so that no transaction waits for a reader."""
    after: uuid.UUID | None = None
    while True:
        with db.reading():
            if whose.is_living and keyring.dek_of(whose.person_id, keyring.PROFILE) is None:
                raise ErasedMeanwhile
            page = read(held, whose, after=after, until=until)
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = uuid.UUID(page[-1]["id"]) if "id" in page[-1] else None


def _record(held: Held, whose: Subject, row: Row[Any], shown: Sequence[str]) -> Record:
    values = dict(row._mapping)
    fields = {**values, **_opened(held, whose, row, values)}
    return {name: _plain(fields[name]) for name in shown if name in fields}


def _opened(held: Held, whose: Subject, row: Row[Any], values: Mapping[str, Any]) -> Record:
    if not issubclass(held.model, Sealed):
        box = values.get("box")
        return {"details": _unseal(held, whose, row, box, keyring.PROFILE)} if box is not None else {}
    kinds = {"box": held.model.kind_of_key(row), "kept_box": held.model.kind_of_kept_key(row)}
    opened: Record = {}
    for column, kind in kinds.items():
        if values.get(column) is not None:
            opened.update(_unseal(held, whose, row, values[column], kind))
    return opened


def _unseal(held: Held, whose: Subject, row: Row[Any], box: bytes, kind: str) -> Record:
    dek = keyring.dek_of(whose.person_id, kind)
    return {} if dek is None else boxes.unseal(dek, held.name, row.id, whose.person_id, box)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date | uuid.UUID):
        return str(value)
    return value.hex() if isinstance(value, bytes) else value
