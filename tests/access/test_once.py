"""Every act happens once and whole, however often it is sent and whatever fails on the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from portal.access.door import FormKey
from portal.addresses.address import Address
from portal.app import Portal
from portal.core import db
from portal.rights.erasure import Erasure
from tests.access.asking import Answer, Asker
from tests.access.conftest import Town
from tests.access.rehearsal import Rows, rows
from tests.people import Person

HOME = {
    "country": "US",
    "name": "Ada",
    "line1": "1 Main Street",
    "city": "Austin",
    "region": "TX",
    "postal_code": "78701",
    "save_anyway": "y",
}


@pytest.fixture
def asker(house: Portal, ada: Person) -> Asker:
    return Asker(house, ada)


def _count(model: type[Any]) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def _add_home(asker: Asker, key: str) -> Answer:
    return asker.ask("POST", "/me/addresses/new", {**HOME, "form_key": key})


# --- sent more than once


def test_the_second_click_gets_the_answer_of_the_first(asker: Asker) -> None:
    first, second = _add_home(asker, "one-form"), _add_home(asker, "one-form")
    assert (first.status, second.status) == (302, 302)
    assert first.headers["Location"] == second.headers["Location"]
    assert _count(Address) == 1
    _add_home(asker, "another-form")
    assert _count(Address) == 2


def test_a_form_that_was_wrong_may_be_sent_again(asker: Asker) -> None:
    assert asker.ask("POST", "/me/addresses/new", {**HOME, "line1": "", "save_anyway": "", "form_key": "one-form"}).status == 422
    assert _count(FormKey) == 0
    assert _add_home(asker, "one-form").status == 302
    assert _count(Address) == 1


def test_the_key_of_somebody_elses_form_gives_nothing_away(house: Portal, asker: Asker, bob: Person) -> None:
    _add_home(asker, "adas-form")
    answer = _add_home(Asker(house, bob), "adas-form")
    assert answer.status == 409
    assert _count(Address) == 1


def test_thirty_two_clicks_at_once_are_one_act(house: Portal, asker: Asker) -> None:
    answers = _all_at_once(32, lambda: _add_home(asker, "one-form"))
    assert _count(Address) == 1
    good = [answer for answer in answers if answer.status == 302]
    assert len({answer.headers["Location"] for answer in good}) == 1
    assert {answer.status for answer in answers} <= {302, 503}
    assert len(good) > 16


def test_two_windows_that_ask_for_deletion_at_once_make_one_deletion(house: Portal, asker: Asker) -> None:
    _all_at_once(8, lambda: asker.ask("POST", "/me/delete"))
    assert _count(Erasure) == 1


def _all_at_once(many: int, act: Callable[[], Answer]) -> list[Answer]:
    start, answers, failed = Barrier(many), [], []

    def click() -> None:
        start.wait()
        try:
            answers.append(act())
        except BaseException as error:  # noqa: BLE001 - a failure in a thread must fail the test
            failed.append(error)

    threads = [Thread(target=click) for _click in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    return answers


# --- others in the way


class InTheWay:
    """Lets the first so many commits of write transactions fail as if another transaction stood in the way."""

    def __init__(self, times: int) -> None:
        self.left, self.real = times, db.transaction

    @contextmanager
    def __call__(self) -> Iterator[Any]:
        with self.real() as session:
            yield session
            session.flush()
            if self.left:
                self.left -= 1
                raise OperationalError("COMMIT", {}, sqlite3.OperationalError("database is locked"))


def test_a_request_that_met_another_is_run_again_and_acts_once(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "transaction", InTheWay(2))
    assert _add_home(asker, "one-form").status == 302
    assert _count(Address) == 1


def test_after_three_times_the_page_says_that_nothing_was_saved(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as busy:
        busy.setattr(db, "transaction", InTheWay(100))
        answer = _add_home(asker, "one-form")
    assert answer.status == 503
    assert b"What you sent was not saved." in answer.body
    assert _count(Address) == 0
    assert _add_home(asker, "one-form").status == 302


# --- the store fails in the middle


ACTS: dict[str, tuple[str, dict[str, str]]] = {
    "an address is added": ("/me/addresses/new", HOME),
    "all mail is stopped": ("/me/notifications/stop", {}),
    "the details are changed": ("/me/details", {"name": "Ada King", "phone": "+1 512 555 0142", "time_zone": ""}),
    "all saved cards and addresses are removed": ("/me/remove-saved", {}),
    "other devices are signed out": ("/me/security/devices", {}),
    "the deletion is taken back": ("/me/delete/status", {}),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_whichever_statement_fails_the_act_happened_wholly_or_not_at_all(
    house: Portal, town: Town, act: tuple[str, dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    path, data = act
    failed = 0
    before = _state()
    for nth in range(1, 80):
        with _failing(house, nth) as done:
            answer = town.adas_browser.ask("POST", path, {**data, "form_key": f"form-{nth}"})
        if not done:
            break
        failed += 1
        assert answer.status == 500, f"statement {nth}: {done}"
        assert _state() == before, f"statement {nth}: {done}"
    assert failed > 5
    assert answer.status == 302
    assert _state() != before
    capsys.readouterr()


def _state() -> Rows:
    with db.reading() as session:
        return rows(session)


@contextmanager
def _failing(house: Portal, nth: int) -> Iterator[list[str]]:
    """The n-th statement of a write transaction fails; it is named in the list."""
    engine, seen, failed = house.extensions["engine"], [], []

    def fail(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        options = connection.get_execution_options()
        if options.get(db.READ_ONLY) or options.get("postgresql_readonly"):
            return
        seen.append(statement)
        if len(seen) == nth:
            failed.append(statement)
            raise OperationalError(statement, {}, sqlite3.OperationalError("disk I/O error"))

    event.listen(engine, "before_cursor_execute", fail)
    try:
        yield failed
    finally:
        event.remove(engine, "before_cursor_execute", fail)
