"""The portal put together: its slices in one tuple, its door, its errors."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import uuid
from collections.abc import Iterator
from datetime import datetime
from types import ModuleType
from typing import Any

import structlog
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, Flask, Response, g, make_response, render_template, request, url_for
from flask_babel import Babel, get_locale
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException, MethodNotAllowed, SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix

from portal import ROOT
from portal import settings as own_settings
from portal.access import door
from portal.access.page import VISITOR, page, page_of
from portal.core import brand, db, jobs, keyring, web
from portal.core.faults import whereabouts
from portal.core.jobs import Handler
from portal.core.rate_limits import TooMany
from portal.core.rules import Refused, WrongMove
from portal.letters import transport
from portal.rights import erasure
from portal.settings import Settings

SLICES = (
    "portal.core",
    "portal.contacts",
    "portal.letters",
    "portal.customers",
    "portal.policy",
    "portal.access",
    "portal.preferences",
    "portal.addresses",
    "portal.payments",
    "portal.orders",
    "portal.accounts",
    "portal.rights",
    "portal.connections",
    "portal.activity",
    "portal.dashboard",
    "portal.demo",
)
BODY = 1024 * 1024
FORM = 256 * 1024
FIELDS = 500
PROOF = "/me/confirm"
BESIDE = {
    "/me/details": "/me",
    "/me/export": "/me/data",
    "/me/delete": "/me/data",
    "/me/mail": "/me/activity",
    "/me/remove-saved": "/me/payment",
}
log = structlog.get_logger()


class StoreRefused(Exception):
    """Store and code do not agree: `python -m portal migrate` first."""


class Portal(Flask):
    """The portal. Every request passes its door; every view runs in one transaction."""

    def dispatch_request(self) -> Any:
        if request.routing_exception is not None or request.method == "OPTIONS":
            return super().dispatch_request()
        return door.serve(page_of(self, request.endpoint or ""), super().dispatch_request)

    def work(self) -> int:
        """Do what is due once, in every queue; how much was taken up."""
        with self.app_context():
            return sum(queue() for queue in self.extensions["queues"])


def modules() -> Iterator[ModuleType]:
    """Every module of every slice."""
    for name in SLICES:
        package = importlib.import_module(name)
        yield package
        for found in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{name}."):
            yield importlib.import_module(found.name)


def declared(mark: str) -> list[Any]:
    """What the slices declare: functions of their own modules that bear a mark."""
    found = ((module, value) for module in modules() for value in vars(module).values() if inspect.isfunction(value))
    return [function for module, function in found if function.__module__ == module.__name__ and hasattr(function, mark)]


def create_app(settings: Settings | None = None) -> Portal:
    """The portal, ready to serve.

    Refuses to start on a weak setting, unreadable brand colors, a wrong schema, a broken key ring, or a route without a declaration.
    """
    app = assemble(settings or own_settings.load())
    try:
        with app.app_context():
            app.extensions["keyring"] = keyring.prepare(app.extensions["settings"].keyring_places)
            jobs.appoint(app.extensions["jobs"].values())
        _furnish(app)
    except BaseException:
        app.extensions["engine"].dispose()
        raise
    return app


def assemble(own: Settings) -> Portal:
    """The portal without its keys and pages: enough to give a store from an older copy its keys again."""
    own.refuse_weakness()
    brand.refuse_unreadable(own)
    app = Portal("portal", root_path=str(ROOT), static_folder="static", template_folder="templates")
    _configure(app, own)
    app.extensions.update(settings=own, engine=db.make_engine(own.database_url), transport=transport.make(own))
    refuse_other_schema(app)
    app.extensions["jobs"] = {handler.kind: handler for handler in _handlers()}
    app.extensions["queues"] = [jobs.run_due, *declared("__queue__")]
    return app


def _handlers() -> list[Handler]:
    return [function.__job__ for function in declared("__job__")]


def _configure(app: Portal, own: Settings) -> None:
    is_https = own.base_url.startswith("https")
    app.config.update(
        SECRET_KEY=own.secret_key, SECRET_KEY_FALLBACKS=list(own.secret_key_fallbacks),
        SESSION_COOKIE_NAME="__Host-session" if is_https else "session", SESSION_COOKIE_SECURE=is_https,
        SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=BODY, MAX_FORM_MEMORY_SIZE=FORM, MAX_FORM_PARTS=FIELDS,
        WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_SSL_STRICT=False, WTF_CSRF_TIME_LIMIT=None,
        TRUSTED_HOSTS=None if own.is_local else [own.host],
        BABEL_DEFAULT_LOCALE=own.languages[0], BABEL_DEFAULT_TIMEZONE=own.shop_timezone,
    )  # fmt: skip
    app.url_map.merge_slashes = False
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if own.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=own.proxies, x_proto=own.proxies, x_host=0)  # type: ignore[method-assign]
    steps = (structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer())
    structlog.configure(processors=steps)


def _furnish(app: Portal) -> None:
    app.view_functions["static"] = page(VISITOR)(app.view_functions["static"])
    Babel(app, locale_selector=_locale, timezone_selector=_time_zone)
    door.csrf.init_app(app)
    app.login_manager = door.logins  # type: ignore[attr-defined]  # not init_app: that reads the cookie of every request
    web.equip(app)
    app.jinja_env.globals.update(form_key=door.form_key)
    app.context_processor(_words_of_every_page)
    for module in modules():
        for value in vars(module).values():
            if isinstance(value, Blueprint) and value.import_name == module.__name__:
                app.register_blueprint(value)
    for rule in app.url_map.iter_rules():
        page_of(app, rule.endpoint)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(TooMany, _too_many)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _broken)


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return config


def refuse_other_schema(app: Portal) -> None:
    """Start only when the store has exactly the tables that this code was written for."""
    with app.extensions["engine"].connect() as connection:
        present = MigrationContext.configure(connection).get_current_heads()
    wanted = ScriptDirectory.from_config(alembic_config()).get_heads()
    if set(present) != set(wanted):
        app.extensions["engine"].dispose()
        raise StoreRefused("The store does not fit this version of the portal: run `python -m portal migrate` first.")


def _locale() -> str:
    languages = own_settings.current().languages
    asked = request.accept_languages.best_match(languages) if request else None
    return asked or languages[0]


def _time_zone() -> str:
    chosen = door.subject().time_zone if door.is_signed_in() else ""
    return chosen or own_settings.current().shop_timezone


def _words_of_every_page() -> dict[str, Any]:
    own = own_settings.current()
    signed_in = door.is_signed_in()
    reach = {"phone": own.shop_phone, "privacy_address": own.privacy_address, "postal_address": own.shop_postal_address}
    shop = {"name": own.shop_name, "logo": own.logo_url, **reach}
    words = {"shop": shop, "language": str(get_locale() or "en"), "signed_in": signed_in, "demo": own.demo}
    return {**words, "nav": _nav(), "banner": _banner()} if signed_in else words


def _banner() -> list[dict[str, str]]:
    """What a customer must not overlook on any page: the day when the account will be deleted."""
    asked = erasure.pending(door.subject().id)
    if asked is None:
        return []
    text = _("Your account will be deleted on %(day)s.", day=web.long_date(asked.due_at))
    return [{"kind": "warn", "text": text, "url": url_for("rights.delete_status"), "label": _("Keep my account")}]


def _nav() -> list[tuple[str, str, bool]]:
    here = _place()
    ways = {
        "dashboard.me": _("Overview"),
        "preferences.notifications": _("E-mail Notifications"),
        "addresses.index": _("Addresses"),
        "payments.index": _("Payment"),
        "rights.data": _("Your data"),
        "accounts.security": _("Security"),
        "activity.index": _("Activity"),
    }
    return [(title, url_for(endpoint), url_for(endpoint) == here) for endpoint, title in ways.items()]


def _place() -> str:
    """The way that a page lies on; a proof that it is you lies on the way to what it is asked for."""
    path = request.args.get("next", "") if request.path == PROOF else request.path
    area = "/".join(path.partition("?")[0].split("/")[:3])
    return BESIDE.get(area, area)


def _page(status: int, sentence: str = "", *, reference: str = "", again_at: datetime | None = None) -> Response:
    """An error in a sentence. It needs no store, so it stands without the signed-in frame."""
    g.pop("signed_in", None)
    page = render_template("errors/error.html", status=status, sentence=sentence, reference=reference, again_at=again_at)
    return make_response(page, status)


def _refused(error: Refused) -> Response:
    return _page(error.status, error.sentence)


def _too_many(error: TooMany) -> Response:
    response = _page(429, _("That was tried too often."), again_at=error.until)
    response.headers["Retry-After"] = str(error.seconds)
    return response


def _stale_form(_error: CSRFError) -> Response:
    why = _("This page was open for too long, or your browser does not keep cookies.")
    return _page(400, f"{why} {_('Go back, load the page again, and send the form once more.')}")


def _http_error(error: HTTPException) -> Response:
    if error.code is None or error.code < 400 or isinstance(error, SecurityError):  # for a foreign host no page of ours can be built
        return make_response(error.get_response())
    response = _page(error.code)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.allow.update(error.valid_methods)
    return response


def _broken(error: Exception) -> Response:
    reference = uuid.uuid4().hex[:8]
    is_busy = isinstance(error, door.Busy | WrongMove) or db.is_contention(error)
    log.error("request_failed", endpoint=request.endpoint, error=type(error).__name__, reference=reference, where=whereabouts(error))
    return _page(503 if is_busy else 500, reference=reference)
