"""Pages that only the demo has: every letter that left, and every part that pages are made of."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for

from portal import settings
from portal.access.door import found
from portal.access.page import OPEN, VISITOR, page
from portal.core import clock
from portal.demo import letterbox
from portal.demo.forms import PartsForm
from portal.settings import LOOPBACK

bp = Blueprint("dev", __name__, url_prefix="/dev")


@bp.before_request
def _only_here() -> None:
    """Outside the demo these pages do not exist; nor do they under a name that another site gave to this machine."""
    name = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdecimal() else request.host
    if not settings.current().demo or name.strip("[]") not in LOOPBACK:
        abort(404)


@bp.get("/mail")
@page(VISITOR)
def mail() -> Any:
    shelf = letterbox.shelf(request.args.get("page", 1, type=int))
    newer = url_for(".mail", page=shelf.number - 1) if shelf.number > 1 else None
    older = url_for(".mail", page=shelf.number + 1) if shelf.has_older else None
    pager = {"count": shelf.count, "previous_url": newer, "next_url": older}
    return render_template("demo/mail.html", mails=shelf.mails, pager=pager)


@bp.get("/mail.json")
@page(VISITOR)
def mail_json() -> Any:
    return [letter.as_json() for letter in letterbox.everything()]


@bp.get("/mail/<name>")
@page(VISITOR)
def letter(name: str) -> Any:
    return render_template("demo/letter.html", mail=found(letterbox.find(name)), shows_html=False)


@bp.get("/mail/<name>/html")
@page(VISITOR)
def letter_html(name: str) -> Any:
    return render_template("demo/letter.html", mail=found(letterbox.find(name)), shows_html=True)


@bp.get("/mail/<name>/raw")
@page(VISITOR)
def letter_raw(name: str) -> Any:
    return Response(found(letterbox.find(name)).raw, mimetype="text/plain")


@bp.get("/parts")
@page(OPEN)
def parts() -> Any:
    return render_template("demo/parts.html", form=PartsForm(), now=clock.now())


@bp.post("/parts")
@page(OPEN)
def send_parts() -> Any:
    form = PartsForm()
    if not form.validate():
        return render_template("demo/parts.html", form=form, now=clock.now()), 422
    return redirect(url_for(".parts"), 303)
