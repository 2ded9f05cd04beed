"""Pages of the signed-in customer about the account itself."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _

from portal import settings
from portal.access import door, notice
from portal.access import session as sessions
from portal.access.door import own_session, subject
from portal.access.page import ARRIVING, CHANGE, CUSTOMER, VIEW, Limit, by_cookie, page
from portal.accounts import account, email_change, proof, registration
from portal.accounts.forms import CodeForm, DetailsForm, EmptyForm, NewAddressForm, NewPasswordForm, OwnPasswordForm
from portal.accounts.proof import Step
from portal.contacts import contact
from portal.core import audit, phones, web
from portal.policy import version

bp = Blueprint("accounts", __name__)
PROVE = (Limit("10 per 5 minute", by_cookie),)
ZONES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))


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
    return render_template("accounts/welcome.html", form=EmptyForm(), policy=version.in_force())


@bp.post("/welcome")
@page(ARRIVING)
def accept() -> Any:
    text = version.in_force()
    if not subject().is_registered:
        registration.join(subject(), text.number if text else "")
    return redirect(url_for("dashboard.me"))


@bp.get("/me/confirm")
@page(CUSTOMER)
def confirm() -> Any:
    return _confirm_page([], _form_of(proof.next_step(subject(), _level(), session.get("proof"))))


@bp.post("/me/confirm")
@page(CUSTOMER, limits=PROVE)
def prove() -> Any:
    carried, step = door.typed_before(), proof.next_step(subject(), _level(), session.get("proof"))
    if step == Step.PASSWORD and "password" in request.form:
        return _prove_by_password(carried)
    if step == Step.CODE and "code" in request.form:
        return _prove_by_code(carried)
    if "send" in request.form:
        session["proof"] = proof.send_code(subject())
        return _again(carried, CodeForm(formdata=None))
    return _confirm_page(carried, _form_of(step))


def _level() -> int:
    return 15 if request.args.get("level") == "15" else 5


def _form_of(step: Step) -> Any:
    forms = {Step.PASSWORD: OwnPasswordForm, Step.SEND_CODE: EmptyForm, Step.CODE: CodeForm}
    return forms[step](formdata=None)


def _confirm_page(carried: list[tuple[str, str]], form: Any) -> Any:
    here = url_for(".confirm", next=request.args.get("next", ""), level=_level())
    status = 422 if form.errors else 200
    return render_template("accounts/confirm.html", form=form, carried=carried, here=here, address=contact.masked(_own_address())), status


def _own_address() -> str:
    own = contact.email_of(subject().id)
    return own.address if own else ""


def _again(carried: list[tuple[str, str]], form: Any) -> Any:
    if carried:
        return _confirm_page(carried, form)
    return redirect(url_for(".confirm", next=request.args.get("next", ""), level=_level()))


def _prove_by_password(carried: list[tuple[str, str]]) -> Any:
    form = OwnPasswordForm()
    if not form.validate() or not proof.by_password(subject(), form.password.data):
        form.password.errors = form.password.errors or [_("This is not your password.")]
        return _confirm_page(carried, form)
    if proof.is_enough(subject(), _level()):
        return _onward(carried)
    session["proof"] = proof.send_code(subject())
    return _again(carried, CodeForm(formdata=None))


def _prove_by_code(carried: list[tuple[str, str]]) -> Any:
    form, waiting = CodeForm(), proof.pending(subject(), session.get("proof"))
    if not form.validate() or waiting is None or not proof.by_code(waiting, form.code.data):
        form.code.errors = form.code.errors or [_("This code is not right, or its time is over. Check the newest mail, or ask for a new code.")]
        return _confirm_page(carried, form)
    session.pop("proof", None)
    return _onward(carried)


def _onward(carried: list[tuple[str, str]]) -> Any:
    target = web.own_path(request.args.get("next"), url_for("dashboard.me"))
    if carried:
        return render_template("accounts/resume.html", carried=carried, target=target)
    return redirect(target)


@bp.get("/me/details")
@page(CUSTOMER, staff=VIEW, fresh=15)
def details() -> Any:
    person = subject()
    form = DetailsForm(name=person.name, phone=person.phone, time_zone=person.time_zone)
    return _details_page(form)


def _details_page(form: DetailsForm) -> Any:
    form.time_zone.choices = [("", _("The shop's time zone")), *((zone, zone.replace("_", " ")) for zone in ZONES)]
    return render_template("accounts/details.html", form=form, address=_own_address())


@bp.post("/me/details")
@page(CUSTOMER, staff=CHANGE, fresh=15)
def save_details() -> Any:
    form, person = DetailsForm(), subject()
    form.time_zone.choices = [("", ""), *((zone, zone) for zone in ZONES)]
    if not form.validate():
        return _details_page(form), 422
    country = settings.current().shop_country
    person.name, person.time_zone = form.name.data or "", form.time_zone.data or ""
    person.set_phone(form.phone.data or "", country)
    audit.record("details_changed", person.id)
    notice.tell(person.id, "details_changed")
    flash(phones.check(person.phone, country) or _("Your details are saved."))
    return redirect(url_for(".details"))


@bp.get("/me/details/email")
@page(CUSTOMER, fresh=5)
def email() -> Any:
    return render_template("accounts/email.html", form=NewAddressForm(), address=_own_address())


@bp.post("/me/details/email")
@page(CUSTOMER, fresh=5, limits=(Limit("5 per 5 minute", by_cookie),))
def change_email() -> Any:
    form = NewAddressForm()
    if not form.validate():
        return render_template("accounts/email.html", form=form, address=_own_address()), 422
    email_change.ask(subject(), form.email.data)
    flash(_("We sent a mail to the new address. Open it and confirm; until then nothing changes."))
    return redirect(url_for(".details"))


@bp.get("/me/security")
@page(CUSTOMER)
def security() -> Any:
    return render_template("accounts/security.html", account=account.of(subject().id), sessions=sessions.live(subject().id), frozen_at=subject().frozen_at)


@bp.get("/me/security/password")
@page(CUSTOMER, fresh=5)
def new_password() -> Any:
    return render_template("accounts/new_password.html", form=NewPasswordForm(), is_first=account.of(subject().id) is None)


@bp.post("/me/security/password")
@page(CUSTOMER, fresh=5)
def change_password() -> Any:
    form = NewPasswordForm()
    if not form.validate():
        return render_template("accounts/new_password.html", form=form, is_first=account.of(subject().id) is None), 422
    account.set_password(subject(), account.hashed(form.password.data), keep_session=own_session().id)
    flash(_("Your password is saved. All other devices are signed out."))
    return redirect(url_for(".security"))


@bp.get("/me/security/devices")
@page(CUSTOMER, staff=VIEW)
def devices() -> Any:
    return render_template("accounts/devices.html", sessions=sessions.live(subject().id), own_id=own_session().id)


@bp.post("/me/security/devices")
@page(CUSTOMER, fresh=5)
def end_all() -> Any:
    """Sign out everywhere, this device excepted."""
    sessions.end_all(subject().id, but=own_session().id)
    audit.record("signed_out_everywhere", subject().id)
    notice.tell(subject().id, "signed_out_everywhere")
    flash(_("All other devices are signed out."))
    return redirect(url_for(".devices"))


@bp.post("/me/security/devices/<session_id>")
@page(CUSTOMER, fresh=5)
def end_one(session_id: str) -> Any:
    sessions.end(door.found(sessions.get(subject().id, door.key_of(session_id))))
    audit.record("device_signed_out", subject().id)
    flash(_("This device is signed out."))
    return redirect(url_for(".devices"))
