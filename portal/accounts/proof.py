"""It is you: before a change or a dangerous act, the password is asked again, and for the dangerous ones a mailed code too."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from portal.access import door, notice, ticket
from portal.access.session import STRONG_MINUTES
from portal.access.ticket import CODE_LIFE, CODE_MINUTES, Purpose, Ticket
from portal.accounts import account
from portal.accounts.account import Fit
from portal.contacts import contact
from portal.core import audit, clock, db
from portal.core.jobs import Priority
from portal.core.rate_limits import TooMany
from portal.customers.customer import Customer
from portal.letters import letter

MOST_CODES, SPAN = 5, timedelta(hours=1)


class Step(StrEnum):
    """What is asked next."""

    PASSWORD = "password"  # noqa: S105 - the name of a step
    SEND_CODE = "send_code"
    CODE = "code"


def next_step(person: Customer, handle: str | None) -> Step:
    """The password counts as long as the code that follows it lives. Without a password one fresh mailed code proves everything."""
    if account.of(person.id) is not None and not door.own_session().is_fresh(CODE_MINUTES):
        return Step.PASSWORD
    return Step.CODE if pending(person, handle) else Step.SEND_CODE


def is_enough(level: int) -> bool:
    """Does a right password alone prove enough for an act of this level, in minutes?"""
    return level > STRONG_MINUTES


def pending(person: Customer, handle: str | None) -> Ticket | None:
    """The code that this browser waits for."""
    waiting = ticket.find(Purpose.PROVE, handle)
    return waiting if waiting is not None and waiting.is_open and waiting.person_id == person.id else None


def send_code(person: Customer) -> str:
    """Mail a code; the handle of its ticket goes into the cookie. Raises TooMany after five codes within an hour."""
    sent = ticket.mailed_since(person.id, Purpose.PROVE, clock.now() - SPAN)
    if len(sent) >= MOST_CODES:
        raise TooMany(sent[-MOST_CODES] + SPAN)
    handle = ticket.issue(Purpose.PROVE, person.id)
    waiting, to = ticket.find(Purpose.PROVE, handle), contact.email_of(person.id)
    if waiting is not None and to is not None:
        values = {
            **notice.circumstances(),
            "not_me_url": notice.not_me_url(person.id),
            "code": ticket.new_code(waiting),
            "minutes": CODE_MINUTES,
        }
        letter.post("confirm_code", to, values, priority=Priority.URGENT, expires_at=clock.now() + CODE_LIFE)
    return handle


def fitting(password: str) -> Fit | None:
    """Is this the password of whoever is signed in on this browser? Asked before the door opens, for hashing takes a while."""
    with db.reading():
        person = door.expected()
        own = account.of(person.id) if person else None
        known = own.password_hash if own else None
    return account.fit(known, password) if known else None


def by_password(person: Customer, fit: Fit | None) -> bool:
    """Prove by password, after `fitting`. A wrong one is only noted."""
    if not account.still_fits(person, fit):
        audit.record("proof_failed", person.id)
        return False
    door.proven_anew(strong=False)
    return True


def by_code(waiting: Ticket, code: str) -> bool:
    """Prove by a mailed code."""
    if not ticket.try_code(waiting, code) or not ticket.use(waiting):
        return False
    door.proven_anew(strong=True)
    return True
