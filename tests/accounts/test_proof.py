"""It is you: asked before the form, and what was typed is never lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portal.app import Portal
from portal.core import db
from portal.customers import customer
from tests.browsing import Browser
from tests.mailbag import Mailbag
from tests.people import PASSWORD, Person

NEW = "ada@new.example"


def name_of(house: Portal, person: Person) -> str:
    with house.app_context(), db.reading():
        found = customer.get(person.id)
        assert found is not None
        return str(found.name)


def prove(browser: Browser, mailbag: Mailbag, ada: Person) -> None:
    browser.submit("password", password=PASSWORD)
    browser.submit("code", code=mailbag.last(ada.email, "confirm").code)


def test_the_proof_is_asked_before_the_form(browser: Browser, later: Callable[..., None]) -> None:
    browser.get("/me/details")
    assert browser.page.h1 == "Your details"
    later(minutes=16)
    browser.get("/me/details")
    assert browser.page.h1 == "Please confirm that it is you"
    browser.submit("Confirm", password=PASSWORD)
    assert browser.page.h1 == "Your details"


def test_a_dangerous_page_asks_for_the_password_and_a_mailed_code(
    browser: Browser, ada: Person, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    browser.get("/me/details/email")
    assert browser.page.h1 == "Change your e-mail address"
    later(minutes=16)
    browser.get("/me/details/email")
    browser.submit("Confirm", password=PASSWORD)
    assert browser.page.h1 == "Please confirm that it is you"
    assert "a***@e***.com" in browser.page.words
    browser.submit("Confirm", code=mailbag.last(ada.email).code)
    assert browser.page.h1 == "Change your e-mail address"


def test_a_password_alone_never_opens_a_dangerous_page(browser: Browser, later: Callable[..., None]) -> None:
    later(minutes=16)
    browser.get("/me/confirm?level=15&next=/me/details/email")
    browser.submit("Confirm", password=PASSWORD)
    assert browser.page.h1 == "Please confirm that it is you"
    assert browser.page.soup.find("button", string="Send me a code")


def test_a_code_that_signed_in_is_no_second_proof(house: Portal, visitor: Browser, ada: Person, mailbag: Mailbag) -> None:
    visitor.get("/sign-in")
    visitor.submit("Continue", email=ada.email)
    visitor.submit("Send me a code instead")
    visitor.submit("code", code=mailbag.last(ada.email).code)
    for path in ("/me/details", "/me/details/email"):
        visitor.get(path)
        assert visitor.page.soup.select_one("input[name=password]"), "the password is asked"


def test_a_wrong_password_is_refused_and_noted(house: Portal, browser: Browser, later: Callable[..., None]) -> None:
    later(minutes=16)
    browser.get("/me/details")
    browser.submit("Confirm", 422, password="not the right one")
    assert "This is not your password" in browser.page.words
    browser.submit("Confirm", password=PASSWORD)
    browser.get("/me/activity")
    assert "A wrong password was typed" in browser.page.words


def test_the_code_ends_after_five_tries_and_an_hour_has_five_codes(
    browser: Browser, ada: Person, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    later(minutes=16)
    browser.get("/me/details/email")
    browser.submit("Confirm", password=PASSWORD)
    code = mailbag.last(ada.email).code
    for _try in range(5):
        browser.submit("Confirm", 422, code="000000" if code != "000000" else "111111")
    browser.submit("Confirm", 422, code=code)
    for _more in range(4):
        browser.submit("Send a new code")
    browser.submit("Send a new code", 429)
    assert "You can try again from" in browser.page.words
    assert int(browser.page.response.headers["Retry-After"]) > 3000
    assert browser.get("/me/security").h1 == "Security", "a refusal signs nobody out"


def test_a_form_that_was_open_for_a_while_is_accepted_fifteen_minutes_beyond(
    house: Portal, browser: Browser, ada: Person, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    browser.get("/me/details/email")
    later(minutes=19, seconds=50)
    browser.submit("Send a letter to the new address", email=NEW)
    assert mailbag.last(NEW)


def test_after_that_the_form_comes_back_filled_behind_the_proof(
    house: Portal, browser: Browser, ada: Person, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    browser.get("/me/details/email")
    later(minutes=20, seconds=1)
    browser.submit("Send a letter to the new address", 422, email=NEW)
    assert browser.page.h1 == "Please confirm that it is you"
    assert mailbag.all() == [], "nothing is sent before the proof"
    browser.submit("Confirm and go on")
    browser.submit("Confirm", 422, password="not the right one")
    prove(browser, mailbag, ada)
    assert browser.page.h1 == "Here is what you typed"
    assert NEW in browser.page.words
    browser.submit("Send it now")
    assert mailbag.last(NEW, "Confirm")


def test_a_new_password_is_not_carried_through_pages(browser: Browser, ada: Person, mailbag: Mailbag, later: Callable[..., None]) -> None:
    browser.get("/me/security/password")
    later(minutes=20, seconds=1)
    browser.submit("Save", 422, password="nine quiet oboes in the rain")
    assert "nine quiet oboes" not in browser.page.text
    browser.submit("Confirm and go on")
    prove(browser, mailbag, ada)
    assert browser.page.h1 == "Change your password", "nothing was typed that may be carried, so the form is shown again"


def test_what_was_typed_survives_an_ended_session(house: Portal, browser: Browser, ada: Person, later: Callable[..., None]) -> None:
    browser.get("/me/details")
    later(minutes=31)
    browser.submit("Save", 422, name="Ada Lovelace", phone="+1 512 555 0199")
    assert browser.page.h1 == "Please sign in again"
    assert name_of(house, ada) == "Ada Lovell"
    browser.submit("Sign in and go on")
    browser.submit("Continue", 422, email="not an address")
    browser.submit("Continue", email=ada.email)
    browser.submit("Sign in", 422, password="not the right one")
    browser.submit("Sign in", password=PASSWORD)
    assert browser.page.h1 == "Here is what you typed"
    browser.submit("Send it now")
    assert browser.page.h1 == "Your details"
    assert name_of(house, ada) == "Ada Lovelace"


def test_what_was_typed_survives_signing_in_by_code(
    house: Portal, browser: Browser, ada: Person, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    browser.get("/me/details")
    later(minutes=31)
    browser.submit("Save", 422, name="Ada Lovelace")
    browser.submit("Sign in and go on")
    browser.submit("Continue", email=ada.email)
    browser.submit("Send me a code instead")
    browser.submit("Sign in", 422, code="not it")
    browser.submit("Sign in", code=mailbag.last(ada.email, "sign in").code)
    browser.submit("Send it now", 422)
    browser.submit("Confirm and go on")
    browser.submit("Confirm", password=PASSWORD)
    browser.submit("Send it now")
    assert name_of(house, ada) == "Ada Lovelace"


def test_a_button_that_came_too_late_is_asked_again(
    browser: Browser, house: Portal, ada: Person, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    Browser(house).signed_in_as(ada)
    browser.get("/me/security/devices")
    later(minutes=20, seconds=1)
    browser.submit("Sign out everywhere", 422)
    browser.submit("Confirm and go on")
    prove(browser, mailbag, ada)
    assert browser.page.h1 == "Where you are signed in"


@pytest.mark.parametrize("fields", [{"password": PASSWORD}, {}])
def test_a_proof_gives_the_session_a_new_token(browser: Browser, later: Callable[..., None], fields: dict[str, Any]) -> None:
    later(minutes=16)
    browser.get("/me/details")
    with browser.client.session_transaction() as cookie:
        before = dict(cookie)
    browser.submit("Confirm", 200 if fields else 422, **fields)
    with browser.client.session_transaction() as cookie:
        assert (cookie["_user_id"] != before["_user_id"]) == bool(fields)
        cookie.clear()
        cookie.update(before)
    assert browser.get("/me/security").h1 == ("Sign in" if fields else "Security")
