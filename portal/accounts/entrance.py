"""The entrance: pages on the way in, and the links that secure an account from outside."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask_babel import gettext as _

from portal.access import door, ticket
from portal.access.page import CHECK_MAIL, LINK, OPEN, PROOF, SIGN_IN, page
from portal.access.ticket import Purpose, Ticket
from portal.accounts import account, email_change, registration, sign_in
from portal.accounts.forms import CHILD, AddressForm, CodeForm, NewPasswordForm, OwnPasswordForm, PasswordForm, RegisterForm
from portal.accounts.registration import Application
from portal.core import web
from portal.core.forms import PlainForm
from portal.core.rules import Gone
from portal.policy import version

bp = Blueprint("entrance", __name__)


@bp.get("/register")
@page(OPEN)
def register() -> Any:
    if session.get("young"):
        return render_template("accounts/young.html")
    return render_template("accounts/register.html", form=RegisterForm(), policy=version.in_force())


@bp.post("/register")
@page(OPEN, limits=CHECK_MAIL)
def create() -> Any:
    form = RegisterForm()
    if session.get("young") or form.age.data == CHILD:
        session["young"] = True
        return render_template("accounts/young.html"), 422
    if not form.validate():
        return render_template("accounts/register.html", form=form, policy=version.in_force()), 422
    password_hash = account.hashed(form.password.data)
    text = version.in_force()
    wanted = Application(form.email.data, form.name.data or "", password_hash, form.topics.data or [], text.number if text else "")
    session["registering"] = str(registration.begin(wanted).id)
    return redirect(url_for(".registered"))


@bp.get("/register/sent")
@page(OPEN)
def registered() -> Any:
    return render_template("accounts/check_mail.html", why="register")


def _open_ticket(token: str, *purposes: Purpose) -> Ticket:
    for purpose in purposes:
        found = ticket.find(purpose, token)
        if found is not None and found.is_open:
            return found
    raise Gone(_("This link was used before, or its time is over. Ask for a new one."))


@bp.get("/verify/<token>")
@page(OPEN)
def verify(token: str) -> Any:
    waiting = _open_ticket(token, Purpose.VERIFY, Purpose.CHANGE_EMAIL)
    return render_template("accounts/verify.html", form=OwnPasswordForm(), token=token, address=_address_in(waiting), ask_password=_is_elsewhere(waiting))


@bp.post("/verify/<token>")
@page(OPEN, limits=PROOF)
def confirm_address(token: str) -> Any:
    waiting = _open_ticket(token, Purpose.VERIFY, Purpose.CHANGE_EMAIL)
    form = OwnPasswordForm()
    if _is_elsewhere(waiting) and not _fits(waiting, form):
        return render_template("accounts/verify.html", form=form, token=token, address=_address_in(waiting), ask_password=True), 422
    if waiting.purpose == Purpose.CHANGE_EMAIL:
        email_change.confirm(waiting)
        return render_template("accounts/verified.html", changed=True)
    registration.complete(waiting)
    session.pop("registering", None)
    return render_template("accounts/verified.html", changed=False)


def _address_in(waiting: Ticket) -> str:
    payload = waiting.payload
    return str(payload["address"] if waiting.purpose == Purpose.CHANGE_EMAIL else payload["application"]["email"])


def _is_elsewhere(waiting: Ticket) -> bool:
    """Another browser than the one that registered: only who chose the password may confirm, or a stranger could lie in wait."""
    return waiting.purpose == Purpose.VERIFY and session.get("registering") != str(waiting.id)


def _fits(waiting: Ticket, form: OwnPasswordForm) -> bool:
    if not form.validate():
        return False
    if account.is_right(waiting.payload["application"]["password_hash"], form.password.data):
        return True
    form.password.errors = [_("This is not the password that was chosen when registering.")]
    return False


@bp.get("/sign-in")
@page(OPEN)
def sign_in_page() -> Any:
    return render_template("accounts/sign_in.html", form=AddressForm(next=request.args.get("next", "")), carried=[])


@bp.post("/sign-in")
@page(OPEN, limits=SIGN_IN)
def begin() -> Any:
    form = AddressForm()
    carried = door.typed_before()
    if "email" not in request.form or not form.validate():
        return render_template("accounts/sign_in.html", form=form, carried=carried), 422
    session["pending"] = sign_in.begin(form.email.data, form.next.data or request.args.get("next", ""))
    if carried:
        return render_template("accounts/password.html", form=PasswordForm(formdata=None, email=form.email.data), carried=carried)
    return redirect(url_for(".password"))


@bp.get("/sign-in/password")
@page(OPEN)
def password() -> Any:
    waiting = sign_in.pending(session.get("pending"))
    if waiting is None:
        return redirect(url_for(".sign_in_page"))
    return render_template("accounts/password.html", form=PasswordForm(email=waiting.payload["email"]), carried=[])


@bp.post("/sign-in/password")
@page(OPEN, limits=SIGN_IN)
def check_password() -> Any:
    form = PasswordForm()
    carried = door.typed_before()
    if not form.validate():
        return render_template("accounts/password.html", form=form, carried=carried), 422
    is_right = sign_in.has_password(form.email.data, form.password.data)
    waiting = sign_in.pending(session.get("pending"))
    if not is_right or sign_in.by_password(form.email.data) is None:
        form.password.errors = [_("The address or the password is not right.")]
        return render_template("accounts/password.html", form=form, carried=carried), 422
    return _onward(waiting, carried)


@bp.post("/sign-in/code/send")
@page(OPEN, limits=CHECK_MAIL)
def send_code() -> Any:
    waiting = sign_in.pending(session.get("pending"))
    if waiting is None:
        return redirect(url_for(".sign_in_page"))
    sign_in.send_code(waiting)
    carried = door.typed_before()
    if carried:
        return render_template("accounts/code.html", form=CodeForm(formdata=None), address=waiting.payload["email"], carried=carried)
    return redirect(url_for(".code"))


@bp.get("/sign-in/code")
@page(OPEN)
def code() -> Any:
    waiting = sign_in.pending(session.get("pending"))
    if waiting is None:
        return redirect(url_for(".sign_in_page"))
    return render_template("accounts/code.html", form=CodeForm(), address=waiting.payload["email"], carried=[])


@bp.post("/sign-in/code")
@page(OPEN, limits=PROOF)
def check_code() -> Any:
    form, carried = CodeForm(), door.typed_before()
    waiting = sign_in.pending(session.get("pending"))
    if waiting is None:
        return redirect(url_for(".sign_in_page"))
    if not form.validate() or sign_in.by_code(waiting, form.code.data) is None:
        form.code.errors = form.code.errors or [_("This code is not right, or its time is over. Check the newest mail, or ask for a new code.")]
        return render_template("accounts/code.html", form=form, address=waiting.payload["email"], carried=carried), 422
    return _onward(waiting, carried)


def _onward(waiting: Ticket | None, carried: list[tuple[str, str]]) -> Any:
    """Where the person wanted to go; what they had typed there comes back."""
    target = web.own_path(waiting.payload["next"] if waiting else "", url_for("dashboard.me"))
    if carried:
        return render_template("accounts/resume.html", carried=carried, target=target)
    return redirect(target)


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
@page(OPEN)
def reset_sent() -> Any:
    return render_template("accounts/check_mail.html", why="reset")


@bp.get("/reset/<token>")
@page(OPEN)
def reset(token: str) -> Any:
    _open_ticket(token, Purpose.RESET)
    return render_template("accounts/reset.html", form=NewPasswordForm(), token=token)


@bp.post("/reset/<token>")
@page(OPEN, limits=PROOF)
def set_password(token: str) -> Any:
    form = NewPasswordForm()
    if not form.validate():
        return render_template("accounts/reset.html", form=form, token=token), 422
    password_hash = account.hashed(form.password.data)
    sign_in.reset(_open_ticket(token, Purpose.RESET), password_hash)
    return render_template("accounts/reset_done.html")


@bp.get("/not-me/<token>")
@page(LINK)
def not_me(token: str) -> Any:
    _open_ticket(token, Purpose.NOT_ME)
    return render_template("accounts/not_me.html", form=PlainForm(), token=token)


@bp.post("/not-me/<token>")
@page(LINK)
def lock(token: str) -> Any:
    sign_in.lock(_open_ticket(token, Purpose.NOT_ME))
    return render_template("accounts/locked.html")


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


@bp.get("/signed-out")
@page(OPEN)
def signed_out() -> Any:
    return render_template("accounts/signed_out.html")


@bp.get("/.well-known/change-password")
@page(OPEN)
def change_password() -> Any:
    return redirect(url_for("accounts.new_password"))
