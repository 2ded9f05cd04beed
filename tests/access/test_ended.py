"""After a session has ended its cookie opens no page any more, however it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import update

from portal.access import session
from portal.access.session import Session
from portal.accounts import account
from portal.app import Portal
from portal.core import acting, clock, db, keyring
from portal.core.acting import Actor, Kind, Scene
from portal.customers import customer
from tests.access.conftest import Route, Town
from tests.people import Person


@contextmanager
def _as_system(person: Person) -> Iterator[None]:
    with acting.acting(Scene(Actor(Kind.SYSTEM, "test"), person.id)), db.transaction():
        yield


def _signed_out(person: Person) -> None:
    with _as_system(person):
        for row in session.live(person.id):
            session.end(row)


def _everywhere(person: Person) -> None:
    with _as_system(person):
        session.end_all(person.id)


def _new_password(person: Person) -> None:
    with _as_system(person):
        found = customer.get(person.id)
        assert found is not None
        account.set_password(found, account.hashed("a quiet evening in Lisbon"))


def _locked(person: Person) -> None:
    with _as_system(person):
        found = customer.get(person.id)
        assert found is not None
        account.freeze(found)


def _erased(person: Person) -> None:
    with _as_system(person):
        keyring.destroy(person.id, keyring.PROFILE)


def _forgotten(person: Person) -> None:
    with _as_system(person):
        session.sweep(None)  # type: ignore[arg-type]


def _nothing(person: Person) -> None:
    """Time alone ends it."""


ENDINGS: dict[str, tuple[Callable[[Person], None], timedelta]] = {
    "signed out": (_signed_out, timedelta(0)),
    "signed out everywhere": (_everywhere, timedelta(0)),
    "a new password": (_new_password, timedelta(0)),
    "it was not me": (_locked, timedelta(0)),
    "erased": (_erased, timedelta(0)),
    "half an hour idle": (_nothing, timedelta(minutes=31)),
    "twelve hours busy": (_nothing, timedelta(hours=12, minutes=1)),
    "forgotten after months": (_forgotten, timedelta(days=91)),
}


@pytest.mark.parametrize(("end", "after"), ENDINGS.values(), ids=ENDINGS)
def test_the_old_cookie_opens_no_page(
    house: Portal, town: Town, routes: list[Route], end: Callable[[Person], None], after: timedelta
) -> None:
    own = [route for route in routes if route.page.is_signed_in]
    assert len(own) > 40
    with time_machine.travel(clock.now() + after):
        if after > timedelta(hours=1):
            with db.transaction() as store:  # busy to the last minute
                store.execute(update(Session).values(seen_at=clock.now() - (timedelta(0) if after < timedelta(days=1) else after)))
        end(town.ada)
        for route in own:
            answer = town.adas_browser.ask(route.method, town.adas.path(route.rule))
            if route.method == "GET":
                assert (answer.status, answer.headers["Location"].partition("?")[0]) == (302, "/sign-in"), route.name
            else:
                assert answer.status == 422, route.name
            assert town.ada.name.encode() not in answer.body, route.name
        if after == timedelta(0):
            assert town.bobs_browser.ask("GET", "/me").status == 200
