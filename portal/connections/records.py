"""The records of a shop's file one after another, however large it is, and each again by its place."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO

from flask_babel import gettext as _

from portal.connections.encoding import Encoding
from portal.core.rules import Refused

LONGEST_LINE = 1_000_000
CUT_OFF = "unexpected end of data"
DELIMITERS = ",;\t"


class FileRefused(Refused):
    """The file as a whole cannot be imported; the sentence says why, and nothing was written."""

    status = 422


class Record(NamedTuple):
    """One record: its number (0 is the header), its first line (from 1), its bytes in the file, its cells (None: unreadable)."""

    row: int
    line: int
    offset: int
    size: int
    cells: list[str] | None


@dataclass(frozen=True)
class Format:
    """How the file's bytes become cells."""

    encoding: Encoding
    delimiter: str


class _Lines:
    """The lines of a file, and how many of them and of its bytes were read."""

    def __init__(self, file: TextIO, encoding: Encoding) -> None:
        self.file, self.encoding = file, encoding
        self.count, self.offset = 0, encoding.start

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.file.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        if len(line) == LONGEST_LINE:
            raise FileRefused(_("Line %(line)s is too long to be part of a table. Nothing was imported.", line=self.count + 1))
        self.count += 1
        self.offset += self.encoding.size(line)
        return line


def read(path: Path, form: Format) -> Iterator[Record]:
    """Every record in order. Lines that are wholly empty are none.

    Raises FileRefused if the file was cut off inside a quoted cell or a character, or holds a cell too large to be one.
    """
    with path.open(encoding=form.encoding.codec, errors=form.encoding.errors, newline="") as file:
        file.seek(form.encoding.start)
        lines = _Lines(file, form.encoding)
        reader = csv.reader(lines, delimiter=form.delimiter, strict=True)
        row = 0
        while True:
            line, offset = lines.count + 1, lines.offset
            cells = _next_cells(reader, row - 1)
            if cells is _END:
                return
            if cells is None or not is_blank(cells):
                yield Record(row, line, offset, lines.offset - offset, cells)
                row += 1


_END: list[str] = []


def _next_cells(reader: Iterator[list[str]], last_good: int) -> list[str] | None:
    try:
        return next(reader, _END)
    except UnicodeDecodeError:
        raise _cut_off(last_good) from None
    except csv.Error as error:
        if str(error) == CUT_OFF:
            raise _cut_off(last_good) from None
        if "field limit" in str(error):
            sentence = _(
                "A cell after row %(row)s is too large to be one: its closing quote may be missing. Nothing was imported.", row=last_good
            )
            raise FileRefused(sentence) from None
        return None


def _cut_off(last_good: int) -> FileRefused:
    if last_good < 1:
        return FileRefused(_("The file was cut off before its first row was complete. Nothing was imported."))
    return FileRefused(_("The file was cut off: row %(row)s is the last complete one. Nothing was imported.", row=last_good))


def is_blank(cells: list[str]) -> bool:
    """Whether the record is a line without anything on it."""
    return len(cells) <= 1 and not "".join(cells).strip()


def read_at(path: Path, form: Format, places: list[tuple[int, int]]) -> Iterator[list[str]]:
    """The cells of the records at these places (offset and size in bytes), which `read` found readable."""
    with path.open("rb") as file:
        for offset, size in places:
            file.seek(offset)
            text = file.read(size).decode(form.encoding.codec, form.encoding.errors)
            yield next(csv.reader([text], delimiter=form.delimiter, strict=True))


def form_of(path: Path, encoding: Encoding) -> tuple[Format, list[str]]:
    """The delimiter that splits the first record into most cells, and those cells: the header.

    Raises FileRefused if the file holds nothing.
    """
    forms = [Format(encoding, delimiter) for delimiter in DELIMITERS]
    headers = [_first(path, form) for form in forms]
    if not any(headers):
        raise FileRefused(_("The file is empty. Nothing was imported."))
    form, header = max(zip(forms, headers, strict=True), key=lambda pair: len(pair[1]))
    return form, header


def _first(path: Path, form: Format) -> list[str]:
    return next((record.cells or [] for record in read(path, form)), [])
