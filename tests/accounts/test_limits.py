"""Guessing is slowed down, with an answer that says when to try again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from portal.access.session import Session
from portal.app import Portal
from portal.core import db
from portal.core.rate_limits import RateLimit
from portal.settings import Settings
from tests.accounts.test_registering import NEW
from tests.browsing import Browser
from tests.conftest import make_settings
from tests.mailbag import Mailbag
from tests.people import PASSWORD, Person


@pytest.fixture
def settings(place: Path, store_url: str) -> Settings:
    """The shop with its limits on, as outside of tests and of the demo."""
    return make_settings(place, store_url).model_copy(update={"rate_limits": "on"})


def test_after_ten_tries_the_page_says_when_to_try_again(visitor: Browser, ada: Person, later: Callable[..., None]) -> None:
    visitor.get("/sign-in")
    visitor.submit("Continue", email=ada.email)
    for _try in range(10):
        visitor.submit("Sign in", 422, password="not the right one")
    page = visitor.page
    visitor.submit("Sign in", 429, password=PASSWORD)
    assert "You can try again from" in visitor.page.words
    assert visitor.page.soup.time
    assert 0 < int(visitor.page.response.headers["Retry-After"]) <= 300
    later(minutes=5, seconds=1)
    visitor.page = page
    visitor.submit("Sign in", password=PASSWORD)
    assert visitor.path == "/me"


def test_a_stranger_who_guesses_elsewhere_does_not_lock_ada_out(house: Portal, ada: Person) -> None:
    stranger, own = Browser(house), Browser(house)
    stranger.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    for browser in (stranger, own):
        browser.get("/sign-in")
        browser.submit("Continue", email=ada.email)
    for _try in range(10):
        stranger.submit("Sign in", 422, password="not the right one")
    stranger.submit("Sign in", 429, password="not the right one")
    own.submit("Sign in", password=PASSWORD)


def test_an_address_gets_one_mail_a_minute_and_five_an_hour(
    visitor: Browser, ada: Person, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    for _mail in range(5):
        visitor.get("/forgot-password")
        page = visitor.page
        visitor.submit("Send the link", email=ada.email)
        visitor.page = page
        visitor.submit("Send the link", 429, email=ada.email)
        later(minutes=1, seconds=1)
    visitor.get("/forgot-password")
    visitor.submit("Send the link", 429, email=ada.email)
    assert len(mailbag.to(ada.email)) == 5


def test_the_spelling_of_an_address_makes_no_second_one(visitor: Browser, ada: Person) -> None:
    visitor.get("/forgot-password")
    page = visitor.page
    visitor.submit("Send the link", email=ada.email)
    visitor.page = page
    visitor.submit("Send the link", 429, email="  ADA@Example.com")


def test_the_limit_is_the_same_for_an_address_we_do_not_know(visitor: Browser) -> None:
    visitor.get("/forgot-password")
    page = visitor.page
    visitor.submit("Send the link", email="nobody@example.net")
    visitor.page = page
    visitor.submit("Send the link", 429, email="nobody@example.net")


def test_a_code_goes_only_to_the_address_that_is_counted(visitor: Browser, ada: Person, bob: Person, mailbag: Mailbag) -> None:
    visitor.get("/sign-in")
    visitor.submit("Continue", email=ada.email)
    page = visitor.page
    visitor.submit("Send me a code instead")
    visitor.page = page
    visitor.submit("Send me a code instead", email=bob.email)
    assert [mail.to for mail in mailbag.all()] == [ada.email, bob.email]


def test_mistakes_in_the_form_do_not_use_up_the_mail(visitor: Browser, mailbag: Mailbag) -> None:
    visitor.get("/register")
    for _mistake in range(4):
        visitor.submit("Create account", 422, **{**NEW, "password": "short"})
    visitor.submit("Create account", **NEW)
    assert mailbag.last("grace@example.com")


def test_a_child_who_tries_leaves_no_count_of_the_address(house: Portal, visitor: Browser) -> None:
    visitor.get("/register")
    visitor.submit("Create account", 422, **{**NEW, "age": "child"})
    visitor.get("/register")
    with house.app_context(), db.reading() as store:
        keys = store.query(RateLimit).count()
    assert keys == 1, "only the network was counted"


def test_proofs_are_counted_by_session(house: Portal, browser: Browser, later: Callable[..., None]) -> None:
    later(minutes=16)
    browser.get("/me/details")
    for _try in range(10):
        browser.submit("Confirm", 422, password="not the right one")
    browser.submit("Confirm", 429, password=PASSWORD)
    assert browser.get("/me/security").h1 == "Security"


def test_no_address_stands_in_the_counters(house: Portal, visitor: Browser, ada: Person, place: Path) -> None:
    visitor.get("/forgot-password")
    visitor.submit("Send the link", email=ada.email)
    with house.app_context(), db.reading() as store:
        assert all(len(row.key) == 32 for row in store.query(RateLimit))
        assert store.query(Session).count() == 0
