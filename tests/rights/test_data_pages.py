"""What we hold, as a person reads it: the most important first, in words, and where it came from."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Enum as EnumType

from portal.app import Portal, modules
from portal.contacts import choice, contact
from portal.contacts.topics import Channel
from portal.core import acting, db
from portal.core.acting import Actor, Kind, Scene
from portal.core.holdings import Held
from portal.orders.order import Order
from portal.rights import records, telling, words
from tests.browsing import Browser
from tests.people import Person
from tests.rights.purchases import buy, give
from tests.rights.test_export import copy_of

MACHINE_WORDS = re.compile(
    r"\b(?:True|False|fulfilled|Policy version|Created at)\b|\d{4}-\d\d-\d\d\S*|[0-9a-f]{8}-[0-9a-f]{4}|\w+_\w+|\w+:[0-9a-f]{8}"
)


@pytest.fixture
def full_house(house: Portal, ada: Person) -> Portal:
    """Ada with orders, a gift, and a no from a mail program."""
    give(house, ada.id, buy(house, ada.id, "#1002", days_ago=30))
    with acting.acting(Scene(Actor(Kind.LINK))), db.transaction():
        own = contact.email_of(ada.id)
        assert own is not None
        choice.say_no(own.digest, "offers", Channel.EMAIL, via="one_click")
    return house


def test_what_people_ask_about_first_stands_first(browser: Browser, full_house: Portal) -> None:
    titles = [heading.get_text() for heading in browser.get("/me/data").soup.find_all("h2")]
    assert titles[:3] == ["Your details", "E-mail address", "Orders"]


def test_what_can_only_be_read_is_not_offered_for_change(browser: Browser, full_house: Portal) -> None:
    links = {" ".join(link.get_text().split()): link["href"] for link in browser.get("/me/data").soup.select("main a")}
    assert "Change Activity" not in links
    assert links["See Activity"] == "/me/activity"
    assert links["Change E-mail Notifications"] == "/me/notifications"


def test_every_record_reads_as_words(browser: Browser, full_house: Portal) -> None:
    for held in records.all_held():
        page = browser.get(f"/me/data/{held.name}")
        main = page.soup.main
        assert main is not None
        assert MACHINE_WORDS.findall(" ".join(main.get_text(" ").split())) == [], held.name


def test_the_readable_pages_of_the_copy_read_as_words(full_house: Portal, ada: Person) -> None:
    page = re.sub(r"<[^>]*>", " ", copy_of(full_house, ada).read("index.html").decode())
    assert MACHINE_WORDS.findall(page) == []
    assert "Came from Shopify on" in page


def test_an_order_tells_everything_that_its_record_holds(house: Portal, browser: Browser, ada: Person) -> None:
    words_of_page = browser.get(f"/me/data/orders/{buy(house, ada.id)}").words
    for told in ("Delivered", "Please ring twice", "€129.71", "ada@example.com"):
        assert told in words_of_page


def test_what_the_shop_s_system_says_of_an_order_reads_as_words_too(house: Portal, browser: Browser, ada: Person) -> None:
    order_id = buy(house, ada.id)
    with db.transaction() as session:
        bought = session.get_one(Order, order_id)
        bought.amounts = {"taxes": "16.63", "tax_lines": [{"name": "State tax", "amount": "16.63"}], "as_typed": [["Total", "some"]]}
        bought.details = {"paid_at": "2019-12-06T12:50:53+00:00", "accepts_marketing": True, "note": "<b>"}
    told = browser.get(f"/me/data/orders/{order_id}").words
    for part in ("Taxes: €16.63", "Name: State tax", "Amount: €16.63", "Paid at: Dec 6, 2019", "Accepts marketing: yes", "Note: <b>"):
        assert part in told
    assert "{" not in told


def test_a_list_of_orders_names_each_and_leads_to_its_page(house: Portal, browser: Browser, ada: Person) -> None:
    order_id = buy(house, ada.id)
    page = browser.get("/me/data/purchase")
    assert "Order #1001" in page.words
    assert "Came from Shopify on" in page.words
    assert page.soup.find("a", href=f"/me/data/orders/{order_id}")


def test_orders_stand_by_their_day_however_they_came_in_and_are_read_page_by_page(house: Portal, browser: Browser, ada: Person) -> None:
    for number in range(45):
        buy(house, ada.id, f"#{number}", days_ago=number + 1)
    seen: list[str] = []
    path = "/me/data/purchase"
    while path:
        soup = browser.get(path).soup
        seen += [heading.get_text(strip=True) for heading in soup.select("main h2")]
        path = next((str(link["href"]) for link in soup.select("main a") if link.get_text() == "Older records"), "")
    assert seen == [f"Order #{number}" for number in range(45)]


list(modules())


@pytest.mark.parametrize("held", records.all_held(), ids=lambda held: held.name)
def test_every_fact_has_a_name_and_every_state_a_word(held: Held) -> None:
    sealed = getattr(held.model, "__sealed_fields__", {})
    technical = words.LEFT_OUT | telling.ORIGIN | sealed.keys()
    assert [name for name in records.columns(held) if name not in technical and name not in words.LABELS] == []
    kinds = [column.type.enum_class for column in held.table.columns if isinstance(column.type, EnumType) and column.type.enum_class]
    assert [state for kind in kinds for state in kind if state not in words.STATES[kind]] == []


@pytest.mark.parametrize("value", [True, 0, "as typed", ["a", {"b": False}], {"line1": "3 Quiet Lane", "phone": "+1"}, {}, None])
def test_whatever_another_system_said_can_be_read(value: object) -> None:
    assert "{" not in str(telling.spoken(value)) or value == {}
