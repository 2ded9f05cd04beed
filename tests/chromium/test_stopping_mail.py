"""Mail is stopped with the keyboard alone, in a browser without scripts, and with one key press from the mail's own page."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from portal.app import Portal
from portal.contacts import choice, contact
from portal.contacts.topics import TOPICS, Channel
from portal.core import acting, db
from portal.core.acting import Actor, Kind, Scene
from tests.browsing import Browser
from tests.chromium.conftest import new_context
from tests.people import Person

pytestmark = pytest.mark.browser
TABS = 60


@pytest.fixture
def link(house: Portal, ada: Person) -> str:
    """Ada gets every list; this is the link in her newsletter."""
    with house.app_context(), acting.acting(Scene(Actor(Kind.CUSTOMER, str(ada.id)), ada.id)), db.transaction():
        own = contact.email_of(ada.id)
        assert own is not None
        for topic in TOPICS:
            choice.say_yes(own.digest, topic.slug, Channel.EMAIL, via="registration")
        return urlsplit(own.unsubscribe_url("newsletter")).path


@pytest.fixture
def phone(chromium: Chromium, address: str) -> Iterator[Page]:
    """A phone whose browser runs no scripts."""
    context = new_context(chromium, address, width=375, java_script_enabled=False)
    yield context.new_page()
    context.close()


def wants(house: Portal, person: Person, topic: str) -> bool:
    with house.app_context(), db.reading():
        own = contact.email_of(person.id)
        assert own is not None
        return choice.standing(own.digest).wants(topic, Channel.EMAIL)


def tab_to(page: Page, target: str) -> None:
    """Press Tab until the element has the focus; the first stop of every page is the way past its head."""
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_class("skip")
    for _press in range(TABS):
        page.keyboard.press("Tab")
        if page.locator(f"{target}:focus").count():
            return
    raise AssertionError(f"the keyboard never came to {target}")


def test_the_page_of_a_link_needs_one_key(house: Portal, ada: Person, link: str, phone: Page) -> None:
    phone.goto(link)
    tab_to(phone, "main .primary")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("heading", level=1)).to_have_text("These e-mails are stopped")
    assert not wants(house, ada, "newsletter")
    tab_to(phone, "form[action$='/undo'] button")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Undo")
    assert wants(house, ada, "newsletter")


def test_an_address_and_enter_stop_everything(house: Portal, ada: Person, link: str, phone: Page) -> None:
    phone.goto("/stop-email")
    tab_to(phone, "#email")
    phone.keyboard.type("ada@example.com")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Mail to this address has been stopped.")
    assert not any(wants(house, ada, topic.slug) for topic in TOPICS)


def test_a_list_is_turned_off_under_e_mail_notifications(house: Portal, ada: Person, link: str, phone: Page, address: str) -> None:
    cookie = Browser(house).signed_in_as(ada).client.get_cookie("session")
    assert cookie is not None
    phone.context.add_cookies([{"name": "session", "value": cookie.value, "url": address}])
    phone.goto("/me/notifications")
    tab_to(phone, "#on-offers-email")
    phone.keyboard.press("Space")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("status")).to_contain_text("Your choices are saved.")
    assert not wants(house, ada, "offers")
    assert wants(house, ada, "newsletter")
