"""Shopify's orders become ours: each belongs to whoever ordered it, and a gift makes its recipient a person of their own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from portal import settings
from portal.connections import answers
from portal.connections.batches import Tally, batches, written
from portal.connections.newcomers import BROUGHT_IN, Newcomer, Source, bring_in
from portal.connections.report import Report
from portal.connections.shopify import purchase
from portal.connections.shopify.orders import OrderGroup, read_orders
from portal.connections.shopify.sayings import SYSTEM
from portal.contacts import choice
from portal.contacts.contact import Contact
from portal.core import audit, clock, db, digests, keyring
from portal.core.db import new_key
from portal.orders import order, recipient
from portal.orders.order import Order
from portal.orders.recipient import Recipient

ADDED, UPDATED = "order_imported", "order_import_updated"
GROWING = {"amounts", "details"}
"""Of these a file may know a part; addresses and items are taken as a whole."""


def import_orders(path: Path, report: Report, advance: Callable[[], None]) -> None:
    """Take every order of the file, its rows counted as imported or updated; `advance` is called after each batch that is kept.

    Raises FileRefused, before anything is written: an empty, cut off or foreign file.
    """
    found, source = read_orders(path, settings.current().zone, report), Source.of(path)
    for batch in batches(found, lambda group: len(group.places)):
        written(partial(_write, source), batch).count_in(report)
        advance()


def _write(source: Source, groups: list[OrderGroup]) -> Tally:
    tally = Tally(orders=len(groups))
    numbered = {order.number_digest(SYSTEM, group.name): group for group in groups}
    known = {row.number_digest: row for row in db.session().scalars(select(Order).where(Order.number_digest.in_(numbered)))}
    new = {digest: group for digest, group in numbered.items() if digest not in known}
    buyers = _buyers(source, list(new.values()), tally)
    with db.session().no_autoflush:  # all rows of the batch are written at its end, not one by one
        for digest, group in new.items():
            _add(source, buyers[group.name], digest, group)
        for digest, row in known.items():
            _update(source, row, numbered[digest], tally)
    tally.imported = sum(len(group.places) for group in new.values())
    tally.updated = sum(len(numbered[digest].places) for digest in known)
    return tally


def _buyers(source: Source, groups: Sequence[OrderGroup], tally: Tally) -> Mapping[str, uuid.UUID]:
    """Whose each order is, by its name. An unknown address makes a person without account, no address one that is nobody's."""
    addresses = {group.name: digests.email_digest(group.email) for group in groups if group.email}
    known = select(Contact.digest, Contact.person_id).where(Contact.digest.in_(set(addresses.values())))
    owners = {row.digest: row.person_id for row in db.session().execute(known)}
    first = {digest: group for group in reversed(groups) if (digest := addresses.get(group.name)) and digest not in owners}
    guests = [_guest(source, digest, group) for digest, group in first.items()]
    owners |= dict(zip(first, bring_in(guests), strict=True))
    tally.erased_before += answers.erased_among(choice.standings(list(first)))
    nameless = [group.name for group in groups if not group.email]
    minted = [person_id for person_id, _dek in keyring.mint_many(len(nameless))]
    return {name: owners[digest] for name, digest in addresses.items()} | dict(zip(nameless, minted, strict=True))


def _guest(source: Source, digest: bytes, group: OrderGroup) -> Newcomer:
    phone = group.phone or group.billing.phone
    return Newcomer(source, group.place, digest, group.email, group.billing.name, phone, country=group.billing.country)


def _add(source: Source, buyer: uuid.UUID, digest: bytes, group: OrderGroup) -> None:
    placed_at = group.created_at or group.paid_at or group.fulfilled_at or group.cancelled_at or clock.now()
    until, rule = order.kept_until(placed_at.astimezone(settings.current().zone).date())
    row = Order(id=new_key(), person_id=buyer, number_digest=digest, placed_at=placed_at, kept_until=until, keep_rule=rule)
    _fill(row, group, purchase.kept(group) | purchase.personal(group))
    db.session().add(row)
    if group.is_gift:
        _add_recipient(source, row, group)
    _record(ADDED, source, row, group)


def _fill(row: Order, group: OrderGroup, fields: Mapping[str, Any]) -> None:
    """Take what the file says; what it leaves empty stays."""
    row.state = purchase.state(group)
    row.total, row.currency = purchase.total(group) or row.total or "", purchase.currency(group) or row.currency or ""
    for name, value in fields.items():
        if value:
            setattr(row, name, {**getattr(row, name), **value} if name in GROWING else value)


def _add_recipient(source: Source, row: Order, group: OrderGroup) -> None:
    person_id = keyring.mint()
    db.session().add(Recipient(person_id=person_id, giver_id=row.person_id, order_id=row.id, **purchase.recipient(group)))
    audit.record(BROUGHT_IN, person_id, details=source.origin(group.place), system=SYSTEM)


def _update(source: Source, row: Order, group: OrderGroup, tally: Tally) -> None:
    """Refresh an order. It stays with its owner and its day; what was somebody's who is erased stays without them."""
    if keyring.dek_of(row.person_id, keyring.PROFILE) is None:
        tally.leave(group.place, "Name", _("whoever ordered this was erased; nothing was taken"))
        return
    fields = purchase.kept(group) | purchase.personal(group)
    if fields.pop("email") != row.email:
        tally.leave(group.place, "Email", _("the order stays with the person it belongs to; not taken"))
    if group.created_at not in {None, row.placed_at}:
        tally.leave(group.place, "Created at", _("the order keeps the day it was first known by; not taken"))
    if _is_gift(source, row, group):
        del fields["shipping"]
    _fill(row, group, fields)
    if db.session().is_modified(row):
        _record(UPDATED, source, row, group)


def _is_gift(source: Source, row: Order, group: OrderGroup) -> bool:
    """Whether the parcel went to somebody else. A recipient who had themselves erased is not brought back."""
    known = recipient.of_order(row.id)
    if known:
        for name, value in purchase.recipient(group).items():
            setattr(known, name, value or getattr(known, name))
    elif group.is_gift and row.shipping:
        row.shipping = {}
        _add_recipient(source, row, group)
    return known is not None or group.is_gift


def _record(act: str, source: Source, row: Order, group: OrderGroup) -> None:
    audit.record(act, row.person_id, details={**source.origin(group.place), "number": group.name}, system=SYSTEM)
