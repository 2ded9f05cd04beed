"""Pages that anyone may open, and My Account."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template, send_file

from portal import settings
from portal.access.door import found, own_session, subject
from portal.access.page import CUSTOMER, VIEW, VISITOR, page
from portal.activity import trail
from portal.core import brand, web
from portal.dashboard import cookies as cookie_register
from portal.dashboard import overview, wellknown
from portal.dashboard import security as in_force
from portal.policy import version

bp = Blueprint("dashboard", __name__)


@bp.get("/")
@page(VISITOR)
def front() -> Any:
    return render_template("dashboard/front.html", grace=settings.current().grace_days)


@bp.get("/me")
@page(CUSTOMER, staff=VIEW)
def me() -> Any:
    person, here, grace = subject(), own_session(), settings.current().grace_days
    seen, acts = overview.of(person.id, here.id), trail.latest(person.id)
    return render_template("dashboard/me.html", person=person, seen=seen, acts=acts, here=here, grace=grace)


@bp.get("/privacy-policy")
@page(VISITOR)
def policy() -> Any:
    return render_template("dashboard/policy.html", version=version.in_force())


@bp.get("/cookies")
@page(VISITOR)
def cookies() -> Any:
    return render_template("dashboard/cookies.html", cookies=cookie_register.register())


@bp.get("/security")
@page(VISITOR)
def security() -> Any:
    return render_template("dashboard/security.html", measures=in_force.measures())


@bp.get("/help")
@page(VISITOR)
def help_page() -> Any:
    return render_template("dashboard/help.html", grace=settings.current().grace_days)


@bp.get("/contact")
@page(VISITOR)
def contact_page() -> Any:
    return render_template("dashboard/contact.html")


@bp.get("/accessibility")
@page(VISITOR)
def accessibility() -> Any:
    return render_template("dashboard/accessibility.html")


@bp.get("/.well-known/security.txt")
@page(VISITOR)
def security_txt() -> Any:
    return Response(wellknown.security_txt(), mimetype="text/plain")


@bp.get("/.well-known/gpc.json")
@page(VISITOR)
def gpc() -> Any:
    return wellknown.gpc()


@bp.get("/healthz")
@page(VISITOR)
def health() -> Any:
    is_well = wellknown.is_well()
    return Response("ok\n" if is_well else "not ok\n", status=200 if is_well else 503, mimetype="text/plain")


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
