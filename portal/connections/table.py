"""A shop's file as a table: surveyed once as a whole, then given row by row, each cell cleaned and none lost unseen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from portal.connections import cells as cell
from portal.connections import encoding, records
from portal.connections.columns import APOSTROPHE_OFF, NO_CARDS, Columns, Kind, Layout, heading, matched
from portal.connections.records import Format, Record
from portal.connections.report import Outcome, Place, Reason, Report
from portal.core import card_numbers, csv_cells

BROKEN = re.compile("[\0\ud800-\udfff]")
SHORTEST_CARD_CELL = 7
APART = "\0" * 3
Cells = list[str]


@dataclass
class Row:
    """The filled cells of one row by field. What is no amount, moment or answer is kept in `as_typed`, and told."""

    place: Place
    columns: Columns
    report: Report
    zone: ZoneInfo
    filled: dict[str, str]
    as_typed: list[tuple[str, str]] = field(default_factory=list)

    def text(self, name: str) -> str:
        return self.filled.get(name, "")

    def first(self, *names: str) -> str:
        """The first of these fields that is filled."""
        return next((self.filled[name] for name in names if name in self.filled), "")

    def amount(self, name: str, currency: str = "") -> Decimal | None:
        text = self.text(name)
        value = cell.amount(text, currency) if text else None
        if text and value is None:
            self.keep(name, _("not clearly an amount; kept as it was typed"))
        return value

    def moment(self, name: str) -> datetime | None:
        text = self.text(name)
        value = cell.moment(text, self.zone) if text else None
        if text and value is None:
            self.keep(name, _("not clearly a day and time; kept as it was typed"))
        return value

    def answer(self, name: str) -> bool | None:
        text = self.text(name)
        value = cell.answer(text) if text else None
        if text and value is None:
            self.warn(name, _("neither yes nor no; taken as no answer"))
        return value

    def warn(self, name: str, detail: str) -> None:
        self.report.tell(Outcome.WARNING, self.place, self.columns.name(name), detail)

    def keep(self, name: str, detail: str) -> None:
        """Keep the cell as it was typed, since it is not what its column should hold."""
        self.as_typed.append((self.columns.name(name), self.filled[name]))
        self.warn(name, detail)


@dataclass(frozen=True)
class Table:
    """One file of one vendor's layout."""

    path: Path
    form: Format
    columns: Columns
    zone: ZoneInfo
    headings: tuple[str, ...]

    def records(self, report: Report) -> Iterator[Record]:
        """The records that are rows, made as wide as the header. The others are skipped in the report."""
        for record in records.read(self.path, self.form):
            if record.row == 0:
                continue
            place = Place(record.row, record.line)
            reason = self._trouble(record.cells)
            if reason or record.cells is None:
                report.skip(place, reason or Reason.UNREADABLE)
                continue
            if len(record.cells) < len(self.headings):
                report.tell(Outcome.WARNING, place, "", _("the row is too short; its last cells are taken as empty"))
            yield record._replace(cells=self.wide(record.cells))

    def wide(self, cells: Cells) -> Cells:
        return cells + [""] * (len(self.headings) - len(cells))

    def _trouble(self, cells: Cells | None) -> Reason | None:
        if cells is None or BROKEN.search("".join(cells)):
            return Reason.UNREADABLE
        if len(cells) > len(self.headings):
            return Reason.WRONG_COLUMN_COUNT
        if heading(cells[0]) == self.headings[0] and tuple(map(heading, cells)) == self.headings:
            return Reason.REPEATED_HEADER
        return None

    def row(self, place: Place, cells: Cells, report: Report) -> Row:
        """The row with each field's cell cleaned and card numbers removed; whatever that changed is in the report."""
        row = Row(place, self.columns, report, self.zone, {})
        for name, positions in self.columns.fields.items():
            found = [(at, text) for at in positions if cells[at] and (text := self._safe(row, at, cells[at], self.columns.kinds[name]))]
            if found:
                row.filled[name] = found[0][1]
            for at, text in found[1:]:
                if text != found[0][1]:
                    detail = _("another column of this name says something else; the first one counts")
                    report.tell(Outcome.DROPPED, place, self.columns.names[at], detail)
        return row

    def _safe(self, row: Row, at: int, text: str, kind: Kind) -> str:
        text = clean(text, kind)
        if kind in NO_CARDS or len(text) < SHORTEST_CARD_CELL:
            return text
        safe, count = card_numbers.remove(text)
        if count:
            row.report.tell(Outcome.CHANGED, row.place, self.columns.names[at], _("a card number was removed"))
        return "" if count and kind is Kind.EMAIL else safe

    def id(self, name: str, cells: Cells) -> str:
        """What one id column says, without looking at the rest of the row."""
        return next((text for at in self.columns.fields[name] if (text := clean(cells[at], Kind.ID))), "")


def clean(text: str, kind: Kind) -> str:
    """The cell without what shop systems put around it; nothing inside it changes."""
    text = cell.email(text) if kind is Kind.EMAIL else cell.trim(text)
    return cell.trim(cell.without_apostrophe(text)) if kind in APOSTROPHE_OFF else csv_cells.unescape(text)


def merged(rows: list[Row], names: Iterable[str]) -> Row:
    """Rows of one thing as one: the first filled cell of each of these fields counts, a differing later one is told."""
    first = rows[0]
    whole = Row(first.place, first.columns, first.report, first.zone, {})
    for row in rows:
        for name in names:
            text = row.text(name)
            if text and whole.filled.setdefault(name, text) != text:
                row.warn(name, _("differs from an earlier row of the same order; the earlier one counts"))
    return whole


def open_table(path: Path, layout: Layout, zone: ZoneInfo, report: Report) -> Table:
    """Read the whole file once, count its rows, and tell about its letters and about columns that are not taken.

    Raises FileRefused: an empty, cut off or foreign file.
    """
    form, header = records.form_of(path, encoding.detect(path))
    columns = matched(layout, header)
    table = Table(path, form, columns, zone, tuple(map(heading, header)))
    survey = _survey(table)
    report.rows = survey.rows
    _tell(survey, columns, form, report)
    return Table(path, form, columns.without(survey.card_columns), zone, table.headings)


@dataclass
class _Survey:
    rows: int = 0
    guessed: int = 0
    filled: Counter[int] = field(default_factory=Counter)
    cards: Counter[int] = field(default_factory=Counter)

    @property
    def card_columns(self) -> frozenset[int]:
        """Columns most of whose filled cells are card numbers."""
        return frozenset(at for at, count in self.cards.items() if 2 * count > self.filled[at])


def _survey(table: Table) -> _Survey:
    survey = _Survey()
    silent = Report()
    suspects = [at for at in range(len(table.headings)) if at not in table.columns.exempt]
    for record in table.records(silent):
        cells = record.cells or []
        survey.rows += 1
        survey.filled.update(at for at, text in enumerate(cells) if text.strip())
        survey.cards.update(_with_cards(cells, suspects))
        if table.form.encoding.is_guess:
            survey.guessed += sum(not text.isascii() for text in cells)
    survey.rows += silent.skipped
    return survey


def _with_cards(cells: Cells, suspects: Iterable[int]) -> list[int]:
    long = [at for at in suspects if len(cells[at]) >= SHORTEST_CARD_CELL]
    text = APART.join([cells[at] for at in long])
    if text.isascii() and not card_numbers.MAYBE.search(text):
        return []
    return [at for at in long if card_numbers.contains(cells[at])]


def _tell(survey: _Survey, columns: Columns, form: Format, report: Report) -> None:
    if form.encoding.is_guess:
        detail = _("the file is not Unicode; read as Windows-1252, which concerns %(count)s cells", count=survey.guessed)
        report.tell(Outcome.WARNING, None, "", detail)
    for at in sorted(columns.dropped | survey.card_columns):
        detail = _("filled cells: %(count)s; never stored", count=survey.filled[at])
        report.tell(Outcome.DROPPED, None, columns.names[at], detail)
    for at in columns.unread:
        if survey.filled[at] and at not in survey.card_columns:
            detail = _("filled cells: %(count)s; not imported", count=survey.filled[at])
            report.tell(Outcome.UNREAD, None, columns.names[at], detail)
