"""A rehearsal: requests run as ever, but what they write is taken back at the end, so that each one finds the house as it was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from portal.core import db
from portal.core.db import Base

KEPT_OUT = frozenset({"rate_limit"})
Rows = dict[str, dict[Any, str]]


class Rehearsal:
    """Every write transaction is flushed, looked at and rolled back. `changed` names the tables that the last one changed."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.real, self.before = db.transaction, {}  # type: Any, Rows
        self.changed: set[str] = set()
        self.touched_people: set[UUID] = set()
        patch.setattr(db, "transaction", self.transaction)

    def begin(self) -> None:
        """Remember how the house stands."""
        with db.reading() as session:
            self.before = rows(session)
        self.forget()

    def forget(self) -> None:
        self.changed, self.touched_people = set(), set()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with self.real() as session:
            yield session
            session.flush()
            if self.before:
                self._look(rows(session))
            session.expunge_all()
            session.rollback()

    def _look(self, now: Rows) -> None:
        for name, before in self.before.items():
            different = {key for key in before.keys() | now[name].keys() if before.get(key) != now[name].get(key)}
            if different:
                self.changed.add(name)
                self.touched_people |= {key[1] for key in different if key[1] is not None}


def rows(session: Session) -> Rows:
    """A mark of every row of every table, by its key and its person."""
    return {table.name: _marks(session, table) for table in Base.metadata.sorted_tables if table.name not in KEPT_OUT}


def _marks(session: Session, table: Any) -> dict[Any, str]:
    keys = [column.name for column in table.primary_key.columns]
    found = session.connection().execute(table.select()).mappings()
    return {(tuple(row[key] for key in keys), row.get("person_id")): _mark(row) for row in found}


def _mark(row: Any) -> str:
    return hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()
