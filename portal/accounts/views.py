"""Pages of the signed-in customer about the account itself."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from wtforms.fields import SelectChoice

from portal.access import door, notice, ticket
from portal.access import session as sessions
from portal.access.door import own_session, subject
from portal.access.page import ARRIVING, CUSTOMER, VIEW, Limit, by_address, by_session, page
from portal.access.session import STRONG_MINUTES
from portal.access.ticket import Purpose
from portal.accounts import account, email_change, personal, registration
from portal.accounts.forms import WHY, DetailsForm, NewAddressForm, NewPasswordForm, WelcomeForm
from portal.contacts import contact
from portal.core import audit, db, digests, web
from portal.core.jobs import Priority
from portal.policy import version

bp = Blueprint("accounts", __name__)
PLACES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))
ZONES = [SelectChoice(zone, zone.replace("_", " ")) for zone in PLACES]


@bp.post("/sign-out")
@page(ARRIVING)
def sign_out() -> Any:
    door.farewell()
    response = redirect(url_for("entrance.signed_out"))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@bp.get("/welcome")
@page(ARRIVING)
def welcome() -> Any:
    if subject().is_registered:
        return redirect(url_for("dashboard.me"))
    text = version.in_force()
    form = WelcomeForm(policy=text.number if text else "")
    return render_template("accounts/welcome.html", form=form, policy=text, target=request.args.get("next", ""))


@bp.post("/welcome")
@page(ARRIVING)
def accept() -> Any:
    if not subject().is_registered:
        registration.join(subject(), WelcomeForm().policy.data or "")
    return redirect(web.own_path(request.args.get("next"), url_for("dashboard.me")))


def _own_address() -> str:
    own = contact.email_of(subject().id)
    return own.address if own else ""


@bp.get("/me/details")
@page(CUSTOMER, staff=VIEW, fresh=15)
def details() -> Any:
    person = subject()
    return _details_page(DetailsForm(name=person.name, phone=person.phone, time_zone=person.time_zone))


def _details_page(form: DetailsForm) -> Any:
    form.time_zone.choices = [SelectChoice("", _("The shop's time zone")), *ZONES]
    return render_template("accounts/details.html", form=form, address=_own_address(), why=WHY)


@bp.post("/me/details")
@page(CUSTOMER, fresh=15)
def save_details() -> Any:
    form = DetailsForm()
    form.time_zone.choices = [SelectChoice(""), *ZONES]
    if not form.validate():
        return _details_page(form), 422
    warning = personal.change(subject(), form.name.data or "", form.phone.data or "", form.time_zone.data or "")
    flash(_("Your details are saved."))
    if warning:
        flash(_("This phone number looks unusual. If it is right, leave it as it is."))
    return redirect(url_for(".details"))


@bp.get("/me/details/email")
@page(CUSTOMER, fresh=5)
def email() -> Any:
    return _email_page(NewAddressForm(), _own_address())


def _email_page(form: NewAddressForm, own: str) -> Any:
    return render_template("accounts/email.html", form=form, address=own, why=WHY, hours=ticket.hours(Purpose.UNDO_EMAIL))


@bp.post("/me/details/email")
@page(CUSTOMER, fresh=5, limits=(Limit("5 per 5 minute", by_session), Limit("5 per 1 hour", by_address)))
def change_email() -> Any:
    form, own = NewAddressForm(), _own_address()
    is_valid = form.validate()
    if is_valid and digests.normal_email(form.email.data) == digests.normal_email(own):
        form.email.errors = [_("This is your address already. Enter the new one.")]
    if form.errors:
        return _email_page(form, own), 422
    email_change.ask(subject(), form.email.data)
    flash(_("We sent a mail to the new address. Open it and confirm; until then nothing changes."))
    return redirect(url_for(".details"))


@bp.get("/me/security")
@page(CUSTOMER)
def security() -> Any:
    person = subject()
    own = account.of(person.id)
    return render_template("accounts/security.html", account=own, sessions=sessions.live(person.id), frozen_at=person.frozen_at)


@bp.get("/me/security/password")
@page(CUSTOMER, fresh=5)
def new_password() -> Any:
    return _password_page(NewPasswordForm())


def _password_page(form: NewPasswordForm) -> Any:
    return render_template("accounts/new_password.html", form=form, is_first=account.of(subject().id) is None)


def _hash_new_password() -> str | None:
    """Hash the new password before the transaction of its change, for those only who are signed in."""
    password = request.form.get("password", "")
    with db.reading():
        is_expected = door.expected() is not None
    return account.hashed(password) if is_expected and len(password) <= account.LONGEST else None


@bp.post("/me/security/password")
@page(CUSTOMER, fresh=5, limits=(Limit("10 per 5 minute", by_session),), beforehand=_hash_new_password)
def change_password() -> Any:
    form = NewPasswordForm(_own_address())
    if not form.validate() or g.beforehand is None:
        return _password_page(form), 422
    account.set_password(subject(), g.beforehand, keep_session=own_session().id)
    flash(_("Your password is saved. All other devices are signed out."))
    return redirect(url_for(".security"))


@bp.get("/me/security/devices")
@page(CUSTOMER, staff=VIEW)
def devices() -> Any:
    own, live = own_session(), sessions.live(subject().id)
    return render_template("accounts/devices.html", sessions=live, own_id=own.id, may_end=own.is_fresh(STRONG_MINUTES))


@bp.post("/me/security/devices")
@page(CUSTOMER, fresh=5)
def end_all() -> Any:
    """Sign out everywhere, this device excepted."""
    sessions.end_all(subject().id, but=own_session().id)
    audit.record("signed_out_everywhere", subject().id)
    notice.tell(subject().id, "signed_out_everywhere", priority=Priority.URGENT)
    flash(_("All other devices are signed out."))
    return redirect(url_for(".devices"))


@bp.post("/me/security/devices/<session_id>")
@page(CUSTOMER, fresh=5)
def end_one(session_id: str) -> Any:
    sessions.end(door.found(sessions.get(subject().id, door.key_of(session_id))))
    audit.record("device_signed_out", subject().id)
    flash(_("This device is signed out."))
    return redirect(url_for(".devices"))
