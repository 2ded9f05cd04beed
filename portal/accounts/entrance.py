"""The entrance: the pages on the way in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask_babel import gettext as _

from portal.access import door, ticket
from portal.access.page import CHECK_MAIL, OPEN, PROOF, SIGN_IN, VISITOR, Limit, by_network, page
from portal.access.ticket import Purpose, Ticket
from portal.accounts import account, onward, registration, sign_in
from portal.accounts.forms import CHILD, WHY, YOUNGEST, AddressForm, CodeForm, PasswordForm, RegisterForm
from portal.accounts.onward import Carried
from portal.accounts.registration import Application
from portal.core import web
from portal.policy import version

bp = Blueprint("entrance", __name__)


@bp.get("/register")
@page(OPEN)
def register() -> Any:
    if session.get("young"):
        return _young_page()
    return _register_page(RegisterForm())


def _young_page() -> Any:
    return render_template("accounts/young.html", youngest=YOUNGEST)


def _register_page(form: RegisterForm) -> Any:
    text = version.in_force()
    form.policy.data = text.number if text else ""
    return render_template("accounts/register.html", form=form, policy=text, why=WHY)


@bp.post("/register")
@page(OPEN, limits=(Limit("100 per 1 hour", by_network),))
def create() -> Any:
    form = RegisterForm()
    if session.get("young") or form.age.data == CHILD:
        session["young"] = True
        return _young_page(), 422
    if not form.validate():
        return _register_page(form), 422
    for limit in CHECK_MAIL:  # only now, or a mistake in the form would use up the one mail a minute
        limit.count()
    password_hash = account.hashed(form.password.data)
    wanted = Application(form.email.data, form.name.data or "", password_hash, form.topics.data or [], form.policy.data or "")
    session["registering"] = registration.begin(wanted)
    return redirect(url_for(".registered"))


@bp.get("/register/sent")
@page(VISITOR)
def registered() -> Any:
    return render_template("accounts/check_mail.html", why="register", hours=ticket.hours(Purpose.VERIFY))


@bp.get("/sign-in")
@page(OPEN)
def sign_in_page() -> Any:
    return _sign_in_page(AddressForm(next=_wish()), [])


def _wish() -> str:
    """Where the person wanted to go, if it is a page of ours."""
    return web.own_path(request.args.get("next"), "")


def _sign_in_page(form: AddressForm, carried: Carried) -> Any:
    return render_template("accounts/sign_in.html", form=form, carried=carried)


@bp.post("/sign-in")
@page(OPEN, limits=SIGN_IN)
def begin() -> Any:
    carried = door.typed_before()
    if "email" not in request.form:
        return _sign_in_page(AddressForm(formdata=None, next=_wish()), carried)
    form = AddressForm()
    if not form.validate():
        return _sign_in_page(form, carried), 422
    session["pending"] = sign_in.begin(form.email.data, form.next.data or "")
    if carried:
        return _password_page(PasswordForm(formdata=None, email=form.email.data), carried)
    return redirect(url_for(".password"))


def _pending() -> Ticket | None:
    return sign_in.pending(session.get("pending"))


@bp.get("/sign-in/password")
@page(OPEN)
def password() -> Any:
    waiting = _pending()
    if waiting is None:
        return redirect(url_for(".sign_in_page"))
    return _password_page(PasswordForm(email=waiting.payload["email"]), [])


def _password_page(form: PasswordForm, carried: Carried) -> Any:
    return render_template("accounts/password.html", form=form, carried=carried)


@bp.post("/sign-in/password")
@page(OPEN, limits=SIGN_IN)
def check_password() -> Any:
    form, carried = PasswordForm(), door.typed_before()
    if not form.validate():
        return _password_page(form, carried), 422
    fit = sign_in.fitting(form.email.data, form.password.data)
    waiting = _pending()
    if sign_in.by_password(form.email.data, fit) is None:
        form.password.errors = [_("The address or the password is not right.")]
        return _password_page(form, carried), 422
    return _onward(waiting, carried)


@bp.post("/sign-in/code/send")
@page(OPEN, limits=CHECK_MAIL)
def send_code() -> Any:
    form, carried = AddressForm(), door.typed_before()
    if not form.validate():
        return _sign_in_page(form, carried), 422
    waiting = _pending()
    if waiting is None or waiting.payload["email"] != form.email.data:
        session["pending"] = sign_in.begin(form.email.data, "")
        waiting = _pending()
    if waiting is None:
        return redirect(url_for(".sign_in_page"))
    sign_in.send_code(waiting)
    if carried:
        return _code_page(CodeForm(formdata=None), waiting, carried)
    return redirect(url_for(".code"))


@bp.get("/sign-in/code")
@page(OPEN)
def code() -> Any:
    waiting = _pending()
    if waiting is None:
        return redirect(url_for(".sign_in_page"))
    return _code_page(CodeForm(), waiting, [])


def _code_page(form: CodeForm, waiting: Ticket, carried: Carried) -> Any:
    return render_template("accounts/code.html", form=form, address=waiting.payload["email"], carried=carried)


@bp.post("/sign-in/code")
@page(OPEN, limits=PROOF)
def check_code() -> Any:
    form, carried, waiting = CodeForm(), door.typed_before(), _pending()
    if waiting is None:
        return _sign_in_page(AddressForm(formdata=None), carried), 422
    if not form.validate() or sign_in.by_code(waiting, form.code.data) is None:
        form.code.errors = form.code.errors or [CodeForm.NOT_RIGHT]
        return _code_page(form, waiting, carried), 422
    return _onward(waiting, carried)


def _onward(waiting: Ticket | None, carried: Carried) -> Any:
    return onward.go(web.own_path(waiting.payload["next"] if waiting else "", url_for("dashboard.me")), carried)


@bp.get("/forgot-password")
@page(OPEN)
def forgot() -> Any:
    return render_template("accounts/forgot.html", form=AddressForm())


@bp.post("/forgot-password")
@page(OPEN, limits=CHECK_MAIL)
def send_reset() -> Any:
    form = AddressForm()
    if not form.validate():
        return render_template("accounts/forgot.html", form=form), 422
    sign_in.send_reset(form.email.data)
    return redirect(url_for(".reset_sent"))


@bp.get("/forgot-password/sent")
@page(VISITOR)
def reset_sent() -> Any:
    return render_template("accounts/check_mail.html", why="reset", minutes=ticket.minutes(Purpose.RESET))


@bp.get("/signed-out")
@page(VISITOR)
def signed_out() -> Any:
    return render_template("accounts/signed_out.html")


@bp.get("/.well-known/change-password")
@page(VISITOR)
def change_password() -> Any:
    return redirect(url_for("accounts.new_password"))
