"""What became of every row of a file: counted, and written down where it was not simply taken."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, TextIO

from portal.core import card_numbers, csv_cells

COLUMNS = ("row", "line", "outcome", "reason", "column", "detail")


class Reason(StrEnum):
    """Why a row was skipped; there are no others."""

    BAD_EMAIL = "bad_email"
    NOTHING_TO_IDENTIFY = "nothing_to_identify"
    NO_ORDER_NUMBER = "no_order_number"
    REPEATED_HEADER = "repeated_header"
    WRONG_COLUMN_COUNT = "wrong_column_count"
    UNREADABLE = "unreadable"


class Outcome(StrEnum):
    """What a line of the report tells about a row, a cell or a column."""

    SKIPPED = "skipped"
    CHANGED = "changed"
    DROPPED = "dropped"
    UNREAD = "unread"
    WARNING = "warning"


class Place(NamedTuple):
    """Where a row stands in its file: the number of its record from 1, and its first line from 1."""

    row: int
    line: int


class RowsLost(AssertionError):
    """A row ended in none of the three ways, or in two: a mistake of ours, never of the file."""


class Report:
    """Counts rows: each is imported, updated or skipped. Lines go to `target` as they come; nothing is collected.

    `erased_before` counts new people whose address was erased here before: the shop should find out why it has them again.
    """

    def __init__(self, target: TextIO | None = None) -> None:
        self.rows = self.imported = self.updated = self.skipped = self.orders = self.erased_before = 0
        self.reasons: Counter[Reason] = Counter()
        self._lines = csv.writer(target) if target else None
        self._line(COLUMNS)

    def count_imported(self, rows: int = 1) -> None:
        self.imported += rows

    def count_updated(self, rows: int = 1) -> None:
        self.updated += rows

    @property
    def done(self) -> int:
        """Rows that ended in one of the three ways."""
        return self.imported + self.updated + self.skipped

    def skip(self, place: Place, reason: Reason, column: str = "", detail: str = "") -> None:
        self.skipped += 1
        self.reasons[reason] += 1
        self._line((str(place.row), str(place.line), Outcome.SKIPPED, reason, column, detail))

    def tell(self, outcome: Outcome, place: Place | None, column: str, detail: str) -> None:
        """Write down what became of a cell, or of a whole column if no place is given. Details quote no cell."""
        row, line = (str(place.row), str(place.line)) if place else ("", "")
        self._line((row, line, outcome, "", column, detail))

    def summary(self) -> str:
        """The last line of an import. Raises RowsLost unless every row ended in exactly one of three ways."""
        if self.rows != self.done:
            raise RowsLost(self._figures())
        return self._figures()

    def _figures(self) -> str:
        return f"rows={self.rows} imported={self.imported} updated={self.updated} skipped={self.skipped}"

    def _line(self, cells: tuple[str, ...]) -> None:
        if self._lines:
            self._lines.writerow([csv_cells.escape(card_numbers.remove(cell)[0]) for cell in cells])


@contextmanager
def written_to(path: Path | None) -> Iterator[Report]:
    """A report that is written to this file, which only its owner may read; or to none."""
    if path is None:
        yield Report()
        return
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w", encoding="utf-8", newline="") as target:  # noqa: PTH123 (a handle, not a path)
        os.fchmod(handle, 0o600)
        yield Report(target)
