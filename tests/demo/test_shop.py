"""The demo's shop is believable, harms nobody, and comes in through the importer whole."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from portal.connections.report import Report
from portal.connections.shopify.customers import CustomerRow, read_customers
from portal.connections.shopify.orders import OrderGroup, read_orders
from portal.demo import shop
from portal.demo.people import DEMO_PEOPLE, DemoPerson

ZONE = ZoneInfo("America/Chicago")
RINGS_NOWHERE = re.compile(
    r"1?\d{3}55501\d\d|442079460\d{3}|447700900\d{3}|4930231251?\d{2}|331990001\d\d|463139006\d\d|353209100\d{3}|612555001\d\d"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop")
    shop.write(path)
    return path


@pytest.fixture(scope="module")
def customers(folder: Path) -> list[CustomerRow]:
    report = Report()
    found = list(read_customers(folder / "customers.csv", ZONE, report))
    assert len(found) == report.rows
    return found


@pytest.fixture(scope="module")
def orders(folder: Path) -> list[OrderGroup]:
    report = Report()
    found = list(read_orders(folder / "orders.csv", ZONE, report))
    assert sum(len(order.places) for order in found) == report.rows > 600
    return found


def test_the_shop_is_the_same_every_time(folder: Path, tmp_path: Path) -> None:
    shop.write(tmp_path)

    for name in ("customers.csv", "orders.csv"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_two_hundred_people_of_many_countries_shop_there(customers: list[CustomerRow]) -> None:
    countries = Counter(person.address.country for person in customers)

    assert 190 <= len(customers) <= 220
    assert len({person.email for person in customers}) == len(customers)
    assert len(countries) >= 12
    assert countries["US"] > len(customers) / 2
    assert any(not person.name.isascii() for person in customers)


def test_nobody_real_can_be_reached(customers: list[CustomerRow], orders: list[OrderGroup]) -> None:
    emails = {person.email for person in customers} | {order.email for order in orders}
    phones = {person.phone for person in customers} | {order.shipping.phone for order in orders}

    assert all(email.endswith(("@example.com", "@example.org", ".test")) for email in emails)
    assert all(RINGS_NOWHERE.fullmatch(re.sub(r"\D", "", phone)) for phone in phones - {""})


def test_orders_are_of_every_kind(customers: list[CustomerRow], orders: list[OrderGroup]) -> None:
    known = {person.email for person in customers}
    moments = [order.created_at for order in orders if order.created_at]

    assert len(orders) == len(moments) == 350
    assert (min(moments).year, max(moments).year) == (2019, 2026)
    assert len({order.currency for order in orders}) >= 6
    assert sum(order.is_gift for order in orders) >= 8
    assert len({order.email for order in orders} - known) == 4
    still_open = [order for order in orders if order.fulfillment_status == "unfulfilled" and not order.cancelled_at]
    assert 4 <= len(still_open) <= 30
    assert not any(order.as_typed for order in orders)
    assert all(order.total == (order.subtotal or 0) + (order.shipping_cost or 0) + (order.taxes or 0) for order in orders)


@pytest.mark.parametrize("demo", DEMO_PEOPLE, ids=lambda demo: demo.role)
def test_the_demo_people_have_much_to_see(demo: DemoPerson, customers: list[CustomerRow], orders: list[OrderGroup]) -> None:
    (person,) = [person for person in customers if person.email == demo.email]
    theirs = [order for order in orders if order.email == demo.email]

    assert person.name == demo.name
    assert len(theirs) >= 5
    assert any(order.fulfilled_at for order in theirs)
    assert any(order.fulfillment_status == "unfulfilled" for order in theirs) == (demo.role == "customer-open-order")
    if demo.role == "customer-gifts":
        assert any(order.is_gift for order in theirs)
