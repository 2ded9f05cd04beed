"""Pages of the customer's addresses."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from portal import settings
from portal.access.door import found, key_of, subject
from portal.access.page import CHANGE, CUSTOMER, VIEW, page
from portal.addresses import address
from portal.addresses.address import Address
from portal.addresses.forms import WHY, AddressForm, address_form

bp = Blueprint("addresses", __name__, url_prefix="/me/addresses")


@bp.get("")
@page(CUSTOMER, staff=VIEW)
def index() -> Any:
    return render_template("addresses/index.html", addresses=address.of(subject().id), removed=address.removed(subject().id))


@bp.get("/new")
@page(CUSTOMER, staff=CHANGE, fresh=15)
def new() -> Any:
    return _page(_empty_form())


@bp.post("/new")
@page(CUSTOMER, staff=CHANGE, fresh=15)
def add() -> Any:
    form = _empty_form()
    if not form.is_ready():
        return _page(form)
    address.enter(subject().id, form.country.data, form.typed, form.uses)
    flash(_("The address is saved."))
    return redirect(url_for(".index"))


@bp.get("/<address_id>")
@page(CUSTOMER, staff=CHANGE, fresh=15)
def edit(address_id: str) -> Any:
    row = found(address.get(subject().id, key_of(address_id)))
    return _page(_form_of(row), row)


@bp.post("/<address_id>")
@page(CUSTOMER, staff=CHANGE, fresh=15)
def change(address_id: str) -> Any:
    row = found(address.recoverable(subject().id, key_of(address_id)))
    form = _form_of(row)
    if not form.is_ready(row):
        return _page(form, row)
    address.change(row, form.country.data, form.typed, form.uses)
    flash(_("The address is saved."))
    return redirect(url_for(".index"))


@bp.post("/<address_id>/remove")
@page(CUSTOMER, staff=CHANGE, fresh=15)
def remove(address_id: str) -> Any:
    row = found(address.get(subject().id, key_of(address_id)))
    address.remove(row)
    undo = url_for(".restore", address_id=row.id)
    flash({"text": _("The address is removed. You can undo this for 24 hours."), "url": undo, "label": _("Undo")})  # type: ignore[arg-type]
    return redirect(url_for(".index"))


@bp.post("/<address_id>/restore")
@page(CUSTOMER, staff=CHANGE)
def restore(address_id: str) -> Any:
    """Undo needs no proof: it only brings back what the person had."""
    address.restore(found(address.recoverable(subject().id, key_of(address_id))))
    flash(_("The address is back."))
    return redirect(url_for(".index"))


def _empty_form() -> AddressForm:
    return address_form({"country": settings.current().shop_country, "name": subject().name})


def _form_of(row: Address) -> AddressForm:
    return address_form({**row.typed, **dict.fromkeys(row.uses, True), "version": row.version})


def _page(form: AddressForm, row: Address | None = None) -> Any:
    return render_template("addresses/edit.html", form=form, row=row, why=WHY), 422 if form.errors else 200
