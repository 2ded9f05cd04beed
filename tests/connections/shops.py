"""Files of invented shops, and the commands that take them over."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from portal.app import Portal
from portal.connections import commands
from portal.connections.shopify.customer_import import import_customers
from portal.connections.shopify.headers import CUSTOMERS_HEADER, ORDERS_HEADER
from portal.connections.shopify.order_import import import_orders
from portal.contacts import choice
from portal.contacts.topics import Channel
from portal.core import acting, db, digests
from portal.core.acting import Actor, Kind, Scene
from portal.core.db import Base
from portal.core.holdings import holdings
from portal.core.sealed import Sealed

SHOP = Scene(Actor(Kind.OPERATOR, "grace"), source="command line", channel="cli")
TRAIL = {"entry", "audit_link", "job"}
CUSTOMERS, ORDERS = "customers", "orders"
HEADERS = {CUSTOMERS: CUSTOMERS_HEADER, ORDERS: ORDERS_HEADER}
TAKE = {CUSTOMERS: import_customers, ORDERS: import_orders}
Row = dict[str, str]


@dataclass(frozen=True)
class Shop:
    """A shop with its files, and what its operator sees."""

    house: Portal
    folder: Path
    capsys: pytest.CaptureFixture[str]
    extra: tuple[str, ...] = field(default=())

    def file(self, what: str, rows: Iterable[Row], name: str = "") -> Path:
        path = self.folder / (name or f"{what}.csv")
        with path.open("w", encoding="utf-8", newline="") as target:
            writer = csv.DictWriter(target, [*HEADERS[what], *self.extra])
            writer.writeheader()
            writer.writerows(rows)
        return path

    def take(self, what: str, *rows: Row) -> Outcome:
        """Import these rows."""
        return self.take_file(what, self.file(what, rows))

    def take_file(self, what: str, file: Path, *, stage: Any = None) -> Outcome:
        report = self.folder / "report.csv"
        with self.house.app_context(), acting.acting(SHOP):
            try:
                commands.run(TAKE[what], what, file, report, stage or nullcontext())
                code = 0
            except SystemExit as left:
                code = int(str(left.code))
        out = self.capsys.readouterr()
        lines = list(csv.DictReader(io.StringIO(report.read_text(encoding="utf-8"))))
        return Outcome(code, out.out.splitlines(), out.err, lines)

    def rehearse(self, what: str, file: Path) -> Outcome:
        with self.house.app_context():
            return self.take_file(what, file, stage=db.rehearsal())

    def wants(self, address: str, topic: str = "newsletter", channel: Channel = Channel.EMAIL) -> bool:
        with self.house.app_context(), db.reading():
            return choice.standing(digests.email_digest(address)).wants(topic, channel)


@dataclass(frozen=True)
class Outcome:
    """How a command ended: what it said, and the lines of its report."""

    code: int
    out: list[str]
    err: str
    report: list[dict[str, str]]

    @property
    def figures(self) -> dict[str, int]:
        pairs = (word.partition("=") for line in self.out for word in line.split())
        return {name: int(number) for name, _is, number in pairs}

    @property
    def told(self) -> list[tuple[str, str]]:
        """Row and column of every cell that was not taken."""
        return [(line["row"], line["column"]) for line in self.report if line["outcome"] == "dropped"]


def fingerprint(house: Portal, *, without: Iterable[str] = TRAIL) -> str:
    """One hash of every row of every table."""
    tables = [table for table in Base.metadata.sorted_tables if table.name not in set(without)]
    sha = hashlib.sha256()
    with house.app_context(), db.reading() as session:
        for table in tables:
            rows = session.execute(select(table).order_by(*table.primary_key.columns)).all()
            sha.update(repr((table.name, [tuple(row) for row in rows])).encode())
    return sha.hexdigest()


def opened(house: Portal) -> list[tuple[str, dict[str, Any]]]:
    """Every sealed document of the store, opened."""
    found = []
    with house.app_context(), db.reading() as session:
        for held in holdings(Base):
            for row in session.scalars(select(held.model)):
                if isinstance(row, Sealed):
                    found.append((held.name, {name: getattr(row, name) for name in type(row).__sealed_fields__}))
                elif hasattr(row, "details"):
                    found.append((held.name, row.details))
    return found
