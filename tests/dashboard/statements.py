"""Counts what a page asks of the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from portal.app import Portal

NO_QUESTION = ("PRAGMA", "BEGIN")


@contextmanager
def asked(house: Portal) -> Iterator[list[str]]:
    """The statements that run meanwhile, in order."""
    engine, seen = house.extensions["engine"], []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(NO_QUESTION):
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
