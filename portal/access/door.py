"""The door of every page: one request is let in or not, runs in one transaction, and acts once however often it is sent."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Response, abort, g, has_request_context, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import delete, update
from sqlalchemy.orm import Mapped, mapped_column

from portal.access import session as sessions
from portal.access.page import ARRIVING, LINK, MAIL, Page
from portal.access.session import Session
from portal.core import acting, clock, db, rate_limits
from portal.core.acting import Actor, Kind, Scene
from portal.core.db import Base, Key, Long, Moment, Short, new_key
from portal.core.holdings import NOT_PERSONAL
from portal.core.jobs import Job, job
from portal.core.rules import NotFound, Refused
from portal.customers.customer import Customer

SAFE = {"GET", "HEAD", "OPTIONS"}
POST_GRACE = timedelta(minutes=15)
TRIES = 3
UNTYPED = {"csrf_token", "form_key"}
CARRY = "carry-"
csrf = CSRFProtect()
logins = LoginManager()
logins.session_protection = None


class FormKey(Base):
    """A form that was sent: the second click gets the answer of the first."""

    __tablename__ = "form_key"
    __holding__ = NOT_PERSONAL

    id: Mapped[Key] = mapped_column(primary_key=True, default=new_key)
    session_id: Mapped[Key]
    key: Mapped[Short] = mapped_column(unique=True)
    location: Mapped[Long] = mapped_column(default="")
    made_at: Mapped[Moment] = mapped_column(default=clock.now)


class Busy(Exception):
    """The store did not get to it; nothing was saved."""


class SignedIn(UserMixin):  # type: ignore[misc]
    """What Flask-Login carries: one of our session rows and its customer."""

    def __init__(self, token: str, row: Session, customer: Customer) -> None:
        self.token, self.row, self.customer = token, row, customer

    def get_id(self) -> str:
        return self.token


@logins.user_loader  # type: ignore[untyped-decorator]
def _load(token: str) -> SignedIn | None:
    found = sessions.find(token)
    return SignedIn(token, *found) if found else None


def subject() -> Customer:
    """The customer whose pages these are."""
    customer: Customer = current_user.customer
    return customer


def own_session() -> Session:
    row: Session = current_user.row
    return row


def is_signed_in() -> bool:
    """Is the reader of this page signed in? Known only where the page reads the cookie."""
    return has_request_context() and bool(g.get("signed_in", False))


def welcome(customer: Customer, *, proved: bool) -> None:
    """Sign a customer in on this browser, with a new session and a new cookie."""
    token = sessions.start(customer.id, proved_at=clock.now() if proved else None)
    customer.last_active_at = clock.now()
    session.clear()
    _remember(token, customer)


def proven_anew(*, strong: bool) -> None:
    """Note a fresh proof and change the session's token."""
    row = own_session()
    row.proved_at = clock.now()
    row.strong_at = clock.now() if strong else row.strong_at
    _remember(sessions.renew(row), subject())


def _remember(token: str, customer: Customer) -> None:
    found = sessions.find(token)
    if found is None:
        raise RuntimeError("a session that was just made is not there")
    login_user(SignedIn(token, found[0], customer))
    for name in ("_id", "_fresh"):
        session.pop(name, None)
    acting.enter(Actor(Kind.CUSTOMER, str(customer.id)), customer.id)


def farewell() -> None:
    """End this browser's session."""
    sessions.end(own_session())
    logout_user()
    session.clear()


def serve(page: Page, view: Callable[[], Any]) -> Response:
    """Let a request in, run its view in one transaction, and commit if it returns; run again if another transaction stood in the way."""
    if request.method not in SAFE:
        _refuse_foreign_posts(page)
        for limit in page.limits:
            rate_limits.hit(limit.rule, request.endpoint or "", limit.by())
    for attempt in range(TRIES):
        try:
            return _serve_once(page, view)
        except Exception as error:
            if not db.is_contention(error):
                raise
            if attempt == TRIES - 1:
                raise Busy from error
            g.pop("_login_user", None)
    raise Busy


def _serve_once(page: Page, view: Callable[[], Any]) -> Response:
    opened = db.reading if request.method in SAFE else db.transaction
    scene = Scene(Actor(Kind.LINK if page.door in {MAIL, LINK} else Kind.VISITOR))
    with acting.acting(scene), opened():
        response = _admit(page) or _once(page, view)
    if page.is_signed_in and request.method in SAFE:
        _touch()
    return response


def _refuse_foreign_posts(page: Page) -> None:
    """Other sites' pages may not post here; only mail programs may, to unsubscribe (RFC 8058)."""
    if page.door != MAIL and request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        abort(403)
    if page.reads_cookie:
        csrf.protect()


def _admit(page: Page) -> Response | None:
    """None to let the request in, else the answer that asks for what is missing."""
    if not page.is_signed_in:
        return None
    if not current_user.is_authenticated:
        return _ask_to_sign_in()
    g.signed_in = True
    customer = subject()
    acting.enter(Actor(Kind.CUSTOMER, str(customer.id)), customer.id)
    if page.door == ARRIVING:
        return None
    if not customer.is_registered:
        return make_response(redirect(url_for("accounts.welcome")))
    if customer.frozen_at and request.method not in SAFE:
        raise Refused(_("Your account is locked, so nothing can be changed. Set a new password with “Forgot password” to unlock it."))
    return _ask_for_proof(page)


def _ask_to_sign_in() -> Response:
    if request.method in SAFE:
        return make_response(redirect(url_for("entrance.sign_in_page", next=request.full_path.rstrip("?"))))
    page = render_template("accounts/carry.html", carried=typed(), target=url_for("entrance.sign_in_page", next=request.path), why="ended")
    return make_response(page, 422)


def _ask_for_proof(page: Page) -> Response | None:
    grace = timedelta(0) if request.method in SAFE else POST_GRACE
    if page.fresh is None or own_session().is_fresh(page.fresh, grace):
        return None
    target = url_for("accounts.confirm", next=request.full_path.rstrip("?") if request.method in SAFE else request.path, level=page.fresh)
    if request.method in SAFE:
        return make_response(redirect(target))
    return make_response(render_template("accounts/carry.html", carried=typed(), target=target, why="proof"), 422)


def typed() -> list[tuple[str, str]]:
    """What a person typed into a form that could not be taken yet, passwords excepted; pages carry it along, nothing is stored."""
    return [(name, value) for name, value in request.form.items(multi=True) if name not in UNTYPED and "password" not in name]


def typed_before() -> list[tuple[str, str]]:
    """What the steps in between carry along for the form that waits behind them."""
    return [(name.removeprefix(CARRY), value) for name, value in request.form.items(multi=True) if name.startswith(CARRY)]


def _once(page: Page, view: Callable[[], Any]) -> Response:
    key = request.form.get("form_key") if page.is_signed_in and request.method not in SAFE else None
    if not key:
        return make_response(view())
    row = db.insert(FormKey).values(id=(row_id := new_key()), session_id=own_session().id, key=key[:100], location="", made_at=clock.now())
    if db.session().execute(row.on_conflict_do_nothing().returning(FormKey.id)).first() is None:
        return _first_answer(key[:100])
    response = make_response(view())
    if response.location:
        db.session().execute(update(FormKey).where(FormKey.id == row_id).values(location=response.location))
    else:
        db.session().execute(delete(FormKey).where(FormKey.id == row_id))
    return response


def _first_answer(key: str) -> Response:
    known = db.session().query(FormKey).filter_by(key=key, session_id=own_session().id).first()
    if known is None:
        abort(409)
    return make_response(redirect(known.location))


def form_key() -> str:
    """A key for one form; sending it twice acts once."""
    return secrets.token_urlsafe(12)


def _touch() -> None:
    if current_user.is_authenticated and own_session().seen_at < clock.now() - sessions.TOUCH_EVERY:
        with db.transaction():
            sessions.touch(current_user.token)


def found(row: Any) -> Any:
    """The row, or the same 404 whether it is missing or somebody else's."""
    if row is None:
        raise NotFound(_("There is nothing here."))
    return row


def key_of(text: str) -> uuid.UUID:
    """An id from a URL; whatever is no id reads like a missing one."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound(_("There is nothing here.")) from None


@job("sweep_form_keys", every=timedelta(hours=1))
def sweep(_job: Job) -> None:
    """Forget sent forms after a day."""
    db.session().execute(delete(FormKey).where(FormKey.made_at < clock.now() - timedelta(days=1)))
