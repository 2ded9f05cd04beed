"""Pages behind the link in every marketing mail. They read no cookie, redirect nowhere, and ask for nothing."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

from flask import Response, render_template, request
from flask_babel import gettext as _
from werkzeug.exceptions import ClientDisconnected

from portal.access.page import MAIL, Limit, by_network, page
from portal.contacts import choice
from portal.contacts.choice import Choice
from portal.contacts.contact import Contact
from portal.contacts.topics import Channel, title_of
from portal.preferences import unsubscribe
from portal.preferences.forms import ChoicesForm, StopEmailForm
from portal.preferences.unsubscribe import BARE_POST, FORM, ONE_CLICK, PAUSES, Link
from portal.preferences.views import bp, named_choices

LONGEST_BODY = 4096
"""Bytes of a posted body that are looked at; the rest does not matter."""


class NotOurs(Exception):
    """The link was cut on its way, or is none of ours."""


class Forgotten(Exception):
    """The link is good, but its owner is gone."""


def by_forger() -> str | None:
    """Mail services post for thousands of people from a few addresses, so only links that we never gave out are counted."""
    return by_network() if unsubscribe.read(request.view_args["token"]) is None else None  # type: ignore[index]


FORGERS = (Limit("30 per 1 hour", by_forger),)


@bp.errorhandler(NotOurs)
def _not_ours(_error: NotOurs) -> Any:
    return render_template("preferences/bad_link.html", form=StopEmailForm(formdata=None)), 404


@bp.errorhandler(Forgotten)
def _forgotten(_error: Forgotten) -> Any:
    return render_template("preferences/forgotten.html")


@bp.after_request
def _keep_out_of_search(response: Response) -> Response:
    if request.path.startswith("/u/"):
        response.headers["X-Robots-Tag"] = "noindex"
    return response


@bp.get("/u/<path:token>", endpoint="unsubscribe")
@page(MAIL)
def show(token: str) -> Any:
    link, owner = _opened(token)
    said = choice.standing(owner.digest)
    return render_template(
        "preferences/unsubscribe.html",
        link=link,
        address=owner.masked,
        topic=title_of(link.topic),
        is_off=said.refuses(link.topic, Channel.EMAIL),
        until=said.paused_until(link.topic, Channel.EMAIL),
    )


@bp.post("/u/<path:token>")
@page(MAIL, limits=FORGERS)
def one_click(token: str) -> Any:
    link, via = _link(token), _via()
    owner = unsubscribe.readable_owner(link) if via == FORM else unsubscribe.owner(link)
    if owner is None:
        raise Forgotten
    stopped = unsubscribe.stop(owner, link.topic, via=via)
    if via != FORM:
        return Response(_("You are unsubscribed from: %(topic)s.", topic=title_of(link.topic)) + "\n", mimetype="text/plain")
    return _stopped(link, owner, [link.topic], stopped)


@bp.get("/u/<token>/choices", strict_slashes=False)
@page(MAIL)
def choices(token: str) -> Any:
    link, owner = _opened(token)
    return _choices(link, owner, ChoicesForm(formdata=None))


@bp.post("/u/<token>/choices", strict_slashes=False)
@page(MAIL, limits=FORGERS)
def narrow(token: str) -> Any:
    link, owner = _opened(token)
    days = request.form.get("days", "")
    if days in map(str, PAUSES):
        until, ids = unsubscribe.pause(owner, int(days))
        return render_template("preferences/paused.html", link=link, address=owner.masked, until=until, ids=ids)
    form = ChoicesForm()
    if not form.validate():
        return _choices(link, owner, form), 422
    return _stopped(link, owner, form.wanted, unsubscribe.stop_these(owner, form.wanted))


@bp.get("/u/<token>/undo", strict_slashes=False)
@page(MAIL)
def undo(token: str) -> Any:
    link, owner = _opened(token)
    chosen = unsubscribe.open_to_undo(owner, named_choices())
    titles, ids = _titles(chosen), [said.id for said in chosen]
    return render_template("preferences/undo.html", link=link, address=owner.masked, titles=titles, ids=ids), _status(chosen)


@bp.post("/u/<token>/undo", strict_slashes=False)
@page(MAIL, limits=FORGERS)
def take_back(token: str) -> Any:
    owner = _opened(token)[1]
    chosen = unsubscribe.take_back(owner, named_choices())
    return render_template("preferences/undone.html", address=owner.masked, titles=_titles(chosen)), _status(chosen)


def _link(token: str) -> Link:
    link = unsubscribe.read(token)
    if link is None:
        raise NotOurs
    return link


def _opened(token: str) -> tuple[Link, Contact]:
    link = _link(token)
    owner = unsubscribe.readable_owner(link)
    if owner is None:
        raise Forgotten
    return link, owner


def _via() -> str:
    """How the wish came: from our page, from a mail program, or bare. The body changes nothing else (RFC 8058 section 3.2)."""
    request.max_content_length = sys.maxsize  # None would bring back the limit of all other pages
    try:
        body = request.stream.read(LONGEST_BODY)
    except ClientDisconnected:
        return BARE_POST
    if "confirm" in parse_qs(body.decode("latin-1")):
        return FORM
    return ONE_CLICK if b"List-Unsubscribe" in body and b"One-Click" in body else BARE_POST


def _stopped(link: Link, owner: Contact, topics: list[str], stopped: list[uuid.UUID]) -> Any:
    titles = [title_of(topic) for topic in topics]
    return render_template("preferences/stopped.html", link=link, address=owner.masked, titles=titles, ids=stopped)


def _choices(link: Link, owner: Contact, form: ChoicesForm) -> Any:
    return render_template("preferences/choices.html", link=link, address=owner.masked, form=form, pauses=PAUSES)


def _titles(chosen: Sequence[Choice]) -> list[str]:
    return list(dict.fromkeys(title_of(said.topic) for said in chosen))


def _status(chosen: Sequence[Choice]) -> int:
    return 200 if chosen else 410
