"""Figures for the README: `python -m tests.figures` measures a fresh shop on SQLite and prints a table. Ratios count, not milliseconds."""

from __future__ import annotations

import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from uuid import UUID

from portal import settings as own_settings
from portal.app import Portal, create_app
from portal.contacts import contact
from portal.core import db, rotation, tokens
from portal.policy import version
from portal.rights import export, records
from tests.browsing import Browser
from tests.conftest import POLICY, _migrate, make_settings
from tests.people import Person, sign_up
from tests.rights.purchases import buy, fill_with_orders

CLICKS = 500
ORDERS = 100_000


def shop(folder: Path) -> Portal:
    url = f"sqlite:///{folder / 'portal.db'}"
    _migrate(url)
    app = create_app(make_settings(folder, url))
    with app.app_context(), db.transaction():
        version.publish(POLICY.read_text())
    return app


def median_ms(times: int, act: Callable[[int], object]) -> float:
    taken = []
    for number in range(times):
        begun = time.perf_counter()
        Context().run(act, number)
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


def links(house: Portal, people: list[Person]) -> list[str]:
    keys = own_settings.current().unsubscribe_keys
    with db.reading():
        return [tokens.make(keys, own.uid, "n") for person in people if (own := contact.email_of(person.id))]


def copy_of(house: Portal, person_id: UUID) -> tuple[float, int]:
    """Seconds that the copy takes, and the memory it adds at its peak in bytes, measured in two runs."""
    begun = time.perf_counter()
    _stream(house, person_id)
    seconds = time.perf_counter() - begun
    tracemalloc.start()
    _stream(house, person_id)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return seconds, peak


def _stream(house: Portal, person_id: UUID) -> None:
    with house.test_request_context():
        with db.reading():
            archive = export.Archive(records.subject(person_id))
        for _piece in archive.stream():
            pass


def figures(house: Portal) -> list[tuple[str, str]]:
    people = [sign_up(house, f"p{number}@example.com", "Somebody", password=None) for number in range(CLICKS)]
    ada = sign_up(house, "ada@example.com", "Ada Lovell")
    bought = buy(house, ada.id)
    clicked, visitor, browser = links(house, people), house.test_client(), Browser(house).signed_in_as(ada).client
    rows = [
        ("one-click unsubscribe, durable", f"{median_ms(CLICKS, lambda n: visitor.post(f'/u/{clicked[n]}')):.1f} ms"),
        ("sign-in page", f"{median_ms(100, lambda _n: visitor.get('/sign-in')):.1f} ms"),
        ("My Account", f"{median_ms(100, lambda _n: browser.get('/me')):.1f} ms"),
        ("a copy of 1 order, whole", f"{copy_of(house, ada.id)[0] * 1000:.0f} ms"),
    ]
    fill_with_orders(ada.id, bought, ORDERS)
    seconds, peak = copy_of(house, ada.id)
    rows.append((f"a copy of {ORDERS:,} orders", f"{seconds:.0f} s, {peak / 2**20:.1f} MB of memory at its peak"))
    begun = time.perf_counter()
    rotation.rotate()
    return [*rows, (f"changing the key of {CLICKS} people", f"{(time.perf_counter() - begun) * 1000:.0f} ms")]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        house = shop(Path(folder))
        with house.app_context():
            for name, value in figures(house):
                print(f"| {name} | {value} |")  # noqa: T201 - it is what this module is for


if __name__ == "__main__":
    main()
