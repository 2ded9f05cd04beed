"""A file is written in small transactions: nobody waits for long, and an import that was cut off goes on when it is run again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from portal.connections.report import Outcome, Place, Report
from portal.core import db
from portal.core.keyring import KeyGone

MOST_ROWS = 500
TRIES = 5
T = TypeVar("T")


class Note(NamedTuple):
    """Something that the report tells about a cell."""

    place: Place
    column: str
    detail: str


@dataclass
class Tally:
    """What one batch did. It counts only once the batch is kept."""

    imported: int = 0
    updated: int = 0
    orders: int = 0
    erased_before: int = 0
    notes: list[Note] = field(default_factory=list)

    def leave(self, place: Place, column: str, detail: str) -> None:
        """Note a cell that says something else than what is known, and was not taken."""
        self.notes.append(Note(place, column, detail))

    def count_in(self, report: Report) -> None:
        report.count_imported(self.imported)
        report.count_updated(self.updated)
        report.orders += self.orders
        report.erased_before += self.erased_before
        for note in self.notes:
            report.tell(Outcome.DROPPED, note.place, note.column, note.detail)


def batches(items: Iterable[T], rows_of: Callable[[T], int]) -> Iterator[list[T]]:
    """Items of together at most 500 rows; one that has more goes alone."""
    batch: list[T] = []
    rows = 0
    for item in items:
        if batch and rows + rows_of(item) > MOST_ROWS:
            yield batch
            batch, rows = [], 0
        batch.append(item)
        rows += rows_of(item)
    if batch:
        yield batch


def written(write: Callable[[list[T]], Tally], batch: list[T]) -> Tally:
    """Write a batch in a transaction of its own; again if another transaction got in the way, or erased somebody meanwhile."""
    for _attempt in range(TRIES - 1):
        try:
            return _write(write, batch)
        except (SQLAlchemyError, KeyGone) as error:
            if not (isinstance(error, KeyGone) or db.is_contention(error)):
                raise
    return _write(write, batch)


def _write(write: Callable[[list[T]], Tally], batch: list[T]) -> Tally:
    with db.transaction():
        return write(batch)
