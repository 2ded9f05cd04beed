"""Links in letters: confirm an address, set a password, lock the account, take a change of address back. Opening one changes nothing."""

from __future__ import annotations

from typing import Any

from flask import render_template, session
from flask_babel import gettext as _

from portal.access import ticket
from portal.access.page import LINK, OPEN, PROOF, page
from portal.access.ticket import Purpose, Ticket
from portal.accounts import account, email_change, registration, sign_in
from portal.accounts.entrance import bp
from portal.accounts.forms import NewPasswordForm, OwnPasswordForm
from portal.contacts import contact
from portal.core import db
from portal.core.forms import PlainForm
from portal.core.rules import Gone

TO_VERIFY = (Purpose.VERIFY, Purpose.CHANGE_EMAIL)


@bp.errorhandler(Gone)
def link_over(error: Gone) -> Any:
    """A link that was used or is over leads on to a new one."""
    return render_template("accounts/link_over.html", sentence=error.sentence), error.status


def _open_ticket(token: str, *purposes: Purpose) -> Ticket:
    for purpose in purposes:
        found = ticket.find(purpose, token)
        if found is not None and found.is_open:
            return found
    raise Gone(_("This link was used before, or its time is over."))


@bp.get("/verify/<token>")
@page(OPEN)
def verify(token: str) -> Any:
    return _verify_page(OwnPasswordForm(), token, _open_ticket(token, *TO_VERIFY))


def _verify_page(form: OwnPasswordForm, token: str, waiting: Ticket) -> Any:
    address = waiting.payload["address"] if waiting.purpose == Purpose.CHANGE_EMAIL else waiting.payload["application"]["email"]
    return render_template("accounts/verify.html", form=form, token=token, address=address, ask_password=_is_elsewhere(waiting))


@bp.post("/verify/<token>")
@page(OPEN, limits=PROOF)
def confirm_address(token: str) -> Any:
    form, fits = OwnPasswordForm(), _fits(token)
    waiting = _open_ticket(token, *TO_VERIFY)
    if _is_elsewhere(waiting) and not (form.validate() and fits):
        form.password.errors = form.password.errors or [_("This is not the password that was chosen when registering.")]
        return _verify_page(form, token, waiting), 422
    if waiting.purpose == Purpose.CHANGE_EMAIL:
        email_change.confirm(waiting)
        return render_template("accounts/verified.html", changed=True)
    registration.complete(waiting)
    session.pop("registering", None)
    return render_template("accounts/verified.html", changed=False)


def _is_elsewhere(waiting: Ticket) -> bool:
    """Another browser than the one that registered: only who chose the password may confirm, or a stranger could lie in wait."""
    return waiting.purpose == Purpose.VERIFY and not registration.is_marked(waiting, session.get("registering"))


def _fits(token: str) -> bool:
    """Is the typed password the one that was chosen? Read and compared before the transaction of the act begins."""
    with db.reading():
        waiting = _open_ticket(token, *TO_VERIFY)
        known = waiting.payload["application"]["password_hash"] if _is_elsewhere(waiting) else None
    return known is not None and account.fit(known, OwnPasswordForm().password.data or "") is not None


@bp.get("/reset/<token>")
@page(OPEN)
def reset(token: str) -> Any:
    _open_ticket(token, Purpose.RESET)
    return render_template("accounts/reset.html", form=NewPasswordForm(), token=token)


@bp.post("/reset/<token>")
@page(OPEN, limits=PROOF)
def set_password(token: str) -> Any:
    form = NewPasswordForm(_address_of(token))
    if not form.validate():
        return render_template("accounts/reset.html", form=form, token=token), 422
    password_hash = account.hashed(form.password.data)
    sign_in.reset(_open_ticket(token, Purpose.RESET), password_hash)
    return render_template("accounts/reset_done.html")


def _address_of(token: str) -> str:
    """Whose password it is; read by itself, so that the hashing that follows holds up nobody."""
    with db.reading():
        own = contact.email_of(_open_ticket(token, Purpose.RESET).person_id)
        return own.address if own else ""


@bp.get("/not-me/<token>")
@page(LINK)
def not_me(token: str) -> Any:
    waiting = ticket.find(Purpose.NOT_ME, token)
    if waiting is not None and waiting.used_at:
        return render_template("accounts/locked.html", since=waiting.used_at)
    _open_ticket(token, Purpose.NOT_ME)
    return render_template("accounts/not_me.html", form=PlainForm(), token=token)


@bp.post("/not-me/<token>")
@page(LINK)
def lock(token: str) -> Any:
    waiting = ticket.find(Purpose.NOT_ME, token)
    if waiting is None or waiting.used_at is None:
        sign_in.lock(_open_ticket(token, Purpose.NOT_ME))
    return render_template("accounts/locked.html", since=None)


@bp.get("/undo/email/<token>")
@page(LINK)
def undo_email(token: str) -> Any:
    waiting = _open_ticket(token, Purpose.UNDO_EMAIL)
    return render_template("accounts/undo_email.html", form=PlainForm(), token=token, address=waiting.payload["address"])


@bp.post("/undo/email/<token>")
@page(LINK)
def take_back_email(token: str) -> Any:
    email_change.undo(_open_ticket(token, Purpose.UNDO_EMAIL))
    return render_template("accounts/email_undone.html")
