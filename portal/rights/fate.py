"""The fate of every holding when its owner is erased, as the tables declare it, in batches that hold nobody up."""

from __future__ import annotations

import uuid
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select, update

from portal.core import db, keyring
from portal.core.holdings import Held, OnErasure
from portal.rights import records

BATCH = 500


def sweep(person_id: uuid.UUID) -> int:
    """Let every holding meet its declared fate, at most one batch each; how many rows were touched."""
    whose = records.Subject(person_id, (), is_living=False)
    touched = 0
    for held in records.all_held():
        if held.holding.tied_to:
            touched += _forget_tied(held, person_id)
        if held.holding.found_by != "digest":
            touched += _fate(held, whose)
    return touched


def _fate(held: Held, whose: records.Subject) -> int:
    table, said = held.table, held.holding.on_erasure
    chosen = select(table.c.id).where(records.mine(held, whose)).limit(BATCH)
    if said == OnErasure.DELETE:
        return _count(delete(table).where(table.c.id.in_(chosen)))
    if said == OnErasure.PSEUDONYMIZE:
        return _count(update(table).where(table.c.id.in_(chosen.where(table.c.box.is_not(None)))).values(box=None))
    return 0


def _forget_tied(held: Held, person_id: uuid.UUID) -> int:
    """People known only through this one go along, keys and rows."""
    table = held.table
    tied = (
        db.session()
        .execute(select(table.c.id, table.c.person_id).where(table.c[held.holding.tied_to or ""] == person_id).limit(BATCH))
        .all()
    )
    for row in tied:
        keyring.destroy(row.person_id, keyring.PROFILE)
    return _count(delete(table).where(table.c.id.in_([row.id for row in tied]))) if tied else 0


def _count(statement: Any) -> int:
    return cast(CursorResult[Any], db.session().execute(statement)).rowcount
