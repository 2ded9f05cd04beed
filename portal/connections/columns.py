"""Columns of a shop's file, found by their names, whatever their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple

from flask_babel import gettext as _

from portal.connections.cells import EDGES
from portal.connections.records import FileRefused

AROUND_NAMES = EDGES + "\ufeff\"'"
NEVER_STORED = frozenset(
    {"password", "password_hash", "rp_token", "rp_token_created_at", "user_pass", "card number", "card_number"},
)


class Kind(Enum):
    """What the cells of a column hold, and so how they are cleaned."""

    TEXT = auto()
    EMAIL = auto()
    ANSWER = auto()
    AMOUNT = auto()
    MOMENT = auto()
    ID = auto()
    PHONE = auto()
    POSTAL_CODE = auto()


APOSTROPHE_OFF = frozenset({Kind.AMOUNT, Kind.MOMENT, Kind.ID, Kind.PHONE, Kind.POSTAL_CODE})
"""Shop systems put one apostrophe before such cells; it is never part of them."""
NO_CARDS = frozenset({Kind.ID, Kind.PHONE, Kind.POSTAL_CODE})
"""Numbers that other systems gave: one in ten of those that start like a card number passes its check digit."""


class Column(NamedTuple):
    """What a column holds, and the names that it goes by, the usual one first."""

    kind: Kind
    names: tuple[str, ...]


def column(kind: Kind, *names: str) -> Column:
    return Column(kind, names)


@dataclass(frozen=True)
class Layout:
    """A vendor's table: our field names and the vendor's columns; without the required ones it is another file."""

    title: str
    columns: Mapping[str, Column]
    required: tuple[str, ...]


@dataclass(frozen=True)
class Columns:
    """The columns of one file: their names in its own words, where each field stands, and what is never stored."""

    names: tuple[str, ...]
    fields: Mapping[str, tuple[int, ...]]
    kinds: Mapping[str, Kind]
    dropped: frozenset[int]

    @property
    def unread(self) -> tuple[int, ...]:
        read = {position for positions in self.fields.values() for position in positions}
        return tuple(position for position in range(len(self.names)) if position not in read | self.dropped)

    @property
    def exempt(self) -> frozenset[int]:
        """Columns whose long numbers are no card numbers."""
        return frozenset(position for field, positions in self.fields.items() if self.kinds[field] in NO_CARDS for position in positions)

    def name(self, field: str) -> str:
        """What the file calls the field."""
        return ", ".join(self.names[position] for position in self.fields.get(field, ())[:1])

    def without(self, positions: frozenset[int]) -> Columns:
        """The same columns, but nothing is taken from these."""
        fields = {field: tuple(place for place in places if place not in positions) for field, places in self.fields.items()}
        return replace(self, fields=fields, dropped=self.dropped | positions)


def heading(cell: str) -> str:
    """A column's name as it is compared: without marks, quotes and spaces around it, in lower case."""
    return cell.strip(AROUND_NAMES).casefold()


def matched(layout: Layout, header: list[str]) -> Columns:
    """Where the layout's fields stand under this header.

    Raises FileRefused, in one sentence that names the missing columns, if the header is not the layout's.
    """
    headings = [heading(cell) for cell in header]
    fields = {field: _positions(column, headings) for field, column in layout.columns.items()}
    missing = [layout.columns[field].names[0] for field in layout.required if not fields[field]]
    if missing:
        sentence = "This is not a file of %(title)s: it has no column %(missing)s. Nothing was imported."
        raise FileRefused(_(sentence, title=layout.title, missing=", ".join(missing)))
    kinds = {field: column.kind for field, column in layout.columns.items()}
    columns = Columns(_numbered(header), fields, kinds, frozenset())
    return columns.without(frozenset(place for place, name in enumerate(headings) if name in NEVER_STORED))


def _positions(column: Column, headings: list[str]) -> tuple[int, ...]:
    names = [name.casefold() for name in column.names]
    return tuple(place for place, name in enumerate(headings) if name in names)


def _numbered(header: list[str]) -> tuple[str, ...]:
    """The names in the file's own words; a repeated one carries its count."""
    seen: Counter[str] = Counter()
    names = []
    for cell in header:
        seen[heading(cell)] += 1
        own = cell.strip(AROUND_NAMES)
        names.append(own if seen[heading(cell)] == 1 else f"{own} ({seen[heading(cell)]})")
    return tuple(names)
