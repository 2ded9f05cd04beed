"""What every page shares: headers that browsers enforce, links built from settings, and times in the reader's words."""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from babel.numbers import format_currency
from flask import Flask, Response, current_app, request, url_for
from flask_babel import format_date, format_datetime, get_locale
from markupsafe import Markup

from portal import settings
from portal.core import brand

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
YEAR = 31_536_000
OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x1f\x7f]*")


def put_headers(response: Response) -> Response:
    """Headers of every answer, errors and files included."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if urlsplit(settings.current().base_url).scheme == "https":
        response.headers["Strict-Transport-Security"] = f"max-age={YEAR}; includeSubDomains"
    if request.endpoint == "static" and "v" in request.args and response.status_code in {200, 304}:
        response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def link(endpoint: str, **values: str) -> str:
    """An absolute link for letters, from the configured address and never from what a request claims."""
    base = urlsplit(settings.current().base_url)
    path = current_app.url_map.bind(base.netloc, path_info="/", url_scheme=base.scheme).build(endpoint, values, force_external=False)
    return f"{base.scheme}://{base.netloc}{path}"


def own_path(target: str | None, otherwise: str) -> str:
    """A path of this portal to go back to; anything that could lead elsewhere is dropped."""
    if not target or not OWN_PATH.fullmatch(target):
        return otherwise
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else otherwise


@cache
def _content_hash(file: Path, _changed: float) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def asset(name: str) -> str:
    """URL of a static file with its content's hash, so that browsers may keep it for a year."""
    if name == "brand.css":
        return url_for("dashboard.brand_css", v=hashlib.sha256(brand.css(settings.current()).encode()).hexdigest()[:12])
    file = Path(current_app.static_folder or "") / name
    return url_for("static", filename=name, v=_content_hash(file, file.stat().st_mtime))


def long_date(value: date | datetime) -> str:
    """`24 November 2026` in the reader's language, in their zone."""
    return str(format_date(value, "long"))


def moment(value: datetime) -> Markup:
    """A `<time>` in the reader's language and zone, the zone named."""
    shown = f"{format_datetime(value, 'medium')} {format_datetime(value, 'z')}"
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(timespec="seconds"), shown)


def money(value: Decimal | str | None, currency: str) -> str:
    """An amount in the reader's way of writing it."""
    return "" if value in (None, "") else str(format_currency(Decimal(value), currency, locale=get_locale()))



def equip(app: Flask) -> None:
    """Give templates their words and every answer its headers."""
    app.after_request(put_headers)
    app.jinja_env.filters.update(long_date=long_date, moment=moment, money=money)
    app.jinja_env.globals.update(asset=asset)
