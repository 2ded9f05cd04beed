"""The copy: one ZIP of everything we hold about a person, made while it is sent, kept nowhere."""

from __future__ import annotations

import csv
import hashlib
import io
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import orjson
from flask import render_template

from portal.access import notice
from portal.core import audit, clock, csv_cells, db
from portal.core.holdings import Held
from portal.rights import records, telling
from portal.rights.records import Subject
from portal.rights.telling import Told

FORMAT = "privacy-portal-export/1"
READABLE_ROWS = 200
LEVEL = 6


class _Pipe:
    """What the ZIP writes, until it is sent. It has no position, so the ZIP never looks back."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def write(self, data: bytes) -> int:
        self.waiting += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        taken = bytes(self.waiting)
        self.waiting.clear()
        return taken


class _Member:
    """A file inside the ZIP; it counts and hashes what is written."""

    def __init__(self, name: str, out: IO[bytes]) -> None:
        self.name, self.out = name, out
        self.hash, self.bytes, self.records = hashlib.sha256(), 0, 0

    def write(self, data: bytes) -> None:
        self.hash.update(data)
        self.bytes += len(data)
        self.out.write(data)

    @property
    def line(self) -> dict[str, Any]:
        """Its line in the manifest."""
        return {"name": self.name, "records": self.records, "bytes": self.bytes, "sha256": self.hash.hexdigest()}


class Archive:
    """A copy being made. `stream` yields its bytes; no member is ever whole in memory."""

    def __init__(self, whose: Subject) -> None:
        self.whose, self.made_at, self.until = whose, clock.now(), db.new_key()
        self.pipe = _Pipe()
        self.zip = zipfile.ZipFile(cast(IO[bytes], self.pipe), "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
        self.members: list[_Member] = []

    @property
    def filename(self) -> str:
        return f"my-data-{self.made_at:%Y-%m-%d}.zip"

    def stream(self) -> Iterator[bytes]:
        """Pages to read, everything as JSON, a CSV for each holding, and last the manifest.

        Raises ErasedMeanwhile, which leaves the ZIP without its end, when the person is erased while it is sent.
        """
        with db.reading():
            counted = records.counts(self.whose)
        held = [one for one in records.all_held() if one.name in counted]
        yield from self._index(held, counted)
        yield from self._json(held)
        for one in held:
            yield from self._csv(one)
        yield from self._manifest()
        self.zip.close()
        yield self.pipe.take()

    @contextmanager
    def _member(self, name: str) -> Iterator[_Member]:
        info = zipfile.ZipInfo(name, self.made_at.timetuple()[:6])
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
        with self.zip.open(info, "w", force_zip64=True) as out:
            member = _Member(name, out)
            yield member
        self.members.append(member)

    def _index(self, held: list[Held], counted: dict[str, int]) -> Iterator[bytes]:
        with db.reading():
            parts = [(one, self._readable(one)) for one in held]
            page = render_template("rights/export_index.html", parts=parts, counted=counted, made_at=self.made_at)
        with self._member("index.html") as member:
            member.write(page.encode())
            member.records = sum(len(rows) for _one, rows in parts)
        yield self.pipe.take()

    def _readable(self, one: Held) -> list[Told]:
        return [telling.told(one, record) for record in records.read(one, self.whose, until=self.until, limit=READABLE_ROWS)]

    def _json(self, held: list[Held]) -> Iterator[bytes]:
        with self._member("data.json") as member:
            member.write(b'{"format":' + orjson.dumps(FORMAT) + b',"made_at":' + orjson.dumps(self.made_at) + b',"holdings":[')
            for number, one in enumerate(held):
                member.write((b"," if number else b"") + orjson.dumps(about(one))[:-1] + b',"records":[')
                is_first = True
                for page in records.pages(one, self.whose, self.until):
                    member.write((b"" if is_first else b",") + b",".join(orjson.dumps(record) for record in page))
                    member.records, is_first = member.records + len(page), False
                    yield self.pipe.take()
                member.write(b"]}")
            member.write(b"]}")
        yield self.pipe.take()

    def _csv(self, one: Held) -> Iterator[bytes]:
        shown = records.columns(one)
        with self._member(f"csv/{one.name}.csv") as member:
            member.write("\ufeff".encode() + _csv_lines([shown]))
            for page in records.pages(one, self.whose, self.until):
                member.write(_csv_lines([[_cell(record.get(name)) for name in shown] for record in page]))
                member.records += len(page)
                yield self.pipe.take()
        yield self.pipe.take()

    def _manifest(self) -> Iterator[bytes]:
        content = {
            "format": FORMAT,
            "made_at": self.made_at,
            "cut_off": self.until,
            "members": [member.line for member in self.members],
            "missing": [],
        }
        with self._member("manifest.json") as member:
            member.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        yield self.pipe.take()


def about(one: Held) -> dict[str, Any]:
    """A holding in words, as data.json names it."""
    said = one.holding
    return {
        "name": one.name, "title": str(said.title), "purpose": str(said.purpose), "legal_basis": said.basis.value,
        "kept": str(said.kept), "provenance": said.provenance.value,
    }  # fmt: skip


def _csv_lines(rows: list[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return csv_cells.escape(value)
    if value is None:
        return ""
    return csv_cells.escape(orjson.dumps(value).decode()) if isinstance(value, dict | list) else str(value)


def begin(person_id: uuid.UUID) -> Archive:
    """A copy for the customer: recorded, and told by letter, before the first byte leaves."""
    archive = Archive(records.subject(person_id))
    audit.record("copy_downloaded", person_id)
    notice.tell(person_id, "copy_downloaded")
    return archive
