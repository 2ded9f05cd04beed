"""People whom a shop's file tells us about for the first time: each gets a key, and all their rows are sealed and written together."""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal import settings
from portal.addresses.address import Address
from portal.addresses.country_names import CODES
from portal.connections.report import Place
from portal.contacts.contact import Contact, Kind
from portal.core import acting, audit, boxes, clock, db, digests, keyring, phones
from portal.core.audit import Entry
from portal.core.db import new_key
from portal.customers.customer import Customer, ExternalId

BROUGHT_IN = "imported"
MARK = 32
Fields = Mapping[str, Any]
Rows = dict[Any, list[dict[str, Any]]]


@dataclass(frozen=True)
class Known:
    """Under which number another system knows somebody, and what it says about them."""

    system: str
    digest: bytes
    number: str
    said: Fields


@dataclass(frozen=True)
class Source:
    """A file: its name, and a mark by which the same content is known again."""

    name: str
    mark: str

    @classmethod
    def of(cls, path: Path) -> Source:
        with path.open("rb") as file:
            return cls(path.name, hashlib.file_digest(file, "sha256").hexdigest()[:MARK])

    def origin(self, place: Place) -> dict[str, Any]:
        """Where something came from, as the audit trail seals it for the person."""
        return {"file": self.name, "row": place.row}


@dataclass(frozen=True)
class Newcomer:
    """Somebody new. `address` has the names of an address form; the phone is dialed from `country`, or else from the shop's."""

    source: Source
    place: Place
    digest: bytes | None = None
    email: str = ""
    name: str = ""
    phone: str = ""
    country: str = ""
    note: str = ""
    tags: Sequence[str] = ()
    address: Mapping[str, str] = field(default_factory=dict)
    known: Known | None = None


def phone_digest(number: str, country: str) -> bytes | None:
    """What somebody can be looked up by who calls from this number."""
    dialed_in = country if country in CODES else settings.current().shop_country
    international = phones.e164(number, dialed_in) if number else None
    return digests.digest("phone", international) if international else None


def country_column(address: Mapping[str, str]) -> str:
    """The country in the open only if it is a code; free text could be anything, and is kept among what the system says."""
    code = address.get("country", "")
    return code if code in CODES else ""


def bring_in(people: Sequence[Newcomer]) -> list[uuid.UUID]:
    """Write all these people; their ids, in the same order. As many statements for five hundred as for one."""
    rows: Rows = defaultdict(list)
    born = keyring.mint_many(len(people))
    for (person_id, dek), newcomer in zip(born, people, strict=True):
        _write(rows, person_id, dek, newcomer)
    rows[Contact].sort(key=lambda row: bytes(row["digest"]))
    rows[ExternalId].sort(key=lambda row: bytes(row["digest"]))
    for model, found in rows.items():
        if found:
            db.session().execute(model.__table__.insert(), found)
    return [person_id for person_id, _dek in born]


def _write(rows: Rows, person_id: uuid.UUID, dek: bytes, one: Newcomer) -> None:
    def add(model: Any, fields: Fields, plain: Fields, row_id: uuid.UUID | None = None) -> None:
        row_id = row_id or new_key()
        box = boxes.seal(dek, model.__tablename__, row_id, person_id, {name: value for name, value in fields.items() if value})
        rows[model].append({"id": row_id, "person_id": person_id, "box": box, **plain})

    details = {"name": one.name, "phone": one.phone, "note": one.note, "tags": list(one.tags)}
    look_up = phone_digest(one.phone, one.country)
    add(Customer, details, {"phone_digest": look_up, "last_active_at": clock.now()}, person_id)
    if one.digest:
        add(Contact, {"address": one.email}, {"kind": Kind.EMAIL, "digest": one.digest})
    if one.known:
        fields = {"number": one.known.number, "said": one.known.said, "file": one.source.mark}
        add(ExternalId, fields, {"system": one.known.system, "digest": one.known.digest})
    if one.address:
        parts = {name: part for name, part in one.address.items() if name != "country"}
        add(Address, parts, {"country": country_column(one.address), "is_delivery_default": True, "is_billing_default": True})
    rows[Entry].append(_entry(person_id, dek, one.source.origin(one.place)))


def _entry(person_id: uuid.UUID, dek: bytes, details: Fields) -> dict[str, Any]:
    row_id, actor = new_key(), str(acting.actor())
    data = audit.canonical({"system": acting.scene().source}).decode()
    box = boxes.seal(dek, Entry.__tablename__, row_id, person_id, details)
    return {"id": row_id, "subject": person_id, "at": clock.now(), "actor": actor, "act": BROUGHT_IN, "data": data, "box": box}
