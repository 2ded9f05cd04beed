"""Sixteen hands at once: whatever is checked still holds when it is written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import Context

from bs4 import BeautifulSoup
from sqlalchemy import func, select

from portal.addresses.address import MOST, Address
from portal.app import Portal
from portal.core import db
from portal.payments import card_setup, demo_processor
from portal.payments.method import PaymentMethod
from portal.rights import erasure
from portal.rights.erasure import Erasure
from tests.browsing import Browser
from tests.people import Person

HANDS = 16
HOME = {"country": "US", "name": "Ada Lovell", "line1": "1 Reed St", "city": "Austin", "region": "TX", "postal_code": "78701"}


def at_once(browser: Browser, path: str, typed: dict[str, str]) -> list[int]:
    """The same form from as many windows as hands, each with a key of its own; what each was answered."""
    page = BeautifulSoup(browser.client.get("/me/addresses/new").get_data(as_text=True), "html.parser")
    token = page.find("input", attrs={"name": "csrf_token"})
    assert token
    cookie = browser.client.get_cookie("session")
    assert cookie
    start, answers = threading.Barrier(HANDS), []

    def act() -> None:
        client = browser.house.test_client()
        client.set_cookie("session", cookie.value)
        start.wait()
        answers.append(client.post(path, data={**typed, "csrf_token": token["value"]}).status_code)

    hands = [threading.Thread(target=Context().run, args=(act,)) for _hand in range(HANDS)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    return answers


def count(table: type[object]) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_keeping_her_account_keeps_it_however_many_windows_asked_for_its_deletion(
    ada: Person, browser: Browser, later: Callable[..., None]
) -> None:
    assert sorted(at_once(browser, "/me/delete", {})) == [302] + [409] * (HANDS - 1)
    assert count(Erasure) == 1
    browser.get("/me/delete/status")
    browser.submit("Keep my account")
    with db.reading():
        assert erasure.pending(ada.id) is None
    later(days=15)
    Browser(browser.house).signed_in_as(ada).get("/me")


def test_sixteen_windows_save_sixteen_addresses_and_one_of_them_is_the_usual_one(browser: Browser) -> None:
    assert set(at_once(browser, "/me/addresses/new", HOME | {"is_delivery_default": "y"})) == {302}
    assert set(at_once(browser, "/me/addresses/new", HOME)) == {302, 409}
    assert count(Address) == MOST
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Address).where(Address.is_delivery_default)) == 1


def test_one_visit_to_the_processor_saves_one_card(house: Portal, browser: Browser) -> None:
    browser.get("/me/payment/new")
    browser.submit("Continue")
    with db.reading() as session:
        setup = session.scalars(select(card_setup.CardSetup)).one()
        reference = setup.reference
    demo_processor.running().pick(reference, next(iter(demo_processor.SAMPLES)))
    assert set(at_once(browser, f"/me/payment/complete/{setup.id}", {})) == {302}
    assert count(PaymentMethod) == 1
