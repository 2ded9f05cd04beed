"""A shop's orders come in from Shopify's file: each belongs to whoever placed it, and a gift to nobody but its two people."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.app import Portal
from portal.contacts import contact
from portal.contacts.choice import Choice
from portal.core import acting, boxes, db, keyring
from portal.core.acting import Actor, Kind, Scene
from portal.core.audit import Entry
from portal.core.keyring import Dek
from portal.customers import customer
from portal.customers.customer import Customer
from portal.orders import order, recipient
from portal.orders.order import Order, State
from portal.orders.recipient import Recipient
from portal.rights import erasure
from tests.browsing import Browser
from tests.connections.shops import CUSTOMERS, ORDERS, Row, Shop, fingerprint, opened
from tests.people import Person

PERSON = Scene(Actor(Kind.CUSTOMER, "the person"))


def row(name: str = "#1", email: str = "zoe@example.com", **cells: str) -> Row:
    given = {"Name": name, "Email": email, "Currency": "EUR", "Total": "12.00", "Created at": "2026-03-01 23:30:00 -0600"}
    given |= {"Lineitem quantity": "1", "Lineitem name": "strap", "Lineitem price": "12.00"}
    return given | {key.replace("_", " "): text for key, text in cells.items()}


def place(title: str, name: str, street: str, **cells: str) -> Row:
    parts = {"Name": name, "Address1": street, "City": "Berlin", "Zip": "'10969", "Country": "DE", **cells}
    return {f"{title} {part}": text for part, text in parts.items()}


def gift(**cells: str) -> Row:
    return row(**place("Billing", "Zoë", "1 Lantern Row"), **place("Shipping", "June", "3 Quiet Lane", Phone="'+4930231251"), **cells)


def found(name: str = "#1") -> Order:
    known = order.find("shopify", name)
    assert known is not None
    return known


def count(model: type[Any]) -> int:
    return db.session().scalar(select(func.count()).select_from(model)) or 0


@pytest.fixture
def sample(shared: Path) -> Path:
    return shared / "shops" / "shopify_orders_export.csv"


@pytest.fixture
def right(shared: Path) -> dict[str, Any]:
    text = (shared / "shops" / "expected.json").read_text(encoding="utf-8")
    expected: dict[str, Any] = json.loads(text)["shopify_orders_export.csv"]
    return expected


# The sample file


def test_the_sample_orders_come_in_exactly_as_they_should(house: Portal, shop: Shop, sample: Path, right: dict[str, Any]) -> None:
    shop.take_file(CUSTOMERS, sample.with_name("shopify_customers_export.csv"))
    with house.app_context(), db.reading() as session:
        known = set(session.scalars(select(Customer.id)))

    outcome = shop.take_file(ORDERS, sample)

    assert outcome.out[-2:] == [f"orders={right['orders']}", f"rows={right['rows']} imported={right['rows']} updated=0 skipped=0"]
    with house.app_context(), db.reading() as session:
        orders = session.scalars(select(Order)).all()
        assert len(orders) == right["orders"]
        assert sum(len(one.lines) for one in orders) == right["lines"]
        assert sum(len(one.lines) > 1 for one in orders) == right["orders_with_several_lines"]
        assert [one.number for one in orders if not one.email] == right["orders_without_email"]
        assert sorted(one.number for one in orders if not one.number.startswith("#")) == right["bare_number_names"]
        assert right["id_that_looks_like_a_card_number"] in {one.details["Id"] for one in orders}
        guests = [one for one in orders if one.email and one.person_id not in known]
        assert sorted({one.email for one in guests}) == right["guest_emails"]
        assert len(guests) == right["guest_orders"]
        assert not any(person.is_registered for person in session.scalars(select(Customer)))
        totals: dict[str, Decimal] = defaultdict(Decimal)
        for one in orders:
            totals[one.currency] += Decimal(one.total)
        assert {currency: str(total) for currency, total in totals.items()} == right["total_by_currency"]


def test_gifts_of_the_sample_make_people_of_their_own(house: Portal, shop: Shop, sample: Path, right: dict[str, Any]) -> None:
    shop.take_file(ORDERS, sample)

    with house.app_context(), db.reading() as session:
        gifts = {session.get_one(Order, one.order_id).number: one for one in session.scalars(select(Recipient))}
        assert {number: one.name for number, one in gifts.items()} == right["gift_orders"]
        for number, one in gifts.items():
            assert found(number).shipping == {}
            assert one.giver_id == found(number).person_id != one.person_id
            assert contact.of(one.person_id) == []
            assert customer.get(one.person_id) is None
        assert count(Choice) == 0
        addresses = {one.address["line1"] for one in gifts.values()}
    assert not any(street in str(fields) for name, fields in opened(house) for street in addresses if name != "recipient")


def test_importing_orders_twice_changes_nothing(house: Portal, shop: Shop, sample: Path, right: dict[str, Any]) -> None:
    shop.take_file(ORDERS, sample)
    before = fingerprint(house)

    again = shop.take_file(ORDERS, sample)

    assert again.out[-2:] == [f"orders={right['orders']}", f"rows={right['rows']} imported=0 updated={right['rows']} skipped=0"]
    assert fingerprint(house) == before


def test_a_dry_run_of_orders_tells_the_same_figures_and_writes_nothing(house: Portal, shop: Shop, sample: Path) -> None:
    before = fingerprint(house, without=())
    rehearsed = shop.rehearse(ORDERS, sample)

    assert fingerprint(house, without=()) == before
    assert shop.take_file(ORDERS, sample) == rehearsed


# What is kept, and for whom


def test_what_the_law_keeps_names_nobody(house: Portal, shop: Shop) -> None:
    amounts = {"Subtotal": "10.00", "Taxes": "2.00", "Tax 1 Name": "VAT 20%", "Tax 1 Value": "2.00"}
    cells = place("Billing", "Zoë Ashcombe", "1 Lantern Row", Province="BE") | {"Billing Phone": "'+4930231251", "Notes": "ring twice"}
    shop.take(ORDERS, row(**cells, **amounts, Payment_Method="PayPal"), row(Lineitem_name="reed", Lineitem_price="1.234"))

    with house.app_context(), db.reading():
        bought = found()
        assert bought.placed_at == datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
        assert (bought.kept_until, bought.keep_rule) == order.kept_until(date(2026, 3, 1))
        assert (bought.number, bought.country, bought.region, bought.total, bought.currency) == ("#1", "DE", "BE", "12.00", "EUR")
        items = [(line["name"], line["quantity"], line["price"]) for line in bought.lines]
        assert items == [("strap", "1", "12.00"), ("reed", "1", "")]
        assert bought.amounts["tax_lines"] == [{"name": "VAT 20%", "amount": "2.00"}]
        assert bought.amounts["as_typed"] == [["Lineitem price", "1.234"]]
        assert (bought.billing["name"], bought.billing["line1"], bought.note) == ("Zoë Ashcombe", "1 Lantern Row", "ring twice")
        dek = keyring.dek_of(bought.person_id, order.retained(bought.kept_until))
        assert dek is not None
        kept = str(boxes.unseal(dek, "purchase", bought.id, bought.person_id, bought.kept_box or b""))
    assert not [word for word in ("Zoë", "Lantern", "zoe@example.com", "231251", "ring", "PayPal") if word in kept]


def test_an_order_of_a_known_address_is_theirs_in_any_spelling(house: Portal, shop: Shop, bob: Person) -> None:
    addresses = (bob.email.upper(), "new@example.com", "NEW@example.com", "", "")
    shop.take(ORDERS, *[row(f"#{number}", email) for number, email in enumerate(addresses, 1)])

    with house.app_context(), db.reading():
        assert found("#1").person_id == bob.id
        assert found("#2").person_id == found("#3").person_id
        assert len({found(f"#{number}").person_id for number in range(1, 6)}) == 4
        assert [customer.get(found(number).person_id) for number in ("#4", "#5")] == [None, None]
        assert count(Customer) == 2


def test_an_order_with_an_unreadable_address_belongs_to_nobody(house: Portal, shop: Shop) -> None:
    shop.take(ORDERS, row(email="zoe(at)example.com"))

    with house.app_context(), db.reading():
        assert found().email == ""
        assert found().details["as_typed"] == [["Email", "zoe(at)example.com"]]
        assert "as_typed" not in found().amounts


@pytest.mark.parametrize(
    ("cells", "state"),
    [
        ({}, State.OPEN),
        ({"Fulfillment Status": "fulfilled"}, State.FULFILLED),
        ({"Fulfillment Status": "fulfilled", "Financial Status": "refunded"}, State.REFUNDED),
        ({"Fulfillment Status": "fulfilled", "Financial Status": "partially_refunded"}, State.FULFILLED),
        ({"Fulfillment Status": "partial"}, State.OPEN),
        ({"Financial Status": "voided"}, State.CANCELLED),
        ({"Cancelled at": "2026-03-02", "Financial Status": "refunded"}, State.CANCELLED),
    ],
)
def test_an_order_stands_where_the_shop_says_it_stands(house: Portal, shop: Shop, cells: Row, state: State) -> None:
    shop.take(ORDERS, row() | cells)

    with house.app_context(), db.reading():
        assert found().state == state


def test_words_in_the_currency_column_never_stand_in_the_open(house: Portal, shop: Shop) -> None:
    shop.take(ORDERS, row(Currency="Zoë's purse"), row("#2", Created_at="some day"))

    with house.app_context(), db.reading():
        assert (found().currency, found().amounts["currency"]) == ("", "ZOË'S PURSE")
        assert found("#2").amounts["as_typed"] == [["Created at", "some day"]]


def test_whatever_came_in_can_be_read_on_the_orders_own_page(house: Portal, shop: Shop, ada: Person, browser: Browser) -> None:
    odd = {
        "Lineitem price": "1.234",
        "Lineitem quantity": "",
        "Total": "some",
        "Currency": "shells",
        "Created at": "",
        "Billing Country": "?",
    }
    rows = [
        row("#1", ada.email),
        gift() | {"Name": "#2", "Email": ada.email},
        row("#3", ada.email) | odd,
        {"Name": "#4", "Email": ada.email},
    ]
    shop.take(ORDERS, *rows)

    for number in ("#1", "#2", "#3", "#4"):
        with house.app_context(), db.reading():
            order_id = found(number).id
        assert browser.get(f"/me/data/orders/{order_id}").h1 == f"Order {number}"
    assert "3 Quiet Lane" not in browser.get("/me/data/purchase").words


# Again


def test_a_later_file_brings_an_order_up_to_date(house: Portal, shop: Shop) -> None:
    shop.take(ORDERS, row(Notes="ring twice", Subtotal="10.00", **place("Billing", "Zoë", "1 Lantern Row", Address2="left")))
    later_file = row(Fulfillment_Status="fulfilled", Total="9.00", Refunded_Amount="3.00", **place("Billing", "Zoë", "2 Lantern Row"))
    outcome = shop.take(ORDERS, later_file)

    assert outcome.figures == {"erased_before": 0, "orders": 1, "rows": 1, "imported": 0, "updated": 1, "skipped": 0}
    with house.app_context(), db.reading() as session:
        bought = found()
        assert (bought.state, bought.total, bought.note) == (State.FULFILLED, "9.00", "ring twice")
        assert (bought.amounts["subtotal"], bought.amounts["refunded"]) == ("10.00", "3.00")
        assert bought.billing == {"country": "DE", "name": "Zoë", "line1": "2 Lantern Row", "city": "Berlin", "postal_code": "10969"}
        acts = Counter(session.scalars(select(Entry.act).where(Entry.subject == bought.person_id)))
        assert acts == {"imported": 1, "order_imported": 1, "order_import_updated": 1}


def test_an_order_stays_with_its_owner_and_its_day(house: Portal, shop: Shop, bob: Person) -> None:
    shop.take(ORDERS, row())
    outcome = shop.take(ORDERS, row(email=bob.email, Created_at="2020-01-01"))

    assert outcome.told == [("1", "Email"), ("1", "Created at")]
    with house.app_context(), db.reading():
        assert (found().email, found().placed_at.year) == ("zoe@example.com", 2026)
        assert order.count(bob.id) == 0


def test_a_gift_known_as_none_before_leaves_the_givers_order(house: Portal, shop: Shop) -> None:
    shop.take(ORDERS, gift(Shipping_Name="Zoë"))
    with house.app_context(), db.reading():
        assert found().shipping["line1"] == "3 Quiet Lane"

    shop.take(ORDERS, gift(Note_Attributes="gift: yes"))

    with house.app_context(), db.reading():
        assert found().shipping == {}
        june = recipient.of_order(found().id)
        assert june is not None
        assert (june.name, june.address["line1"], june.phone) == ("June", "3 Quiet Lane", "+4930231251")


def test_a_recipient_who_was_erased_is_not_brought_back(house: Portal, shop: Shop) -> None:
    shop.take(ORDERS, gift())
    with house.app_context(), db.transaction() as session:
        june = recipient.of_order(found().id)
        assert june is not None
        keyring.destroy(june.person_id, keyring.PROFILE)
        session.delete(june)

    shop.take(ORDERS, gift(Fulfillment_Status="fulfilled"))

    with house.app_context(), db.reading():
        assert count(Recipient) == 0
        assert (found().state, found().shipping) == (State.FULFILLED, {})


def test_the_orders_of_somebody_erased_stay_without_them(house: Portal, shop: Shop, ada: Person, later: Callable[..., None]) -> None:
    cells = {"Fulfillment Status": "fulfilled"} | place("Billing", "Ada Lovell", "14 Lantern Row")
    shop.take(ORDERS, row("#1", ada.email) | cells)
    with house.app_context(), acting.acting(PERSON), db.transaction():
        person = customer.find_by_email(ada.email)
        assert person is not None
        erasure.request(person, by="ada")
    later(days=15)

    outcome = shop.take(ORDERS, row("#1", ada.email) | cells, row("#2", ada.email) | cells)

    assert outcome.figures == {"erased_before": 1, "orders": 2, "rows": 2, "imported": 1, "updated": 1, "skipped": 0}
    assert outcome.told == [("1", "Name")]
    with house.app_context(), db.reading() as session:
        assert found("#1").person_id == ada.id
        assert found("#1").box is None
        assert session.scalar(select(Dek.id).where(Dek.owner == ada.id, Dek.kind == keyring.PROFILE)) is None
        assert found("#2").person_id != ada.id
    assert not shop.wants(ada.email)
