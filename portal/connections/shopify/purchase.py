"""One order of Shopify's file in the words of our own orders: what the law keeps apart from what goes with the person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from portal.addresses.country_names import country_code
from portal.connections.shopify import places
from portal.connections.shopify.customers import PostalAddress
from portal.connections.shopify.orders import ORDERS, OrderGroup, OrderLine
from portal.orders.order import State

CURRENCY = re.compile("[A-Z]{3}")
EMAIL_COLUMN = "email"
AMOUNTS = ("subtotal", "shipping_cost", "taxes", "total", "discount", "refunded", "outstanding", "duties")
MORE = (
    "external_id", "financial_status", "fulfillment_status", "paid_at", "fulfilled_at", "cancelled_at", "accepts_marketing",
    "discount_code", "shipping_method", "note_attributes", "payment_reference", "payment_id", "payment_references", "payment_terms",
    "payment_due_at", "receipt_number", "source",
)  # fmt: skip
"""What else the file says, kept under the file's own column names."""
Fields = dict[str, Any]


def state(group: OrderGroup) -> State:
    """Where the order stands. One that was voided or cancelled is over, whatever else is said about it."""
    if group.cancelled_at or group.financial_status.casefold() == "voided":
        return State.CANCELLED
    if group.financial_status.casefold() == "refunded":
        return State.REFUNDED
    return State.FULFILLED if group.fulfillment_status.casefold() == "fulfilled" else State.OPEN


def currency(group: OrderGroup) -> str:
    """The three letters of the currency (ISO 4217), or none: other words could be anything, and are kept sealed."""
    return group.currency if CURRENCY.fullmatch(group.currency) else ""


def total(group: OrderGroup) -> str:
    return "" if group.total is None else str(group.total)


def kept(group: OrderGroup) -> Fields:
    """What the law makes the shop keep: number, items, amounts, country and region for the tax. Nothing in it names a person."""
    where = group.shipping if group.billing.is_empty else group.billing
    return {
        "number": group.name,
        "lines": [_line(line) for line in group.lines],
        "amounts": _amounts(group),
        "country": country_code(where.country) or where.country,
        "region": where.region,
    }


def personal(group: OrderGroup) -> Fields:
    """What goes when the person goes. A gift's delivery address belongs to whoever got it, so it is not here."""
    return {
        "email": group.email,
        "phone": group.phone or group.billing.phone,
        "billing": _address(group.billing),
        "shipping": {} if group.is_gift else _address(group.shipping),
        "note": group.notes,
        "payment": group.payment_method,
        "tags": list(group.tags),
        "details": _details(group),
    }


def recipient(group: OrderGroup) -> Fields:
    """Whoever a gift went to."""
    return {"name": group.shipping.name, "address": _address(group.shipping), "phone": group.shipping.phone}


def _address(address: PostalAddress) -> dict[str, str]:
    """An order keeps a name without a place too."""
    return places.typed(address) or _filled({"name": address.name, "country": address.country, "phone": address.phone})


def _line(line: OrderLine) -> Fields:
    """An item. Its name, number and price are always there, if only as empty texts."""
    return {"name": line.name, "quantity": _text(line.quantity), "price": _text(line.price)} | _filled(
        {
            "sku": line.sku,
            "vendor": line.vendor,
            "compare_at_price": _text(line.compare_at_price),
            "discount": _text(line.discount),
            "requires_shipping": line.requires_shipping,
            "taxable": line.taxable,
            "state": line.fulfillment_status,
        },
    )


def _amounts(group: OrderGroup) -> Fields:
    amounts: Fields = {name: _text(getattr(group, name)) for name in AMOUNTS}
    amounts["tax_lines"] = [{"name": name, "amount": _text(value)} for name, value in group.tax_lines]
    amounts["currency"] = "" if currency(group) else group.currency
    amounts["as_typed"] = [list(pair) for pair in group.as_typed if pair[0].casefold() != EMAIL_COLUMN]
    return _filled(amounts)


def _details(group: OrderGroup) -> Fields:
    more = {ORDERS.columns[name].names[0]: _plain(getattr(group, name)) for name in MORE}
    more["as_typed"] = [list(pair) for pair in group.as_typed if pair[0].casefold() == EMAIL_COLUMN]
    return _filled(more)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _text(value: Decimal | None) -> str:
    return "" if value is None else str(value)


def _filled(fields: Mapping[str, Any]) -> Fields:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
