"""One declaration a page: who may come, whether support may come for them, and how recently they must have proved themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from flask import Flask, request, session

from portal.core import digests, rate_limits

View = TypeVar("View", bound=Callable[..., Any])


class Door(StrEnum):
    """Who may open a page."""

    VISITOR = "visitor"
    """Anyone; no cookie is read or set."""
    MAIL = "mail"
    """Whoever holds a signed unsubscribe link; mail programs post here from anywhere."""
    LINK = "link"
    """Whoever holds a one-time link; no cookie is read."""
    OPEN = "open"
    """Anyone, with a session cookie: the steps before being signed in."""
    ARRIVING = "arriving"
    """Signed in, the policy perhaps not accepted yet."""
    CUSTOMER = "customer"
    """Signed in with an account."""


VISITOR, MAIL, LINK, OPEN, ARRIVING, CUSTOMER = Door


class StaffMay(StrEnum):
    """What support may do on the page while acting for a customer."""

    CLOSED = "closed"
    VIEW = "view"
    CHANGE = "change"


CLOSED, VIEW, CHANGE = StaffMay


@dataclass(frozen=True)
class Limit:
    """At most so many tries; `by` names whose tries are counted together, or says None for a request that is not counted."""

    rule: str
    by: Callable[[], str | None]

    def count(self) -> None:
        """Count one try, in a transaction of its own. Raises TooMany past the limit."""
        who = self.by()
        if who is not None:
            rate_limits.hit(self.rule, request.endpoint or "", who)


@dataclass(frozen=True)
class Page:
    """What a route declares about itself."""

    door: Door
    staff: StaffMay
    fresh: int | None
    limits: tuple[Limit, ...]
    beforehand: Callable[[], Any] | None

    @property
    def reads_cookie(self) -> bool:
        return self.door in {OPEN, ARRIVING, CUSTOMER}

    @property
    def is_signed_in(self) -> bool:
        return self.door in {ARRIVING, CUSTOMER}


def page(
    door: Door,
    *,
    staff: StaffMay = CLOSED,
    fresh: int | None = None,
    limits: tuple[Limit, ...] = (),
    beforehand: Callable[[], Any] | None = None,
) -> Callable[[View], View]:
    """Declare a page. `fresh` is in minutes: 15 for changes, 5 for dangerous acts, which also ask for a mailed code.

    Limits count unsafe requests only and are asked before any transaction begins. `beforehand` is slow work of an unsafe request, such as
    hashing a password, for which no other writer should wait; what it returns stands in `g.beforehand`.
    """

    def declare(view: View) -> View:
        view.__page__ = Page(door, staff, fresh, limits, beforehand)  # type: ignore[attr-defined]
        return view

    return declare


def page_of(app: Flask, endpoint: str) -> Page:
    """The declaration of a route. Raises LookupError for a route without one, and the start with it."""
    said: Page | None = getattr(app.view_functions[endpoint], "__page__", None)
    if said is None:
        raise LookupError(f"the route {endpoint} does not declare who may open it: give it @page")
    return said


def by_everyone() -> str:
    return "everyone"


def by_network() -> str:
    return f"network|{rate_limits.network_prefix()}"


def by_address() -> str:
    """The address that the form names."""
    return f"address|{digests.normal_email(request.form.get('email', ''))}"


def by_address_and_network() -> str:
    return f"{by_address()}|{by_network()}"


def by_session() -> str:
    """The session of a signed-in customer, whatever else the cookie holds."""
    return f"session|{session.get('_user_id', '')}|{by_network()}"


SIGN_IN = (
    Limit("10 per 5 minute", by_address_and_network),
    Limit("100 per 5 minute", by_network),
    Limit("1000 per 5 minute", by_everyone),
)
CHECK_MAIL = (
    Limit("1 per 1 minute", by_address_and_network),
    Limit("5 per 1 hour", by_address_and_network),
    Limit("20 per 1 hour", by_address),
    Limit("100 per 1 hour", by_network),
)
"""From one network an address gets a mail a minute and five an hour; others can then still get theirs, so nobody is locked out for long."""
PROOF = (Limit("100 per 5 minute", by_network),)
"""Each code has five tries of its own; this is against trying many at once."""
