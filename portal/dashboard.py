"""The first page, My Account, and the pages that explain the portal from its own code and settings."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template, send_file

from portal import settings
from portal.access.door import found, subject
from portal.access.page import CUSTOMER, VIEW, VISITOR, page
from portal.contacts import contact
from portal.core import brand, db, web
from portal.policy import version

bp = Blueprint("dashboard", __name__)


@bp.get("/")
@page(VISITOR)
def front() -> Any:
    return render_template("dashboard/front.html")


@bp.get("/me")
@page(CUSTOMER, staff=VIEW)
def me() -> Any:
    return render_template("dashboard/me.html", person=subject(), address=contact.email_of(subject().id))


@bp.get("/privacy-policy")
@page(VISITOR)
def policy() -> Any:
    return render_template("dashboard/policy.html", version=version.in_force())


@bp.get("/healthz")
@page(VISITOR)
def health() -> Any:
    return Response("ok\n" if db.is_there() else "not ok\n", mimetype="text/plain")


@bp.get("/brand.css")
@page(VISITOR)
def brand_css() -> Any:
    response = Response(brand.css(settings.current()), mimetype="text/css")
    response.headers["Cache-Control"] = f"public, max-age={web.YEAR}, immutable"
    return response


@bp.get("/logo")
@page(VISITOR)
def logo() -> Any:
    own = settings.current()
    found(own.logo_url or None)
    return send_file(own.logo.absolute(), max_age=web.YEAR)
