"""Pages for everybody whom our mail reaches, with or without an account. They read no cookie and answer known and unknown people alike."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_babel import gettext as _

from portal.access.page import VISITOR, Limit, by_network, page
from portal.contacts.topics import ALL, title_of
from portal.preferences import address_stop
from portal.preferences.forms import StopEmailForm, StopPostForm
from portal.preferences.views import bp

TEN_AN_HOUR = (Limit("10 per 1 hour", by_network),)


@bp.get("/stop-email")
@page(VISITOR)
def stop_email() -> Any:
    return render_template("preferences/stop_email.html", form=StopEmailForm(formdata=None))


@bp.post("/stop-email", endpoint="stop_email_now")
@page(VISITOR, limits=TEN_AN_HOUR)
def stop_email_now() -> Any:
    form = StopEmailForm()
    if not form.validate():
        return render_template("preferences/stop_email.html", form=form), 422
    if form.instead.data:
        address_stop.mail_link(form.email.data)
        return render_template("preferences/link_mailed.html")
    address_stop.stop_email(form.email.data, form.topics.ticked)
    return render_template("preferences/email_stopped.html", titles=[title_of(topic) for topic in form.topics.ticked or [ALL]])


@bp.get("/stop-post")
@page(VISITOR)
def stop_post() -> Any:
    return render_template("preferences/stop_post.html", form=StopPostForm(formdata=None))


@bp.post("/stop-post")
@page(VISITOR, limits=TEN_AN_HOUR)
def stop_post_now() -> Any:
    form = StopPostForm()
    if not form.validate():
        return render_template("preferences/stop_post.html", form=form), 422
    address_stop.stop_post(form.name.data, form.street.data, form.postal_code.data)
    return render_template("preferences/post_stopped.html", warning=_warning(form.postal_code.data))


def _warning(code: str) -> str:
    """Odd postal codes are taken as they are; the person may look again."""
    if any(char.isdigit() for char in code):
        return ""
    return _("“%(code)s” does not look like a postal code. If it is wrong, please fill in the form again.", code=code)
