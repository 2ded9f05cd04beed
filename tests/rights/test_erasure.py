"""Deleting an account."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from portal.accounts import account, sign_in
from portal.app import Portal
from portal.contacts import choice, contact
from portal.contacts.may_send import may_send
from portal.contacts.topics import Channel
from portal.core import clock, db, keyring, ledger
from portal.core.keyring import Dek
from portal.customers import customer
from portal.letters import letter
from portal.orders.order import Order, State
from portal.orders.recipient import Recipient
from portal.rights import erasure, export, plan, records
from portal.rights.erasure import Erasure
from tests.browsing import Browser
from tests.mailbag import Mailbag
from tests.people import Person, add_customer
from tests.rights.purchases import buy, give
from tests.rights.test_export import held, opened


def ask(browser: Browser) -> None:
    browser.get("/me/delete")
    browser.get("/me/delete/check")
    browser.submit("Delete my account")


def test_ada_sees_what_goes_and_what_stays_before_she_asks(house: Portal, ada: Person, browser: Browser) -> None:
    buy(house, ada.id)
    words = browser.get("/me/delete").words
    assert "What goes" in words
    assert "What stays" in words
    assert "Orders" in words
    assert "Art. 63c" in words or "63c" in words


def test_ada_asks_gets_a_letter_and_keeps_her_account_by_its_link(house: Portal, ada: Person, browser: Browser, mailbag: Mailbag) -> None:
    ask(browser)
    assert browser.page.h1 == "Your account is going to be deleted"
    link = mailbag.last(ada.email).link("/undo/deletion/")
    visitor = Browser(house)
    visitor.get(link)
    visitor.submit("Keep my account")
    assert visitor.page.h1 == "Your account stays"
    visitor.get(link, expect=410)
    assert mailbag.last(ada.email).subject == "Your account stays"


def test_fourteen_days_later_ada_is_gone_and_her_orders_have_no_name(
    house: Portal, ada: Person, browser: Browser, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    order_id = buy(house, ada.id)
    ask(browser)
    later(days=15)
    with db.reading() as session:
        left = set(records.counts(records.subject(ada.id, ada.email)))
        assert left == {"purchase", "entry", "erasure", "choice", "preference"}
        bought = session.get(Order, order_id)
        assert bought is not None
        assert bought.number == "#1001"
        assert bought.lines[0]["name"] == "Linden Parlor Guitar"
        assert bought.billing == "(erased)"
        assert session.scalar(select(func.count()).select_from(Dek).where(Dek.owner == ada.id, Dek.kind == keyring.PROFILE)) == 0
    browser.get("/me")
    assert browser.page.h1 == "Sign in"
    last = mailbag.last(ada.email)
    assert last.subject == "Your account is deleted"
    assert "Orders" in last.text
    assert ada.id in ledger.tombstones()


def test_the_copy_after_a_deletion_shows_exactly_what_the_plan_kept(
    house: Portal, ada: Person, browser: Browser, later: Callable[..., None]
) -> None:
    buy(house, ada.id)
    buy(house, ada.id, "#1002", days_ago=400)
    with db.transaction():
        own = contact.email_of(ada.id)
        assert own is not None
        choice.say_yes(own.digest, "newsletter", Channel.EMAIL, via="page")
    ask(browser)
    with db.reading():
        kept = {line.name for line in plan.of(records.subject(ada.id)).stays}
    later(days=15)
    with house.test_request_context():
        with db.reading():
            whose = records.subject(ada.id, ada.email)
            after = plan.of(whose)
        assert after.goes == ()
        assert {line.name for line in after.stays} == kept
        archive = export.Archive(whose)
        found = held(opened(b"".join(archive.stream())))
    assert set(found) == kept
    assert len(found["purchase"]["records"]) == 2
    everything = json.dumps(found)
    for gone in ("Ada", "Lovell", "ada@example.com", "Lindenstra", "ring twice"):
        assert gone not in everything


def test_signing_in_does_not_stop_the_deletion_but_the_button_does(house: Portal, ada: Person, browser: Browser) -> None:
    ask(browser)
    browser.get("/me/delete")
    assert browser.page.h1 == "Your account is going to be deleted"
    browser.submit("Keep my account")
    with db.reading():
        assert erasure.pending(ada.id) is None


def test_an_order_under_way_comes_first(house: Portal, ada: Person, browser: Browser) -> None:
    buy(house, ada.id, "#2001", days_ago=3, state=State.OPEN)
    assert "Order #2001 is still under way" in browser.get("/me/delete").words
    browser.get("/me/delete/check")
    assert "Delete my account" not in browser.page.words


def test_an_old_order_that_nobody_closed_stops_nothing(house: Portal, ada: Person, browser: Browser) -> None:
    buy(house, ada.id, days_ago=61, state=State.OPEN)
    ask(browser)
    assert browser.page.h1 == "Your account is going to be deleted"


def test_nobody_deletes_an_account_right_after_changing_its_password(house: Portal, ada: Person, browser: Browser) -> None:
    browser.get("/me/security/password")
    browser.submit("password", password="another seven brass trumpets")
    assert "changed a short time ago" in browser.get("/me/delete").words


def test_three_days_before_ada_is_told_once_more(
    house: Portal, ada: Person, browser: Browser, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    ask(browser)
    later(days=11, minutes=1)
    assert mailbag.last(ada.email).subject == "Your account will be deleted in three days"


def test_it_is_too_late_to_undo_once_the_day_has_come(
    house: Portal, ada: Person, browser: Browser, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    ask(browser)
    link = mailbag.last(ada.email).link("/undo/deletion/")
    later(days=15)
    Browser(house).get(link, expect=410)


def test_the_people_ada_sent_gifts_to_go_with_her(house: Portal, ada: Person, browser: Browser, later: Callable[..., None]) -> None:
    june = give(house, ada.id, buy(house, ada.id))
    ask(browser)
    later(days=15)
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Recipient)) == 0
        assert keyring.dek_of(june, keyring.PROFILE) is None


def test_an_erased_customer_who_comes_back_with_an_import_is_still_not_written_to(
    house: Portal, ada: Person, browser: Browser, later: Callable[..., None]
) -> None:
    ask(browser)
    later(days=15)
    add_customer(house, ada.email, "Ada Lovell")
    with db.reading():
        own = contact.find(ada.email)
        assert own is not None
        assert not may_send(own, "newsletter").allowed


def test_letters_that_had_not_left_are_never_sent(
    house: Portal, ada: Person, browser: Browser, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    ask(browser)
    before = len(mailbag.to(ada.email))
    with db.transaction():
        own = contact.email_of(ada.id)
        assert own is not None
        waiting = letter.post("welcome", own, {"url": "http://localhost/me"})
        waiting.due_at = clock.now() + timedelta(days=10000)
    later(days=15)
    subjects = [mail.subject for mail in mailbag.to(ada.email)][before:]
    assert "Your account is deleted" in subjects
    assert not any(subject.startswith("Welcome") for subject in subjects)


def test_orders_leave_on_the_first_day_after_the_law_lets_them(
    house: Portal, ada: Person, browser: Browser, later: Callable[..., None]
) -> None:
    order_id = buy(house, ada.id)
    ask(browser)
    later(days=15)
    with db.reading() as session:
        bought = session.get(Order, order_id)
        assert bought is not None
        until = bought.kept_until
    later(days=(until - clock.now().date()).days + 1)
    with db.reading() as session:
        assert session.get(Order, order_id) is None
        assert session.scalar(select(func.count()).select_from(Dek).where(Dek.owner == ada.id)) == 0


def test_the_store_file_no_longer_holds_adas_words(
    house: Portal, ada: Person, place: Path, browser: Browser, later: Callable[..., None]
) -> None:
    buy(house, ada.id)
    ask(browser)
    later(days=15)
    stored = b"".join(file.read_bytes() for file in place.glob("portal.db*"))
    assert b"Lindenstra" not in stored
    assert b"ada@example.com" not in stored


def test_an_account_that_its_owner_locked_is_not_deleted_before_they_are_back(
    house: Portal, ada: Person, browser: Browser, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    ask(browser)
    owner = Browser(house)
    owner.get(mailbag.last(ada.email).link("/not-me/"))
    owner.submit("Lock my account")
    later(days=15)
    with db.transaction():
        sign_in.send_reset(ada.email)
    owner.get(mailbag.link(ada.email, "/reset/"))
    owner.submit("password", password="nine silver flutes at dusk")
    owner.signed_in_as(ada).get("/me/delete/status")
    owner.submit("Keep my account")
    later(days=30)
    with db.reading():
        assert customer.get(ada.id) is not None
        assert keyring.dek_of(ada.id, keyring.PROFILE) is not None


def test_a_new_password_late_in_the_grace_moves_the_day_and_the_account_can_be_kept_until_then(
    house: Portal, ada: Person, browser: Browser, later: Callable[..., None]
) -> None:
    ask(browser)
    later(days=13)
    with db.transaction():
        person = customer.get(ada.id)
        assert person is not None
        account.set_password(person, account.hashed("nine silver flutes at dusk"))
    later(days=1, minutes=1)
    back = Browser(house).signed_in_as(ada)
    back.get("/me/delete/status")
    back.submit("Keep my account")
    later(days=30)
    with db.reading():
        assert keyring.dek_of(ada.id, keyring.PROFILE) is not None


def test_the_store_itself_knows_only_one_waiting_deletion_of_a_person(house: Portal, ada: Person) -> None:
    with pytest.raises(IntegrityError), db.transaction() as session:
        session.add_all(Erasure(person_id=ada.id, asked_by="test", due_at=clock.now()) for _twice in range(2))
