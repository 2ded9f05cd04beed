"""Shopify's orders file: an order of n items is n rows, which may stand anywhere, and one of them carries the order itself."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from portal.connections import cells, records
from portal.connections.columns import Column, Kind, Layout, column
from portal.connections.report import Place, Reason, Report
from portal.connections.shopify.customers import PostalAddress
from portal.connections.table import Row, Table, merged, open_table

TAX_LINES = range(1, 6)
ITEM = {
    "quantity": column(Kind.AMOUNT, "Lineitem quantity"),
    "item": column(Kind.TEXT, "Lineitem name"),
    "price": column(Kind.AMOUNT, "Lineitem price"),
    "compare_at_price": column(Kind.AMOUNT, "Lineitem compare at price", "Lineitem compare-at price"),
    "sku": column(Kind.ID, "Lineitem sku"),
    "requires_shipping": column(Kind.ANSWER, "Lineitem requires shipping"),
    "taxable": column(Kind.ANSWER, "Lineitem taxable"),
    "item_status": column(Kind.TEXT, "Lineitem fulfillment status"),
    "item_discount": column(Kind.AMOUNT, "Lineitem discount"),
    "vendor": column(Kind.TEXT, "Vendor"),
}


def _address_of(title: str) -> dict[str, Column]:
    kinds = {"Zip": Kind.POSTAL_CODE, "Phone": Kind.PHONE}
    parts = ("Name", "Street", "Address1", "Address2", "Company", "City", "Zip", "Province", "Province Name", "Country", "Phone")
    return {f"{title} {part}": column(kinds.get(part, Kind.TEXT), f"{title} {part}") for part in parts}


ORDER = {
    "name": column(Kind.ID, "Name"),
    "external_id": column(Kind.ID, "Id"),
    "email": column(Kind.EMAIL, "Email"),
    "phone": column(Kind.PHONE, "Phone"),
    "financial_status": column(Kind.TEXT, "Financial Status"),
    "fulfillment_status": column(Kind.TEXT, "Fulfillment Status"),
    "created_at": column(Kind.MOMENT, "Created at"),
    "paid_at": column(Kind.MOMENT, "Paid at"),
    "fulfilled_at": column(Kind.MOMENT, "Fulfilled at"),
    "cancelled_at": column(Kind.MOMENT, "Cancelled at", "Canceled at"),
    "accepts_marketing": column(Kind.ANSWER, "Accepts Marketing"),
    "currency": column(Kind.TEXT, "Currency"),
    "subtotal": column(Kind.AMOUNT, "Subtotal"),
    "shipping": column(Kind.AMOUNT, "Shipping"),
    "taxes": column(Kind.AMOUNT, "Taxes"),
    "total": column(Kind.AMOUNT, "Total"),
    "discount": column(Kind.AMOUNT, "Discount Amount"),
    "refunded": column(Kind.AMOUNT, "Refunded Amount"),
    "outstanding": column(Kind.AMOUNT, "Outstanding Balance"),
    "duties": column(Kind.AMOUNT, "Duties"),
    "discount_code": column(Kind.TEXT, "Discount Code"),
    "shipping_method": column(Kind.TEXT, "Shipping Method"),
    "notes": column(Kind.TEXT, "Notes"),
    "note_attributes": column(Kind.TEXT, "Note Attributes"),
    "payment_method": column(Kind.TEXT, "Payment Method"),
    "payment_reference": column(Kind.ID, "Payment Reference"),
    "payment_id": column(Kind.ID, "Payment ID"),
    "payment_references": column(Kind.ID, "Payment References"),
    "payment_terms": column(Kind.TEXT, "Payment Terms Name"),
    "payment_due_at": column(Kind.MOMENT, "Next Payment Due At"),
    "receipt_number": column(Kind.ID, "Receipt Number"),
    "tags": column(Kind.TEXT, "Tags"),
    "source": column(Kind.TEXT, "Source"),
    **{f"tax_name_{number}": column(Kind.TEXT, f"Tax {number} Name") for number in TAX_LINES},
    **{f"tax_value_{number}": column(Kind.AMOUNT, f"Tax {number} Value") for number in TAX_LINES},
    **_address_of("Billing"),
    **_address_of("Shipping"),
}

ORDERS = Layout(
    "Shopify orders",
    {**ORDER, **ITEM},
    required=("name", "email", "financial_status", "currency", "total", "created_at", "quantity", "item", "price"),
)


@dataclass(frozen=True)
class OrderLine:
    """One item of an order. Amounts are in the order's currency."""

    place: Place
    name: str
    sku: str
    vendor: str
    quantity: Decimal | None
    price: Decimal | None
    compare_at_price: Decimal | None
    discount: Decimal | None
    requires_shipping: bool | None
    taxable: bool | None
    fulfillment_status: str


@dataclass(frozen=True)
class OrderGroup:
    """One order with all its rows. Moments are in UTC, amounts in its currency; empty texts and None: the file says nothing."""

    places: tuple[Place, ...]
    name: str
    external_id: str
    email: str
    phone: str
    created_at: datetime | None
    paid_at: datetime | None
    fulfilled_at: datetime | None
    cancelled_at: datetime | None
    financial_status: str
    fulfillment_status: str
    accepts_marketing: bool | None
    currency: str
    subtotal: Decimal | None
    shipping_cost: Decimal | None
    taxes: Decimal | None
    total: Decimal | None
    discount: Decimal | None
    refunded: Decimal | None
    outstanding: Decimal | None
    duties: Decimal | None
    discount_code: str
    shipping_method: str
    billing: PostalAddress
    shipping: PostalAddress
    notes: str
    note_attributes: str
    payment_method: str
    payment_reference: str
    payment_id: str
    payment_references: str
    payment_terms: str
    payment_due_at: datetime | None
    receipt_number: str
    tags: tuple[str, ...]
    source: str
    tax_lines: tuple[tuple[str, Decimal | None], ...]
    lines: tuple[OrderLine, ...]
    as_typed: tuple[tuple[str, str], ...]

    @property
    def place(self) -> Place:
        """Where its first row stands."""
        return self.places[0]

    @property
    def is_gift(self) -> bool:
        """Whether the parcel went to somebody else: another name at another address, or the order says gift."""
        if not self.shipping.name:
            return False
        is_other_person = self.shipping.name.casefold() != self.billing.name.casefold()
        is_other_place = _where(self.shipping) != _where(self.billing)
        if _says_gift(self.note_attributes):
            return is_other_person or is_other_place
        return is_other_person and is_other_place and bool(self.billing.name)


def read_orders(path: Path, zone: ZoneInfo, report: Report) -> Iterator[OrderGroup]:
    """Every order of the file, in the order of its first rows and in flat memory. The shop's zone is for times without one.

    The file is surveyed at once, so `report.rows` stands before the first order. Rows that cannot be taken are skipped in
    the report; the rows of each order given (`places`) are the caller's to count as imported or updated.
    Raises FileRefused: an empty, cut off or foreign file.
    """
    return _orders(open_table(path, ORDERS, zone, report), report)


def _orders(table: Table, report: Report) -> Iterator[OrderGroup]:
    with closing(_index(table, report)) as index:
        for places in _gathered(index):
            yield from map(_order, _groups(table, places, report))


def _index(table: Table, report: Report) -> sqlite3.Connection:
    """Where the rows of each order stand: numbers alone, in a file of SQLite's own that goes when it is closed."""
    index = sqlite3.connect("")
    index.execute("CREATE TABLE place (name INTEGER, row INTEGER, line INTEGER, offset INTEGER, size INTEGER)")
    index.executemany("INSERT INTO place VALUES (?, ?, ?, ?, ?)", _numbered_rows(table, report))
    return index


def _numbered_rows(table: Table, report: Report) -> Iterator[tuple[int, int, int, int, int]]:
    for record in table.records(report):
        name = table.id("name", record.cells or [])
        if not name:
            report.skip(Place(record.row, record.line), Reason.NO_ORDER_NUMBER, table.columns.name("name"))
            continue
        yield hash(name), record.row, record.line, record.offset, record.size


def _gathered(index: sqlite3.Connection) -> Iterator[list[tuple[int, int, int, int]]]:
    """The places of rows that belong together, as row, line, offset and size; the earliest first."""
    found = index.execute(
        "SELECT row, line, offset, size, min(row) OVER (PARTITION BY name) AS first FROM place ORDER BY first, row",
    )
    for _first, places in groupby(found, key=lambda place: place[4]):
        yield [place[:4] for place in places]


def _groups(table: Table, places: list[tuple[int, int, int, int]], report: Report) -> Iterator[list[Row]]:
    groups: dict[str, list[Row]] = {}
    read = records.read_at(table.path, table.form, [(offset, size) for _row, _line, offset, size in places])
    for (number, line, _offset, _size), found in zip(places, read, strict=True):
        row = table.row(Place(number, line), table.wide(found), report)
        groups.setdefault(row.text("name"), []).append(row)
    yield from groups.values()


def _order(rows: list[Row]) -> OrderGroup:
    order = merged(rows, ORDER)
    currency = order.text("currency").upper()
    lines = tuple(_line(row, currency) for row in rows if row.first("item", "sku", "price"))
    return OrderGroup(
        places=tuple(row.place for row in rows),
        name=order.text("name"),
        external_id=order.text("external_id"),
        email=_email(order),
        phone=order.text("phone"),
        created_at=order.moment("created_at"),
        paid_at=order.moment("paid_at"),
        fulfilled_at=order.moment("fulfilled_at"),
        cancelled_at=order.moment("cancelled_at"),
        financial_status=order.text("financial_status"),
        fulfillment_status=order.text("fulfillment_status"),
        accepts_marketing=order.answer("accepts_marketing"),
        currency=currency,
        subtotal=order.amount("subtotal", currency),
        shipping_cost=order.amount("shipping", currency),
        taxes=order.amount("taxes", currency),
        total=order.amount("total", currency),
        discount=order.amount("discount", currency),
        refunded=order.amount("refunded", currency),
        outstanding=order.amount("outstanding", currency),
        duties=order.amount("duties", currency),
        discount_code=order.text("discount_code"),
        shipping_method=order.text("shipping_method"),
        billing=_address(order, "Billing"),
        shipping=_address(order, "Shipping"),
        notes=order.text("notes"),
        note_attributes=order.text("note_attributes"),
        payment_method=order.text("payment_method"),
        payment_reference=order.text("payment_reference"),
        payment_id=order.text("payment_id"),
        payment_references=order.text("payment_references"),
        payment_terms=order.text("payment_terms"),
        payment_due_at=order.moment("payment_due_at"),
        receipt_number=order.text("receipt_number"),
        tags=tuple(tag for part in order.text("tags").split(",") if (tag := cells.trim(part))),
        source=order.text("source"),
        tax_lines=tuple(_tax_lines(order, currency)),
        lines=lines,
        as_typed=tuple(pair for row in (order, *rows) for pair in row.as_typed),
    )


def _line(row: Row, currency: str) -> OrderLine:
    return OrderLine(
        place=row.place,
        name=row.text("item"),
        sku=row.text("sku"),
        vendor=row.text("vendor"),
        quantity=row.amount("quantity"),
        price=row.amount("price", currency),
        compare_at_price=row.amount("compare_at_price", currency),
        discount=row.amount("item_discount", currency),
        requires_shipping=row.answer("requires_shipping"),
        taxable=row.answer("taxable"),
        fulfillment_status=row.text("item_status"),
    )


def _email(order: Row) -> str:
    """The address, or none if it is unreadable: the law keeps the order all the same, without a person."""
    address = order.text("email")
    if not address or cells.is_email(address):
        return address
    order.keep("email", _("not an e-mail address; the order is kept without a person"))
    return ""


def _tax_lines(order: Row, currency: str) -> Iterator[tuple[str, Decimal | None]]:
    for number in TAX_LINES:
        if order.first(f"tax_name_{number}", f"tax_value_{number}"):
            yield order.text(f"tax_name_{number}"), order.amount(f"tax_value_{number}", currency)


def _address(order: Row, title: str) -> PostalAddress:
    return PostalAddress(
        name=order.text(f"{title} Name"),
        company=order.text(f"{title} Company"),
        address1=order.first(f"{title} Address1", f"{title} Street"),
        address2=order.text(f"{title} Address2"),
        city=order.text(f"{title} City"),
        region=order.first(f"{title} Province", f"{title} Province Name"),
        country=order.text(f"{title} Country"),
        postal_code=order.text(f"{title} Zip"),
        phone=order.text(f"{title} Phone"),
    )


def _where(address: PostalAddress) -> tuple[str, ...]:
    return tuple(part.casefold() for part in (address.address1, address.address2, address.city, address.postal_code, address.country))


def _says_gift(attributes: str) -> bool:
    """Whether a line such as `gift: yes` or `gift_message: …` stands in the order's attributes."""
    pairs = (line.partition(":") for line in attributes.splitlines())
    return any(_is_gift_key(key) and value.strip().casefold() not in {"no", "false", "0", "none"} for key, _colon, value in pairs)


def _is_gift_key(key: str) -> bool:
    words = set(re.split(r"[\W_]+", key.casefold()))
    return "gift" in words and "card" not in words
