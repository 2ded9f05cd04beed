"""The demo's music shop: its customers and orders, written as the files that a Shopify shop exports."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random

from portal.connections.shopify.headers import CUSTOMERS_HEADER, ORDERS_HEADER
from portal.core import csv_cells
from portal.demo.catalog import CATALOG, Product
from portal.demo.people import COUNTRIES, DEMO_PEOPLE, LATIN, Country, DemoPerson

SEED = 1877
ORDERS, GUESTS, FIRST_NUMBER = 350, 4, 1001
OPENED, CLOSED = datetime(2019, 2, 1), datetime(2026, 11, 20)  # noqa: DTZ001 (each country has its own offset)
OPEN_SINCE = datetime(2026, 10, 5)  # noqa: DTZ001
NOTES = ("Prefers a call before delivery.", "Plays left-handed.", "Asked about violin lessons.", "Picks up in the store\non Saturdays.")
WISHES = ("Leave it with the neighbor,\nsecond door", "Please tune it before shipping", "Ring the lower bell")
GIFT_WORDS = ("Happy birthday!", "For your new band", "Play it loud")
TAGS = ("vip", "student", "teacher, school", "", "", "")
METHODS = ("Shopify Payments", "Shopify Payments", "PayPal Express Checkout", "Bank Deposit")
COUNTRY = {country.code: country for country in COUNTRIES}
HOMES = {"customer": "US", "customer-germany": "DE", "customer-gifts": "GB", "customer-open-order": "ES", "imported": "US"}
Cells = dict[str, str]


@dataclass
class Person:
    """Somebody who buys, with the home that parcels go to."""

    id: int
    first: str
    last: str
    email: str
    country: Country
    street: str
    city: tuple[str, str, str]
    phone: str
    wants_mail: bool
    orders: int = 0
    spent: Decimal = field(default_factory=Decimal)

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"


def write(folder: Path) -> None:
    """Write `customers.csv` and `orders.csv` (Shopify's 20 and 79 columns) into the folder; the same bytes every time."""
    chance = Random(SEED)  # noqa: S311 (the shop is invented, and always the same)
    people = _people(chance)
    customers, guests = people[:-GUESTS], people[-GUESTS:]
    orders = list(_orders(chance, customers, guests))
    folder.mkdir(parents=True, exist_ok=True)
    _write_table(folder / "orders.csv", ORDERS_HEADER, (row for order in reversed(orders) for row in order))
    rows = [_customer_row(chance, person) for person in customers]
    _write_table(folder / "customers.csv", CUSTOMERS_HEADER, rows)


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Cells]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows(rows)


# People


def _people(chance: Random) -> list[Person]:
    """The demo's own people first, then the others, and last the guests, who have no account."""
    known = [_person(chance, person.name.split(" ", 1), COUNTRY[HOMES[person.role]], number) for number, person in enumerate(DEMO_PEOPLE)]
    for person, demo in zip(known, DEMO_PEOPLE, strict=True):
        person.email, person.wants_mail = demo.email, True
    names = [(country, name) for country in COUNTRIES for name in _names(chance, country)]
    guests = [(COUNTRY["US"], name) for name in (["Guido", "Gastón"], ["Nell", "Passerby"], ["Perla", "Weeks"], ["Tom", "Onetime"])]
    others = [_person(chance, name, country, number) for number, (country, name) in enumerate(names + guests, len(known))]
    return known + others


def _names(chance: Random, country: Country) -> list[list[str]]:
    pairs = [[first, last] for first in country.first for last in country.last]
    return chance.sample(pairs, country.customers)


def _person(chance: Random, name: Sequence[str], country: Country, number: int) -> Person:
    first, last = name
    return Person(
        id=7_310_448_000_000 + 407 * number,
        first=first,
        last=last,
        email=f"{_latin(first)}.{_latin(last)}@{chance.choice(('example.com', 'example.com', 'example.org', 'mailbox.test'))}",
        country=country,
        street=chance.choice(country.streets).format(chance.randint(1, 240)),
        city=chance.choice(country.cities),
        phone=chance.choice(country.phones).format(number % 100) if country.phones and chance.random() < 0.4 else "",
        wants_mail=chance.random() < 0.6,
    )


def _latin(name: str) -> str:
    written = LATIN.get(name) or "".join(LATIN.get(letter, letter) for letter in name)
    plain = unicodedata.normalize("NFKD", written).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.lower() if letter.isalnum())


def _customer_row(chance: Random, person: Person) -> Cells:
    city, region, postal_code = person.city
    return {
        "Customer ID": f"'{person.id}",
        "First Name": csv_cells.escape(person.first),
        "Last Name": csv_cells.escape(person.last),
        "Email": person.email,
        "Accepts Email Marketing": _yes(person.wants_mail),
        "Default Address Address1": person.street,
        "Default Address City": city,
        "Default Address Province Code": region,
        "Default Address Country Code": person.country.code,
        "Default Address Zip": _marked(postal_code),
        "Default Address Phone": _marked(person.phone),
        "Phone": _marked(person.phone),
        "Accepts SMS Marketing": _yes(bool(person.phone) and chance.random() < 0.2),
        "Total Spent": str(person.spent.quantize(_cent(person.country))),
        "Total Orders": str(person.orders),
        "Note": chance.choice(NOTES) if chance.random() < 0.1 else "",
        "Tax Exempt": "no",
        "Tags": chance.choice(TAGS),
    }


def _yes(is_so: bool) -> str:  # noqa: FBT001 (the cell is the fact)
    return "yes" if is_so else "no"


def _marked(text: str) -> str:
    """With the apostrophe that Shopify puts before postal codes and numbers that start with a plus."""
    return f"'{text}" if text[:1] == "+" or text[:1].isdigit() else text


# Orders


def _orders(chance: Random, customers: list[Person], guests: list[Person]) -> Iterator[list[Cells]]:
    """Every order as its rows, the oldest first."""
    buyers = [*(customers[: len(DEMO_PEOPLE)] * 7), *guests, *chance.choices(customers, k=ORDERS - 7 * len(DEMO_PEOPLE) - GUESTS)]
    chance.shuffle(buyers)
    waiting = next(person for person in customers if person.email == _demo("customer-open-order").email)
    buyers.remove(waiting)
    buyers.append(waiting)
    span = (CLOSED - OPENED).total_seconds()
    moments = sorted(OPENED + timedelta(seconds=int(span * chance.random() ** 0.7)) for _buyer in buyers)
    for number, (buyer, at) in enumerate(zip(buyers, moments, strict=True)):
        recipient = _recipient(chance, buyer)
        yield _order(chance, FIRST_NUMBER + number, buyer, recipient, at)


def _demo(role: str) -> DemoPerson:
    return next(person for person in DEMO_PEOPLE if person.role == role)


def _recipient(chance: Random, buyer: Person) -> Person:
    """Who gets the parcel: the buyer, or now and then somebody whom the buyer wants to please."""
    often = 0.6 if buyer.email == _demo("customer-gifts").email else 0.03
    if chance.random() > often:
        return buyer
    name = [chance.choice(buyer.country.first), buyer.last.split(" ")[-1]]
    return _person(chance, name, buyer.country, chance.randrange(100))


def _order(chance: Random, number: int, buyer: Person, recipient: Person, at: datetime) -> list[Cells]:
    """The rows of one order: the first carries the order itself, all carry an item each."""
    country, is_open = buyer.country, at > OPEN_SINCE
    items = [(product, _quantity(chance, product)) for product in chance.sample(CATALOG, chance.choice((1, 1, 2, 2, 3)))]
    discount = _in_currency(Decimal("5.00"), country) if chance.random() < 0.1 else Decimal(0)
    bought = sum((quantity * _in_currency(product.price, country) for product, quantity in items), Decimal(0))
    discount = min(discount, bought)
    is_cancelled = not is_open and chance.random() < 0.02
    money = _money(country, bought - discount)
    buyer.orders += 1
    buyer.spent += Decimal(0) if is_cancelled else money["Total"]
    rows = [{"Name": f"#{number}", "Email": buyer.email, **_item(product, quantity, country, is_open)} for product, quantity in items]
    rows[0] |= {name: str(amount) for name, amount in money.items()}
    rows[0] |= _state(chance, at, country, is_open, is_cancelled, money["Total"])
    rows[0] |= _address("Billing", buyer) | _address("Shipping", recipient)
    rows[0] |= {
        "Accepts Marketing": _yes(buyer.wants_mail),
        "Currency": country.currency,
        "Discount Code": "SPRING" if discount else "",
        "Discount Amount": str(discount.quantize(_cent(country))),
        "Shipping Method": "Standard",
        "Notes": chance.choice(WISHES) if chance.random() < 0.05 else "",
        "Note Attributes": "" if recipient is buyer else f"gift: yes\ngift_message: {chance.choice(GIFT_WORDS)}",
        "Id": str(6_210_991_000_000 + 102_947 * (number - FIRST_NUMBER)),
        "Risk Level": "Low",
        "Source": "web",
        "Tax 1 Name": country.tax,
        "Tax 1 Value": str(money["Taxes"]),
    }
    return rows


def _quantity(chance: Random, product: Product) -> int:
    return chance.choice((1, 1, 1, 2, 3)) if product.price < 60 else 1


def _cent(country: Country) -> Decimal:
    return Decimal(1) if country.currency == "JPY" else Decimal("0.01")


def _in_currency(price: Decimal, country: Country) -> Decimal:
    return (price * Decimal(country.rate)).quantize(_cent(country), ROUND_HALF_UP)


def _money(country: Country, subtotal: Decimal) -> dict[str, Decimal]:
    shipping = Decimal(country.shipping)
    taxes = (subtotal * Decimal(country.tax_percent) / 100).quantize(_cent(country), ROUND_HALF_UP)
    return {"Subtotal": subtotal, "Shipping": shipping, "Taxes": taxes, "Total": subtotal + shipping + taxes}


def _item(product: Product, quantity: int, country: Country, is_open: bool) -> Cells:  # noqa: FBT001 (a fact about the order)
    return {
        "Lineitem quantity": str(quantity),
        "Lineitem name": product.name,
        "Lineitem price": str(_in_currency(product.price, country)),
        "Lineitem sku": product.sku,
        "Lineitem requires shipping": "false" if product.name == "Gift card" else "true",
        "Lineitem taxable": "true",
        "Lineitem fulfillment status": "pending" if is_open else "fulfilled",
        "Lineitem discount": str(Decimal(0).quantize(_cent(country))),
        "Vendor": product.maker,
    }


def _state(chance: Random, at: datetime, country: Country, is_open: bool, is_cancelled: bool, total: Decimal) -> Cells:  # noqa: FBT001
    """How far the order is, and how it was paid."""
    nothing = Decimal(0).quantize(_cent(country))
    is_paid = not is_open or chance.random() < 0.7
    is_refunded = is_cancelled or (not is_open and chance.random() < 0.03)
    reference = "r" + "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", k=24))
    return {
        "Created at": _written(at, country),
        "Paid at": _written(at + timedelta(minutes=1), country) if is_paid else "",
        "Fulfilled at": "" if is_open or is_cancelled else _written(at + timedelta(days=2, hours=3), country),
        "Cancelled at": _written(at + timedelta(hours=20), country) if is_cancelled else "",
        "Financial Status": "refunded" if is_refunded else "paid" if is_paid else "pending",
        "Fulfillment Status": "unfulfilled" if is_open or is_cancelled else "fulfilled",
        "Refunded Amount": str(total if is_refunded else nothing),
        "Outstanding Balance": str(nothing if is_paid else total),
        "Payment Method": chance.choice(METHODS),
        "Payment Reference": reference,
        "Payment ID": reference,
        "Payment References": reference,
    }


def _written(at: datetime, country: Country) -> str:
    hours = int(country.offset) // 100 if country.offset[0] == "+" else -(int(country.offset[1:]) // 100)
    return at.replace(tzinfo=timezone(timedelta(hours=hours))).strftime("%Y-%m-%d %H:%M:%S %z")


def _address(title: str, person: Person) -> Cells:
    city, region, postal_code = person.city
    return {
        f"{title} Name": csv_cells.escape(person.name),
        f"{title} Street": person.street,
        f"{title} Address1": person.street,
        f"{title} City": city,
        f"{title} Zip": _marked(postal_code),
        f"{title} Province": region,
        f"{title} Country": person.country.code,
        f"{title} Phone": _marked(person.phone),
    }
