"""Pages of the signed-in customer: what may be sent to them, and all they ever said about it."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from portal.access.door import found, key_of, subject
from portal.access.page import CHANGE, CUSTOMER, VIEW, page
from portal.contacts import contact
from portal.contacts.contact import Contact
from portal.contacts.topics import CHANNEL_TITLES, TOPICS
from portal.preferences import notifications as own
from portal.preferences import said
from portal.preferences.forms import NotificationsForm
from portal.preferences.unsubscribe import PAUSES

bp = Blueprint("preferences", __name__)


def _address() -> Contact:
    address: Contact = found(contact.email_of(subject().id))
    return address


@bp.get("/me/notifications")
@page(CUSTOMER, staff=VIEW)
def notifications() -> Any:
    seen = own.overview(_address())
    ticked = [cell.key for row in seen.rows for cell in row if cell and cell.is_on]
    form = NotificationsForm(formdata=None, on=ticked, shown=" ".join(ticked))
    channels = [(channel, CHANNEL_TITLES[channel]) for channel in seen.channels]
    return render_template(
        "preferences/notifications.html", form=form, topics=TOPICS, table=seen.rows, channels=channels, pauses=PAUSES, way=said.way
    )


@bp.post("/me/notifications")
@page(CUSTOMER)
def save() -> Any:
    form = NotificationsForm()
    if not form.validate():
        return redirect(url_for(".notifications"))
    return _changed(own.change(_address(), form.shown_keys, form.on.ticked), _("Your choices are saved."))


@bp.post("/me/notifications/stop")
@page(CUSTOMER, staff=CHANGE)
def stop_everything() -> Any:
    return _changed(own.stop_everything(_address()), _("Everything is stopped: no advertising by e-mail, by post or by text message."))


@bp.post("/me/notifications/pause")
@page(CUSTOMER, staff=CHANGE)
def pause() -> Any:
    days = request.form.get("days", "")
    if days not in map(str, PAUSES):
        return redirect(url_for(".notifications"))
    sentence = _("Everything that was on is paused for %(days)s days, then it comes again.", days=days)
    return _changed(own.pause(_address(), int(days)), sentence)


@bp.post("/me/notifications/undo")
@page(CUSTOMER, staff=CHANGE)
def undo_own() -> Any:
    is_done = own.take_back(_address(), named_choices())
    too_late = _("It is too late to undo this. You can change each list on this page.")
    flash(_("Your choices are as they were before.") if is_done else too_late)
    return redirect(url_for(".notifications"))


@bp.get("/me/notifications/history")
@page(CUSTOMER, staff=VIEW)
def history() -> Any:
    before = request.args.get("before")
    return render_template("preferences/history.html", history=own.history(_address(), key_of(before) if before else None), said=said)


@bp.post("/me/notifications/history/<choice_id>/withdraw")
@page(CUSTOMER, staff=CHANGE)
def withdraw(choice_id: str) -> Any:
    ids = own.withdraw(_address(), key_of(choice_id))
    _say(ids, _("Your yes is withdrawn. Nothing more comes from this list."))
    return redirect(url_for(".history"))


def _changed(ids: list[uuid.UUID], sentence: str) -> Any:
    _say(ids, sentence)
    return redirect(url_for(".notifications"))


def _say(ids: list[uuid.UUID], sentence: str) -> None:
    if not ids:
        flash(_("That is how it was already, so nothing changed."))
        return
    flash({"text": sentence, "url": url_for(".undo_own", choice=ids), "label": _("Undo")})  # type: ignore[arg-type]


def named_choices() -> list[uuid.UUID]:
    """The choices that a page or a letter names; whatever is no id is left aside."""
    named = []
    for text in request.values.getlist("choice"):
        try:
            named.append(uuid.UUID(text))
        except ValueError:
            continue
    return named
