"""The page that asks whether it is you, before a form that changes something is shown."""

from __future__ import annotations

from typing import Any

from flask import g, redirect, render_template, request, session, url_for
from flask_babel import gettext as _

from portal.access import door
from portal.access.door import subject
from portal.access.page import CUSTOMER, Limit, by_session, page
from portal.accounts import onward, proof
from portal.accounts.account import Fit
from portal.accounts.forms import CodeForm, EmptyForm, OwnPasswordForm
from portal.accounts.onward import Carried
from portal.accounts.proof import Step
from portal.accounts.views import bp
from portal.contacts import contact
from portal.core import web

FORMS = {Step.PASSWORD: OwnPasswordForm, Step.SEND_CODE: EmptyForm, Step.CODE: CodeForm}


def _level() -> int:
    return 15 if request.args.get("level") == "15" else 5


def _step() -> Step:
    return proof.next_step(subject(), session.get("proof"))


@bp.get("/me/confirm")
@page(CUSTOMER)
def confirm() -> Any:
    return _confirm_page([], FORMS[_step()]())


def _confirm_page(carried: Carried, form: Any) -> Any:
    own = contact.email_of(subject().id)
    here = url_for(".confirm", next=request.args.get("next", ""), level=_level())
    page = render_template("accounts/confirm.html", form=form, carried=carried, here=here, address=own.masked if own else "")
    return page, 422 if form.errors else 200


def _weigh_password() -> Fit | None:
    return proof.fitting(request.form["password"]) if request.form.get("password") else None


@bp.post("/me/confirm")
@page(CUSTOMER, limits=(Limit("10 per 5 minute", by_session), Limit("40 per 1 hour", by_session)), beforehand=_weigh_password)
def prove() -> Any:
    carried, step = door.typed_before(), _step()
    if step == Step.PASSWORD and "password" in request.form:
        return _prove_by_password(carried)
    if step == Step.CODE and "code" in request.form:
        return _prove_by_code(carried)
    if step != Step.PASSWORD and "send" in request.form:
        session["proof"] = proof.send_code(subject())
        return _ask_for_code(carried)
    return _confirm_page(carried, FORMS[step](formdata=None))


def _prove_by_password(carried: Carried) -> Any:
    form = OwnPasswordForm()
    if not form.validate() or not proof.by_password(subject(), g.beforehand):
        form.password.errors = form.password.errors or [_("This is not your password.")]
        return _confirm_page(carried, form)
    if proof.is_enough(_level()):
        return _onward(carried)
    session["proof"] = proof.send_code(subject())
    return _ask_for_code(carried)


def _ask_for_code(carried: Carried) -> Any:
    if carried:
        return _confirm_page(carried, CodeForm(formdata=None))
    return redirect(url_for(".confirm", next=request.args.get("next", ""), level=_level()))


def _prove_by_code(carried: Carried) -> Any:
    form, waiting = CodeForm(), proof.pending(subject(), session.get("proof"))
    if not form.validate() or waiting is None or not proof.by_code(waiting, form.code.data):
        form.code.errors = form.code.errors or [CodeForm.NOT_RIGHT]
        return _confirm_page(carried, form)
    session.pop("proof", None)
    return _onward(carried)


def _onward(carried: Carried) -> Any:
    return onward.go(web.own_path(request.args.get("next"), url_for("dashboard.me")), carried)
