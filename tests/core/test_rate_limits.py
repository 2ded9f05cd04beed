"""Limits against guessing and flooding."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from threading import Barrier, Thread

import pytest
import time_machine
from sqlalchemy import text

from portal.app import Portal, create_app
from portal.core import clock, db, rate_limits
from portal.core.rate_limits import TooMany
from portal.settings import Settings
from tests.browsing import Browser

RULE = "10 per 5 minute"


@pytest.fixture
def strict(house: Portal, settings: Settings) -> Iterator[Portal]:
    """The house with its limits on."""
    app = create_app(settings.model_copy(update={"rate_limits": "on"}))
    with app.app_context():
        yield app
    app.extensions["engine"].dispose()


def _tries(count: int, *who: str, rule: str = RULE) -> int:
    """How many of so many tries were let through."""
    passed = 0
    for _try in range(count):
        try:
            rate_limits.hit(rule, *who)
        except TooMany:
            continue
        passed += 1
    return passed


def test_ten_tries_pass_and_the_eleventh_does_not(strict: Portal) -> None:
    assert _tries(10, "ada") == 10
    with pytest.raises(TooMany) as refused:
        rate_limits.hit(RULE, "ada")
    assert timedelta(minutes=4) < refused.value.until - clock.now() <= timedelta(minutes=5)
    assert 240 < refused.value.seconds <= 300


def test_others_are_counted_apart(strict: Portal) -> None:
    assert _tries(12, "sign in", "ada") == 10
    assert _tries(12, "sign in", "bob") == 10
    assert _tries(12, "reset", "ada") == 10
    assert _tries(2, "sign in", "ada", rule="1 per 1 minute") == 1


def test_a_limit_ends_by_itself_and_refused_tries_do_not_prolong_it(strict: Portal) -> None:
    began = clock.now()
    with time_machine.travel(began, tick=False):
        assert _tries(15, "ada") == 10
    with time_machine.travel(began + timedelta(minutes=4, seconds=59), tick=False):
        assert _tries(5, "ada") == 0
    with time_machine.travel(began + timedelta(minutes=5, seconds=1), tick=False):
        assert _tries(15, "ada") == 10


def test_eight_at_once_are_counted_exactly(strict: Portal) -> None:
    start, passed = Barrier(8), []

    def guess() -> None:
        with strict.app_context():
            start.wait()
            passed.append(_tries(25, "ada", rule="100 per 5 minute"))

    threads = [Thread(target=guess) for _guesser in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 8
    assert sum(passed) == 100
    with db.reading() as session:
        assert session.execute(text("SELECT hits FROM rate_limit")).scalars().all() == [200]


def test_the_store_knows_nobody_who_was_counted(strict: Portal) -> None:
    rate_limits.hit(RULE, "address|ada@example.com")
    with db.reading() as session:
        rows = session.execute(text("SELECT * FROM rate_limit")).all()
    assert len(rows) == 1
    assert "ada" not in repr(rows)


def test_counters_whose_time_is_over_are_swept(strict: Portal) -> None:
    rate_limits.hit(RULE, "ada")
    with time_machine.travel(clock.now() + timedelta(minutes=6)), db.transaction() as session:
        rate_limits.sweep(None)  # type: ignore[arg-type]
        assert session.execute(text("SELECT count(*) FROM rate_limit")).scalar() == 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2ff:3:4:5:6", "2001:db8:1:200::/56"),
        ("not an address", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_visitor_is_known_by_a_coarse_network_only(house: Portal, address: str, network: str) -> None:
    with house.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert rate_limits.network_prefix() == network


def test_whoever_tries_too_often_reads_until_when_in_a_sentence(strict: Portal) -> None:
    browser = Browser(strict)
    for _try in range(10):
        browser.get("/sign-in")
        browser.submit("email", email="ada@example.com")
    browser.get("/sign-in")
    page = browser.submit("email", email="ada@example.com", expect=429)
    assert "too often" in page.words
    assert 0 < int(page.response.headers["Retry-After"]) <= 300
    browser.get("/sign-in")
    browser.submit("email", email="bob@example.com")


def test_a_forwarded_address_is_not_believed_without_a_proxy(strict: Portal) -> None:
    browser = Browser(strict)
    for number in range(10):
        browser.get("/sign-in")
        browser.client.environ_base["HTTP_X_FORWARDED_FOR"] = f"198.51.{number}.1"
        browser.submit("email", email="ada@example.com")
    browser.get("/sign-in")
    browser.submit("email", email="ada@example.com", expect=429)


def test_limits_can_be_off_for_a_demo(house: Portal) -> None:
    assert _tries(50, "ada") == 50
