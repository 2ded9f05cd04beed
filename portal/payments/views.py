"""Pages of the customer's saved cards. A card is entered at the processor, where a link leads; nothing here can take a number."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _

from portal.access import door
from portal.access.door import found, key_of, subject
from portal.access.page import CUSTOMER, VIEW, page
from portal.addresses import address
from portal.core import db
from portal.payments import card_setup, chosen, method, saved
from portal.payments.card_setup import CardSetup, Prepared
from portal.payments.processor import Card

bp = Blueprint("payments", __name__, url_prefix="/me")


def _prepared() -> Prepared | None:
    """Asked before the transaction, for the processor may take its time."""
    person_id = _expected_id()
    return card_setup.prepare(person_id) if person_id else None


def _entered() -> Card | None:
    """Asked before the transaction, as above."""
    person_id, handle = _expected_id(), key_of((request.view_args or {})["handle"])
    with db.reading():
        setup = card_setup.pending(person_id, handle) if person_id else None
        _ = setup.reference if setup else None
    return card_setup.entered(setup) if setup else None


def _expected_id() -> uuid.UUID | None:
    with db.reading():
        customer = door.expected()
    return customer.id if customer else None


@bp.get("/payment")
@page(CUSTOMER, staff=VIEW)
def index() -> Any:
    return render_template("payments/index.html", methods=method.of(subject().id), processor=chosen.processor(), expiry_of=method.expiry_of)


@bp.get("/payment/new")
@page(CUSTOMER, fresh=5)
def new() -> Any:
    return render_template("payments/new.html", processor=chosen.needed())


@bp.post("/payment/new")
@page(CUSTOMER, fresh=5, beforehand=_prepared)
def prepare() -> Any:
    setup = card_setup.begin(subject().id, g.beforehand)
    return redirect(url_for(".leave", handle=setup.id))


@bp.get("/payment/leave/<handle>")
@page(CUSTOMER)
def leave(handle: str) -> Any:
    return render_template("payments/leave.html", setup=_setup(handle), processor=chosen.needed())


@bp.get("/payment/complete/<handle>")
@page(CUSTOMER)
def complete(handle: str) -> Any:
    setup = _setup(handle)
    if setup.saved_as:
        return redirect(url_for(".index"))
    return _complete_page(setup, card_setup.entered(setup))


@bp.post("/payment/complete/<handle>")
@page(CUSTOMER, fresh=5, beforehand=_entered)
def save(handle: str) -> Any:
    setup, card = _setup(handle), g.beforehand
    if card is None:
        return _complete_page(setup, card), 422
    card_setup.complete(setup, card)
    flash(_("The card is saved."))
    return redirect(url_for(".index"))


@bp.get("/payment/<method_id>/remove")
@page(CUSTOMER, fresh=15)
def removal(method_id: str) -> Any:
    return render_template("payments/remove.html", method=found(method.get(subject().id, key_of(method_id))))


@bp.post("/payment/<method_id>/remove")
@page(CUSTOMER, fresh=15)
def remove(method_id: str) -> Any:
    method.remove(found(method.get(subject().id, key_of(method_id))))
    flash(_("The card can no longer be used here. We write to you as soon as the payment processor has deleted it, too."))
    return redirect(url_for(".index"))


@bp.get("/remove-saved", endpoint="saved")
@page(CUSTOMER, fresh=15)
def saved_page() -> Any:
    return render_template("payments/saved.html", addresses=address.of(subject().id), methods=method.of(subject().id))


@bp.post("/remove-saved")
@page(CUSTOMER, fresh=15)
def remove_saved() -> Any:
    saved.remove_all(subject().id)
    flash(_("All saved addresses and cards are removed. Addresses can come back for 24 hours, cards cannot."))
    return redirect(url_for("addresses.index"))


def _setup(handle: str) -> CardSetup:
    setup: CardSetup = found(card_setup.pending(subject().id, key_of(handle)))
    return setup


def _complete_page(setup: CardSetup, card: Card | None) -> Any:
    title, expiry = (method.title_of(card.brand, card.last_four), method.expiry_of(card.expiry)) if card else ("", "")
    return render_template("payments/complete.html", setup=setup, card=title, expiry=expiry, processor=chosen.needed())
