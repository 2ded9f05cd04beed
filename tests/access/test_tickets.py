"""One-time links and codes: each has one purpose, one owner and an end."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pytest
import time_machine
from sqlalchemy import select, text

from portal.access import ticket
from portal.access.ticket import LIFE, Purpose, Ticket
from portal.app import Portal
from portal.core import clock, db, keyring
from portal.core.keyring import Dek
from tests.access.asking import Asker
from tests.access.belongings import TICKETS
from tests.access.conftest import Route, Town
from tests.access.rehearsal import Rehearsal
from tests.people import Person

SAME_PAGE = {Purpose.CHANGE_EMAIL: {"entrance.verify", "entrance.confirm_address"}}
"""Pages by endpoint, beside the one of the table, that a ticket of this purpose opens by right."""


def test_a_link_opens_its_own_page_and_no_other(house: Portal, town: Town, routes: list[Route], rehearsal: Rehearsal) -> None:
    rehearsal.begin()
    visitor = Asker(house)
    pages = [route for route in routes if "token" in route.rule.arguments]
    homes = {route.rule.rule: route.rule.endpoint for route in pages}
    tokens = {rule: town.adas.of_path[rule] for rule in homes if rule in town.adas.of_path}
    assert len(tokens) == len(TICKETS)
    for home, token in tokens.items():
        for route in pages:
            if route.rule.rule != home:
                built = route.rule.build({"token": token})
                assert built is not None
                answer = visitor.ask(route.method, built[1])
                assert answer.status in {404, 410}, f"a link of {home} at {route.name}: {answer.status}"
    assert rehearsal.changed == set()


def test_an_unsubscribe_link_opens_no_page_of_one_time_links(house: Portal, town: Town, routes: list[Route], rehearsal: Rehearsal) -> None:
    rehearsal.begin()
    for route in routes:
        if route.rule.rule in town.adas.of_path:
            built = route.rule.build({"token": town.adas.of_name["token"]})
            assert built is not None
            assert Asker(house).ask(route.method, built[1]).status == 410, route.name
    assert rehearsal.changed == set()


@pytest.fixture
def token(house: Portal, ada: Person) -> str:
    with db.transaction():
        return ticket.issue(Purpose.RESET, ada.id, {"note": "for Ada alone"})


def _found(token: str, purpose: Purpose = Purpose.RESET) -> Ticket:
    found = ticket.find(purpose, token)
    assert found is not None
    return found


def test_the_store_holds_only_digests_of_what_opens_a_page(token: str) -> None:
    with db.reading() as session:
        rows = repr(session.execute(text("SELECT * FROM ticket")).all())
    assert token not in rows
    assert "Ada" not in rows


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose != Purpose.RESET])
def test_a_ticket_is_good_for_its_purpose_alone(token: str, purpose: Purpose) -> None:
    with db.reading():
        assert ticket.find(purpose, token) is None
        assert ticket.find(purpose, "") is None
        assert ticket.find(purpose, None) is None


def test_a_ticket_ends_to_the_second(token: str) -> None:
    began = clock.now()
    with time_machine.travel(began + LIFE[Purpose.RESET] - timedelta(seconds=5)), db.transaction():
        assert _found(token).is_open
    with time_machine.travel(began + LIFE[Purpose.RESET] + timedelta(seconds=5)), db.transaction():
        assert not _found(token).is_open
        assert not ticket.use(_found(token))


def test_a_ticket_is_used_once_however_many_click_at_once(house: Portal, token: str) -> None:
    start, used = Barrier(8), []

    def click() -> None:
        with house.app_context():
            start.wait()
            with db.transaction():
                used.append(ticket.use(_found(token)))

    threads = [Thread(target=click) for _click in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(used) == [False] * 7 + [True]


def test_voided_tickets_are_of_no_use(ada: Person, bob: Person, token: str) -> None:
    with db.transaction():
        bobs = ticket.issue(Purpose.RESET, bob.id)
        other = ticket.issue(Purpose.NOT_ME, ada.id)
        ticket.void(Purpose.RESET, ada.id)
    with db.reading():
        assert not _found(token).is_open
        assert _found(other, Purpose.NOT_ME).is_open
    with db.transaction():
        ticket.void_all(ada.id)
    with db.reading():
        assert not _found(other, Purpose.NOT_ME).is_open
        assert _found(bobs).is_open


# --- codes


def _code(token: str) -> str:
    with db.transaction():
        return ticket.new_code(_found(token))


def _try(token: str, code: str) -> bool:
    with db.transaction():
        return ticket.try_code(_found(token), code)


def _wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_the_right_code_is_right_with_spaces_too(token: str) -> None:
    code = _code(token)
    assert len(code) == 6
    assert not _try(token, _wrong(code))
    assert _try(token, f" {code[:3]} {code[3:]} ")


def test_after_five_wrong_tries_even_the_right_code_is_refused_until_a_new_one_comes(token: str) -> None:
    code = _code(token)
    for _attempt in range(5):
        assert not _try(token, _wrong(code))
    assert not _try(token, code)
    again = _code(token)
    assert _try(token, again)


def test_a_new_code_replaces_the_old_one(token: str) -> None:
    old, new = _code(token), _code(token)
    assert old == new or not _try(token, old)
    assert _try(token, new)


def test_a_code_is_over_after_ten_minutes(token: str) -> None:
    code = _code(token)
    with time_machine.travel(clock.now() + timedelta(minutes=10, seconds=1)):
        assert not _try(token, code)


def test_a_code_of_another_ticket_is_wrong(ada: Person, token: str) -> None:
    with db.transaction():
        other = ticket.issue(Purpose.PROVE, ada.id)
        code = ticket.new_code(_found(other, Purpose.PROVE))
    _code(token)
    assert not _try(token, code) or code == _code(token)


def test_many_who_guess_at_once_have_five_tries_together(house: Portal, token: str) -> None:
    code = _code(token)
    start, clashes = Barrier(12), []

    def guess() -> None:
        with house.app_context():
            start.wait()
            for _again in range(3):
                try:
                    _try(token, _wrong(code))
                except Exception as error:  # noqa: BLE001 - of two at once the store lets one try again
                    clashes.append(error)

    threads = [Thread(target=guess) for _guesser in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(db.is_contention(clash) for clash in clashes)
    with db.reading():
        assert _found(token).tries == 5
    assert not _try(token, code)


def test_what_a_stranger_typed_goes_with_the_end_of_the_link(house: Portal) -> None:
    with db.transaction():
        token = ticket.issue_to_stranger(Purpose.VERIFY, {"email": "who@example.net"})
        owner = _found(token, Purpose.VERIFY).person_id
    with time_machine.travel(clock.now() + LIFE[Purpose.VERIFY] + timedelta(minutes=1)), db.transaction() as session:
        ticket.sweep(None)  # type: ignore[arg-type]
        assert ticket.find(Purpose.VERIFY, token) is None
        assert session.scalars(select(Dek.id).where(Dek.owner == owner)).all() == []
        assert keyring.dek_of(owner, keyring.TRANSIENT) is None
