"""The ledger: an append-only file of erasures, so that no crash, restore or mistake brings a person back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from portal import settings
from portal.core import clock
from portal.core.durable import append

ERASED = "erased"


def places() -> list[Path]:
    """The ledger and its copies."""
    own = settings.current()
    return [own.ledger, *map(Path, own.ledger_copies)]


def bury(owner: uuid.UUID, about: uuid.UUID) -> None:
    """Write a tombstone to every place and wait until the disks have it. Twice does no harm."""
    line = orjson.dumps({"act": ERASED, "owner": str(owner), "about": str(about), "at": clock.now().isoformat()}) + b"\n"
    for place in places():
        append(place, line)


def lines() -> Iterator[dict[str, Any]]:
    """All lines of all places. A line that a crash cut off is dropped."""
    for place in places():
        if place.exists():
            for line in place.read_bytes().splitlines():
                try:
                    yield orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue


def tombstones() -> set[uuid.UUID]:
    """Everybody who was erased."""
    return {uuid.UUID(line["owner"]) for line in lines() if line.get("act") == ERASED}
