"""The door of every page: one request is let in or not, runs in one transaction, and acts once however often it is sent."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Response, abort, g, has_request_context, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user  # noqa: TID251 - all others ask here
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import delete, update
from sqlalchemy.orm import Mapped, mapped_column

from portal.access import session as sessions
from portal.access.page import ARRIVING, LINK, MAIL, Page
from portal.access.session import Session
from portal.core import acting, clock, db
from portal.core.acting import Actor, Kind, Scene
from portal.core.db import Base, Key, Long, Moment, Short, new_key
from portal.core.holdings import NOT_PERSONAL
from portal.core.jobs import Job, job
from portal.core.rules import NotFound, Refused
from portal.customers.customer import Customer

SAFE = {"GET", "HEAD", "OPTIONS"}
POST_GRACE = timedelta(minutes=15)
TRIES = 3
UNTYPED = {"csrf_token"}
CARRY = "carry-"
FORM_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}")
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
    """What Flask-Login carries: one of our session rows, its customer, and the policy that applies."""

    def __init__(self, token: str, row: Session, customer: Customer, policy: str) -> None:
        self.token, self.row, self.customer, self.policy = token, row, customer, policy

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


def expected() -> Customer | None:
    """The customer who is about to be let in, for work that is done before the door opens."""
    found = sessions.find(session.get("_user_id", ""))
    return found[1] if found else None


def is_signed_in() -> bool:
    """Is the reader of this page signed in? Known only where the page reads the cookie."""
    return has_request_context() and bool(g.get("signed_in", False))


def welcome(customer: Customer, *, proved: bool) -> None:
    """Sign a customer in on this browser, with a new session and a new cookie."""
    if "_user_id" in session:
        sessions.close(session["_user_id"])
    token = sessions.start(customer.id, proved_at=clock.now() if proved else None)
    customer.last_active_at = clock.now()
    _forget_browser()
    _remember(token)


def proven_anew(*, strong: bool) -> None:
    """Note a fresh proof and change the session's token."""
    row = own_session()
    row.proved_at = clock.now()
    row.strong_at = clock.now() if strong else row.strong_at
    _remember(sessions.renew(row))


def _remember(token: str) -> None:
    found = sessions.find(token)
    if found is None:
        raise RuntimeError("a session that was just made is not there")
    login_user(SignedIn(token, *found))
    for name in ("_id", "_fresh"):
        session.pop(name, None)
    _enter()


def _enter() -> Customer:
    g.signed_in = True
    customer = subject()
    acting.enter(Actor(Kind.CUSTOMER, str(customer.id)), customer.id, current_user.policy)
    return customer


def farewell() -> None:
    """End this browser's session."""
    sessions.end(own_session())
    logout_user()
    _forget_browser()


def _forget_browser() -> None:
    """Empty the cookie, and what this request already made from it for its forms."""
    session.clear()
    g.pop("csrf_token", None)


def serve(page: Page, view: Callable[[], Any]) -> Response:
    """Let a request in, run its view in one transaction, and commit if it returns; run again if another transaction stood in the way."""
    if request.method not in SAFE:
        _refuse_foreign_posts(page)
        for limit in page.limits:
            limit.count()
        g.beforehand = page.beforehand() if page.beforehand else None
    cookie = dict(session) if page.reads_cookie else {}
    for attempt in range(TRIES):
        try:
            return _serve_once(page, view)
        except Exception as error:
            _take_back(cookie)
            if not db.is_contention(error):
                raise
            if attempt == TRIES - 1:
                raise Busy from error
    raise Busy


def _take_back(cookie: dict[str, Any]) -> None:
    """Nothing of a failed request was saved, so nothing of it may stay in the cookie either."""
    g.pop("_login_user", None)
    if cookie:
        _forget_browser()
        session.update(cookie)


def _serve_once(page: Page, view: Callable[[], Any]) -> Response:
    opened = db.reading if request.method in SAFE else db.transaction
    scene = Scene(Actor(Kind.LINK if page.door in {MAIL, LINK} else Kind.VISITOR))
    with acting.acting(scene), opened():
        response = _admit(page) or _once(page, view)
    if page.is_signed_in and request.method in SAFE:
        _touch()
    return response


def _refuse_foreign_posts(page: Page) -> None:
    """Other sites' pages may not post here; only mail programs may, to unsubscribe (RFC 8058). No form of ours has so many fields."""
    if page.door != MAIL:
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            abort(403)
        if len(list(request.form.items(multi=True))) > (request.max_form_parts or 0):  # Werkzeug counts the parts of multipart bodies only
            abort(413)
    if page.reads_cookie:
        csrf.protect()


def _admit(page: Page) -> Response | None:
    """None to let the request in, else the answer that asks for what is missing."""
    if not page.is_signed_in:
        return None
    if request.method not in SAFE:
        sessions.hold(session.get("_user_id", ""))
    if not current_user.is_authenticated:
        return _ask_to_sign_in()
    customer = _enter()
    if page.door == ARRIVING:
        return None
    if not customer.is_registered:
        return make_response(redirect(url_for("accounts.welcome", next=_here())))
    if customer.frozen_at and request.method not in SAFE:
        raise Refused(_("Your account is locked, so nothing can be changed. Set a new password with “Forgot password” to unlock it."))
    return _ask_for_proof(page)


def _ask_to_sign_in() -> Response:
    if request.method in SAFE:
        return make_response(redirect(url_for("entrance.sign_in_page", next=_here())))
    page = render_template("accounts/carry.html", carried=typed(), target=url_for("entrance.sign_in_page", next=_here()), why="ended")
    return make_response(page, 422)


def _here() -> str:
    """Where to go on after what stands in between; a form is sent there again."""
    return request.full_path.rstrip("?") if request.method in SAFE else request.path


def _ask_for_proof(page: Page) -> Response | None:
    grace = timedelta(0) if request.method in SAFE else POST_GRACE
    if page.fresh is None or own_session().is_fresh(page.fresh, grace):
        return None
    target = url_for("accounts.confirm", next=_here(), level=page.fresh)
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
    if not FORM_KEY.fullmatch(key):
        abort(400)
    row = db.insert(FormKey).values(id=(row_id := new_key()), session_id=own_session().id, key=key, location="", made_at=clock.now())
    if db.session().execute(row.on_conflict_do_nothing().returning(FormKey.id)).first() is None:
        return _first_answer(key)
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
