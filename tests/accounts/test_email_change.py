"""A new e-mail address: confirmed there, told to the old one, and undone from there for 72 hours."""

from __future__ import annotations

from collections.abc import Callable

from portal.app import Portal
from portal.contacts import choice, contact
from portal.contacts.topics import Channel
from portal.core import acting, db
from portal.core.acting import Actor, Kind, Scene
from tests.browsing import Browser
from tests.mailbag import Mailbag
from tests.people import PASSWORD, Person

NEW = "ada@new.example"


def ask(browser: Browser, address: str, expect: int = 200) -> None:
    browser.get("/me/details/email")
    browser.submit("Send a letter to the new address", expect, email=address)


def change(browser: Browser, mailbag: Mailbag, address: str) -> None:
    ask(browser, address)
    browser.get(mailbag.last(address, "Confirm").link("/verify/"))
    browser.submit("Yes, confirm")
    assert browser.page.h1 == "Your new address is confirmed"


def owner_of(house: Portal, address: str) -> object:
    with house.app_context(), db.reading():
        found = contact.find(address)
        return found.person_id if found else None


def test_the_new_address_counts_once_it_is_confirmed(house: Portal, browser: Browser, ada: Person, mailbag: Mailbag) -> None:
    ask(browser, NEW)
    assert owner_of(house, ada.email) == ada.id
    assert [mail.to for mail in mailbag.all()] == [NEW]
    browser.get(mailbag.last(NEW).link("/verify/"))
    browser.submit("Yes, confirm")
    assert owner_of(house, NEW) == ada.id
    assert owner_of(house, ada.email) is None
    desk = Browser(house)
    desk.get("/sign-in")
    desk.submit("Continue", email=NEW)
    desk.submit("Sign in", password=PASSWORD)
    assert desk.path == "/me"


def test_both_addresses_are_told_and_neither_letter_shows_the_other_whole(browser: Browser, ada: Person, mailbag: Mailbag) -> None:
    change(browser, mailbag, NEW)
    old, new = mailbag.last(ada.email), mailbag.last(NEW)
    assert (old.subject, new.subject) == ("Your e-mail address was changed", "This is your e-mail address now")
    assert "a***@n***.example" in old.text
    assert NEW not in old.text
    assert "a***@e***.com" in new.text
    assert ada.email not in new.text
    assert new.link("/not-me/")


def test_the_old_address_undoes_the_change_within_72_hours(
    house: Portal, browser: Browser, visitor: Browser, ada: Person, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    change(browser, mailbag, NEW)
    link = mailbag.last(ada.email).link("/undo/email/")
    later(hours=71, minutes=59)
    thief = Browser(house).signed_in_as(ada)
    visitor.get(link)
    assert owner_of(house, NEW) == ada.id, "looking undoes nothing"
    visitor.submit("Undo the change")
    assert visitor.page.h1 == "Your old e-mail address is back"
    assert owner_of(house, ada.email) == ada.id
    assert thief.get("/me/security").h1 == "Sign in"
    assert mailbag.last(ada.email).subject == "This is your e-mail address now"
    visitor.get(link, 410)


def test_after_72_hours_it_cannot_be_undone(
    browser: Browser, visitor: Browser, ada: Person, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    change(browser, mailbag, NEW)
    link = mailbag.last(ada.email).link("/undo/email/")
    later(hours=72, seconds=1)
    visitor.get(link, 410)
    assert "+1 512 555 0142" in visitor.page.words


def test_a_thief_who_changes_twice_cannot_shake_the_owner_off(
    house: Portal, browser: Browser, visitor: Browser, ada: Person, mailbag: Mailbag
) -> None:
    change(browser, mailbag, "thief@one.example")
    change(browser, mailbag, "thief@two.example")
    thiefs = mailbag.last("thief@one.example", "Your e-mail address was changed").link("/undo/email/")
    owners = mailbag.last(ada.email, "Your e-mail address was changed").link("/undo/email/")
    visitor.get(thiefs)
    visitor.submit("Undo the change")
    assert owner_of(house, "thief@one.example") == ada.id
    visitor.get(owners)
    visitor.submit("Undo the change")
    assert owner_of(house, ada.email) == ada.id
    visitor.get(thiefs, 410)


def test_a_reset_link_mailed_to_the_thief_dies_with_the_undo(
    house: Portal, browser: Browser, visitor: Browser, ada: Person, mailbag: Mailbag
) -> None:
    change(browser, mailbag, NEW)
    visitor.get("/forgot-password")
    visitor.submit("Send the link", email=NEW)
    reset = mailbag.last(NEW, "Set a new password").link("/reset/")
    visitor.get(mailbag.last(ada.email).link("/undo/email/"))
    visitor.submit("Undo the change")
    visitor.get(reset, 410)


def test_a_change_under_way_dies_when_the_account_is_locked(
    house: Portal, browser: Browser, visitor: Browser, ada: Person, mailbag: Mailbag
) -> None:
    browser.get("/me/details")
    browser.submit("Save", name="Mallory")
    ask(browser, NEW)
    visitor.get(mailbag.last(ada.email, "details").link("/not-me/"))
    visitor.submit("Lock my account")
    visitor.get(mailbag.last(NEW).link("/verify/"), 410)
    assert owner_of(house, ada.email) == ada.id


def test_preferences_follow_the_address_and_a_no_stays_a_no(house: Portal, browser: Browser, ada: Person, mailbag: Mailbag) -> None:
    with house.app_context(), acting.acting(Scene(Actor(Kind.CUSTOMER, str(ada.id)), ada.id)), db.transaction():
        own = contact.find(ada.email)
        assert own is not None
        choice.say_yes(own.digest, "newsletter", Channel.EMAIL, via="test")
        choice.say_no(own.digest, "offers", Channel.EMAIL, via="test")
    change(browser, mailbag, NEW)
    with house.app_context(), db.reading():
        own = contact.find(NEW)
        assert own is not None
        said = choice.standing(own.digest)
        assert said.wants("newsletter", Channel.EMAIL)
        assert not said.wants("offers", Channel.EMAIL)
        assert ("offers", Channel.EMAIL) in said.answers


def test_who_stopped_all_mail_to_the_new_address_still_gets_none(house: Portal, browser: Browser, ada: Person, mailbag: Mailbag) -> None:
    browser.get("/stop-email")
    browser.submit("email", email=NEW)
    with house.app_context(), acting.acting(Scene(Actor(Kind.CUSTOMER, str(ada.id)), ada.id)), db.transaction():
        own = contact.find(ada.email)
        assert own is not None
        choice.stop_all(own.digest, via="test")
        choice.say_yes(own.digest, "newsletter", Channel.EMAIL, via="test")
    change(browser, mailbag, NEW)
    with house.app_context(), db.reading():
        own = contact.find(NEW)
        assert own is not None
        assert not choice.standing(own.digest).wants("newsletter", Channel.EMAIL)


def test_a_taken_address_reads_the_same_and_its_owner_is_told(
    house: Portal, browser: Browser, ada: Person, bob: Person, mailbag: Mailbag
) -> None:
    ask(browser, NEW)
    free = browser.page.words
    ask(browser, bob.email)
    assert browser.page.words == free
    assert mailbag.last(bob.email).subject == "You already have an account"
    assert owner_of(house, bob.email) == bob.id


def test_ones_own_address_is_no_new_one(browser: Browser, ada: Person, mailbag: Mailbag) -> None:
    ask(browser, "ADA@example.com", 422)
    assert "your address already" in browser.page.words
    assert mailbag.all() == []


def test_a_newer_wish_ends_the_older(browser: Browser, mailbag: Mailbag) -> None:
    ask(browser, NEW)
    old = mailbag.last(NEW).link("/verify/")
    ask(browser, "ada@other.example")
    browser.get(old, 410)


def test_the_password_that_a_thief_set_after_the_change_opens_nothing_once_it_is_undone(
    house: Portal, browser: Browser, visitor: Browser, ada: Person, mailbag: Mailbag
) -> None:
    change(browser, mailbag, NEW)
    browser.get("/me/security/password")
    browser.submit("Save", password="a password only the thief knows")
    undo = mailbag.last(ada.email, "Your e-mail address was changed").link("/undo/email/")
    visitor.get(undo)
    visitor.submit("Undo the change")
    assert mailbag.last(ada.email).subject == "Your account is locked"
    browser.signed_in_as(ada).get("/me/notifications")
    browser.submit("Stop everything", 409)
    visitor.get("/forgot-password")
    visitor.submit("Send the link", email=ada.email)
    visitor.get(mailbag.link(ada.email, "/reset/"))
    visitor.submit("password", password="only Ada knows this one now")
    browser.signed_in_as(ada).get("/me/notifications")
    browser.submit("Stop everything")


def test_an_undo_without_a_new_password_locks_nothing(browser: Browser, visitor: Browser, ada: Person, mailbag: Mailbag) -> None:
    change(browser, mailbag, NEW)
    visitor.get(mailbag.last(ada.email, "Your e-mail address was changed").link("/undo/email/"))
    visitor.submit("Undo the change")
    browser.signed_in_as(ada).get("/me/notifications")
    browser.submit("Stop everything")
