"""Long lists in pages: newest first, from one known row to the next, so that page 500 costs what page 1 costs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select

from portal.core import db

SIZE = 20


@dataclass(frozen=True)
class Place:
    """Where in a list a reader is: before or after a row they have seen, or at the top."""

    before: uuid.UUID | None = None
    after: uuid.UUID | None = None


@dataclass(frozen=True)
class Turn:
    """One page. `newer` and `older` are the rows that the neighbor pages begin from, if there are such pages."""

    rows: Sequence[Any]
    count: int
    newer: uuid.UUID | None
    older: uuid.UUID | None


def turn(query: Select[Any], key: Any, count: int, place: Place) -> Turn:
    """The page at this place; `key` is the time-ordered id (UUID of version 7) that the list is ordered by. One statement."""
    if place.after:
        found = _read(query.where(key > place.after).order_by(key))
        rows, has_older, has_newer = found[:SIZE][::-1], True, len(found) > SIZE
    else:
        found = _read(query.where(*_until(key, place.before)).order_by(key.desc()))
        rows, has_older, has_newer = found[:SIZE], len(found) > SIZE, place.before is not None
    return Turn(rows, count, rows[0].id if rows and has_newer else None, rows[-1].id if rows and has_older else None)


def _until(key: Any, before: uuid.UUID | None) -> tuple[ColumnElement[bool], ...]:
    return (key < before,) if before else ()


def _read(query: Select[Any]) -> Sequence[Any]:
    result = db.session().execute(query.limit(SIZE + 1))
    is_rows = len(query.column_descriptions) > 1
    return result.all() if is_rows else result.scalars().all()
