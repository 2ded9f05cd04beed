"""A record as a person reads it: facts in words, and one line about where it came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from babel import Locale, UnknownLocaleError
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy import Date
from sqlalchemy import Enum as EnumType

from portal.addresses import countries
from portal.addresses.country_names import country_name
from portal.contacts import topics
from portal.core import web
from portal.core.db import UtcDateTime
from portal.core.holdings import Held
from portal.orders.order import Order
from portal.preferences import said
from portal.rights import plan, records, words
from portal.rights.records import Record

ORIGIN = frozenset({"source", "policy_version", "created_at"})
NOTHING: tuple[Any, ...] = (None, "", [], {})
AMOUNTS = "amounts"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
IN_A_LIST = frozenset({"id", "number", "placed_at", "state", "total", "currency", "kept_until", "created_at", "source", "policy_version"})
BESIDE_THE_ITEMS = ("amounts", "email", "phone", "note", "tags", "details")


@dataclass(frozen=True)
class Told:
    """One record. `facts` are pairs of label and value; a list stands for lines one below the other."""

    id: str
    title: str
    facts: Sequence[tuple[str, Any]]
    origin: str


def told(held: Held, record: Record) -> Told:
    """The record in words. What is only technical stands in the copy, not here."""
    return Told(str(record.get("id", "")), _title(held, record), list(_facts(held, record)), _origin(record))


def in_a_list(held: Held, record: Record) -> Told:
    """The record in a list: an order has a page of its own, so here stands only what tells it from the others."""
    shown = {name: value for name, value in record.items() if name in IN_A_LIST} if held.model is Order else record
    return told(held, shown)


def beside_the_items(bought: Order) -> list[tuple[str, Any]]:
    """What an order says besides its items and addresses."""
    record = {"currency": bought.currency, **{name: getattr(bought, name) for name in BESIDE_THE_ITEMS}}
    return list(_facts(Held(Order, Order.__holding__), record))


def label(held: Held, name: str) -> str:
    """What a fact is called."""
    field = getattr(held.model, "__sealed_fields__", {}).get(name)
    return str(field.label if field else words.LABELS.get(name) or words.plain(name))


def _facts(held: Held, record: Record) -> Iterator[tuple[str, Any]]:
    skipped = words.LEFT_OUT | ORIGIN | ({"channel"} if "created_at" in record else set()) | ({"number"} if held.model is Order else set())
    for name in records.columns(held):
        if name not in skipped and record.get(name) not in NOTHING:
            yield label(held, name), _value(held, name, record)


def _title(held: Held, record: Record) -> str:
    if held.model is Order and record.get("number"):
        return _("Order %(number)s", number=record["number"])
    day = record.get("created_at") or record.get("at")
    return _("Record of %(day)s", day=web.long_date(datetime.fromisoformat(day))) if day else str(held.holding.title)


def _origin(record: Record) -> str:
    if not record.get("source"):
        return ""
    day = web.long_date(datetime.fromisoformat(record.get("created_at") or record["at"]))
    system, version = words.system(record["source"]), record.get("policy_version")
    if not version:
        return _("Came from %(system)s on %(day)s.", system=system, day=day)
    return _("Came from %(system)s on %(day)s, under version %(number)s of the privacy policy.", system=system, day=day, number=version)


def _value(held: Held, name: str, record: Record) -> Any:
    value = record[name]
    if name in SPOKEN:
        return SPOKEN[name](value)
    if name in {"total", AMOUNTS}:
        return money(value, record["currency"])
    if held.model is Order and name == "lines":
        return [item(line, record["currency"]) for line in value]
    return _typed(held, name, value)


def _typed(held: Held, name: str, value: Any) -> Any:
    column = held.table.c.get(name)
    if column is None:
        return spoken(value)
    if isinstance(column.type, EnumType) and column.type.enum_class:
        return str(words.STATES[column.type.enum_class][value])
    if isinstance(column.type, UtcDateTime):
        return web.moment(datetime.fromisoformat(value))
    return web.long_date(date.fromisoformat(value)) if isinstance(column.type, Date) else value


def spoken(value: Any) -> Any:
    """Something another system told us, as lines; an address in it as its country prints it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return web.moment(datetime.fromisoformat(value)).striptags()
    if isinstance(value, Mapping):
        return place(value) if "line1" in value else [_line(name, spoken(part)) for name, part in value.items() if part not in NOTHING]
    return [spoken(part) for part in value] if isinstance(value, list) else value


def _line(name: str, shown: Any) -> Any:
    title = f"{words.plain(name)}:"
    return [title, *shown] if isinstance(shown, list) else f"{title} {shown}"


def place(address: Mapping[str, Any]) -> list[str]:
    """An address with its phone number."""
    return [*countries.lines(address), *filter(None, (address.get("phone"),))]


def item(line: Mapping[str, Any], currency: str) -> str:
    """One item of an order on one line."""
    parts = (line.get("name"), _("number: %(count)s", count=line.get("quantity") or 1), money(line.get("price"), currency))
    return ", ".join(str(part) for part in parts if part)


def money(value: Any, currency: str) -> Any:
    """An amount, or amounts by name, in the reader's way of writing them."""
    if isinstance(value, Mapping):
        return [_line(name, money(part, currency)) for name, part in value.items() if part not in NOTHING]
    if isinstance(value, list):
        return [money(part, currency) for part in value]
    try:
        return web.money(Decimal(str(value)), currency) if value not in NOTHING else ""
    except InvalidOperation:
        return str(value)


def _language(code: str) -> str:
    try:
        return str(Locale.parse(code, sep="-").get_display_name(get_locale()))
    except (UnknownLocaleError, ValueError):
        return code


SPOKEN: Mapping[str, Callable[[Any], Any]] = {
    "act": words.plain,
    "actor": said.person,
    "asked_by": said.person,
    "billing": place,
    "by": said.person,
    "country": lambda code: country_name(code, str(get_locale() or "en")),
    "keep_rule": plan.law_named,
    "language": _language,
    "shipping": place,
    "system": words.system,
    "template": words.plain,
    "topic": topics.title_of,
    "via": said.way_of,
}
