"""Forgotten and changed passwords, and the account that its owner locks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.accounts import account
from portal.app import Portal
from portal.core import db
from portal.customers import customer
from tests.browsing import Browser
from tests.mailbag import Mailbag
from tests.people import PASSWORD, Person

NEW = "nine quiet oboes in the rain"


def sign_in(browser: Browser, email: str, password: str, expect: int = 200) -> None:
    browser.get("/sign-in")
    browser.submit("Continue", email=email)
    browser.submit("Sign in", expect, password=password)


def ask_for_reset(browser: Browser, mailbag: Mailbag, email: str) -> str:
    browser.get("/forgot-password")
    browser.submit("Send the link", email=email)
    assert browser.page.h1 == "Look into your mail"
    return mailbag.last(email, "Set a new password").link("/reset/")


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/me/security").h1 == "Security"


def test_a_reset_link_sets_the_password_ends_all_sessions_and_signs_nobody_in(
    house: Portal, browser: Browser, visitor: Browser, ada: Person, mailbag: Mailbag
) -> None:
    assert is_signed_in(browser)
    visitor.get(ask_for_reset(visitor, mailbag, ada.email))
    visitor.submit("Set password", password=NEW)
    assert visitor.page.h1 == "Your new password is set"
    assert not is_signed_in(visitor)
    assert not is_signed_in(browser)
    sign_in(visitor, ada.email, PASSWORD, 422)
    visitor.submit("Sign in", password=NEW)
    assert visitor.path == "/me"
    assert mailbag.last(ada.email, "Your password was changed").link("/not-me/")
    with house.app_context(), db.reading():
        person = customer.get(ada.id)
        assert person is not None
        assert account.guarded_until(person), "nothing irreversible for 72 hours"


def test_a_reset_link_works_once(visitor: Browser, ada: Person, mailbag: Mailbag) -> None:
    link = ask_for_reset(visitor, mailbag, ada.email)
    visitor.get(link)
    page = visitor.page
    visitor.submit("Set password", password=NEW)
    visitor.page = page
    visitor.submit("Set password", 410, password="another one of twelve")
    visitor.get(link, 410)
    assert visitor.page.soup.find("a", href="/forgot-password")


def test_a_reset_link_ends_after_fifteen_minutes(visitor: Browser, ada: Person, mailbag: Mailbag, later: Callable[..., None]) -> None:
    link = ask_for_reset(visitor, mailbag, ada.email)
    later(minutes=15, seconds=1)
    visitor.get(link, 410)


def test_a_newer_reset_link_ends_the_older(visitor: Browser, ada: Person, mailbag: Mailbag) -> None:
    old = ask_for_reset(visitor, mailbag, ada.email)
    new = ask_for_reset(visitor, mailbag, ada.email)
    visitor.get(old, 410)
    visitor.get(new)


def test_opening_a_mailed_link_changes_nothing(visitor: Browser, ada: Person, mailbag: Mailbag) -> None:
    link = ask_for_reset(visitor, mailbag, ada.email)
    for _scanner in range(3):
        visitor.client.head(link)
        visitor.get(link)
    visitor.submit("Set password", password=NEW)


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("elevenchars", "at least 12"),
        ("x" * 129, "at most 128"),
        ("Halyard Music", "not your address or the name of the shop"),
        ("ADA@example.com", "not your address"),
        ("passwordpassword", "stolen passwords"),
        ("PasswordPassword", "stolen passwords"),
    ],
)
def test_weak_passwords_are_refused_with_their_reason(
    visitor: Browser, ada: Person, mailbag: Mailbag, password: str, sentence: str
) -> None:
    visitor.get(ask_for_reset(visitor, mailbag, ada.email))
    visitor.submit("Set password", 422, password=password)
    assert sentence in visitor.page.words


@pytest.mark.parametrize(
    "password", ["ü🎺 " * 42 + "zz", "4111 1111 1111 1111", " leading and trailing ", "tab\there and there", "x1" * 64]
)
def test_any_characters_make_a_password(visitor: Browser, ada: Person, mailbag: Mailbag, password: str) -> None:
    visitor.get(ask_for_reset(visitor, mailbag, ada.email))
    visitor.submit("Set password", password=password)
    sign_in(visitor, ada.email, password)
    assert visitor.path == "/me"


def test_ada_changes_her_password_and_stays_signed_in_here_only(house: Portal, browser: Browser, ada: Person, mailbag: Mailbag) -> None:
    other = Browser(house)
    sign_in(other, ada.email, PASSWORD)
    browser.get("/me/security/password")
    browser.submit("Save", 422, password="Ada@Example.com ".strip())
    assert "not your address" in browser.page.words
    browser.submit("Save", password=NEW)
    assert "Your password is saved" in browser.page.words
    assert is_signed_in(browser)
    assert not is_signed_in(other)
    assert mailbag.last(ada.email).subject == "Your password was changed"
    assert "The password was changed. All other devices were signed out." in browser.get("/me/activity").words


def test_this_was_not_me_ends_all_sessions_and_refuses_changes_until_a_reset(
    house: Portal, browser: Browser, visitor: Browser, ada: Person, mailbag: Mailbag
) -> None:
    browser.get("/me/details")
    browser.submit("Save", name="Mallory")
    letter = mailbag.last(ada.email, "details")
    visitor.get(letter.link("/not-me/"))
    assert is_signed_in(browser), "looking at the link locks nothing"
    visitor.submit("Lock my account")
    assert visitor.page.h1 == "Your account is locked"
    assert not is_signed_in(browser)
    assert mailbag.last(ada.email).subject == "Your account is locked"
    thief = Browser(house).signed_in_as(ada)
    thief.get("/me/details")
    thief.submit("Save", 409, name="Eve")
    assert "locked" in thief.page.words
    assert "Your account is locked" in thief.get("/me/security").words
    visitor.get(ask_for_reset(visitor, mailbag, ada.email))
    visitor.submit("Set password", password=NEW)
    sign_in(visitor, ada.email, NEW)
    visitor.get("/me/details")
    visitor.submit("Save", name="Ada Lovell")
    assert "Your details are saved" in visitor.page.words


def test_the_lock_tells_again_that_it_is_locked_and_how_to_open_it(
    browser: Browser, visitor: Browser, ada: Person, mailbag: Mailbag
) -> None:
    browser.get("/me/details")
    browser.submit("Save", name="Mallory")
    link = mailbag.last(ada.email).link("/not-me/")
    visitor.get(link)
    page = visitor.page
    visitor.submit("Lock my account")
    visitor.page = page
    visitor.submit("Lock my account")
    visitor.get(link)
    assert "This link was used before" in visitor.page.words
    assert visitor.page.soup.find("a", href="/forgot-password")
    assert len([mail for mail in mailbag.to(ada.email) if "locked" in mail.subject]) == 1


def test_a_lock_link_ends_after_seven_days(
    browser: Browser, visitor: Browser, ada: Person, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    browser.get("/me/details")
    browser.submit("Save", name="Mallory")
    link = mailbag.last(ada.email).link("/not-me/")
    later(days=7, seconds=1)
    visitor.get(link, 410)


def test_link_pages_set_no_cookie(browser: Browser, visitor: Browser, ada: Person, mailbag: Mailbag) -> None:
    browser.get("/me/details")
    browser.submit("Save", name="Mallory")
    visitor.get(mailbag.last(ada.email).link("/not-me/"))
    visitor.submit("Lock my account")
    assert visitor.client.get_cookie("session") is None
