"""It is you: before a change or a dangerous act, the password is asked again, and for the dangerous ones a mailed code too."""

from __future__ import annotations

from enum import StrEnum

from portal.access import door, notice, ticket
from portal.access.session import STRONG_MINUTES
from portal.access.ticket import CODE_LIFE, Purpose, Ticket
from portal.accounts import account
from portal.contacts import contact
from portal.core import audit, clock
from portal.core.jobs import Priority
from portal.customers.customer import Customer
from portal.letters import letter


class Step(StrEnum):
    """What is asked next."""

    PASSWORD = "password"  # noqa: S105 - the name of a step
    SEND_CODE = "send_code"
    CODE = "code"


def next_step(person: Customer, level: int, handle: str | None) -> Step:
    """Without a password one fresh mailed code proves everything."""
    needs_password = account.of(person.id) is not None and not door.own_session().is_fresh(STRONG_MINUTES + 10)
    if needs_password:
        return Step.PASSWORD
    waiting = pending(person, handle)
    return Step.CODE if waiting else Step.SEND_CODE


def is_enough(person: Customer, level: int) -> bool:
    """Does a right password alone prove enough for this level?"""
    return level > STRONG_MINUTES and account.of(person.id) is not None


def pending(person: Customer, handle: str | None) -> Ticket | None:
    waiting = ticket.find(Purpose.PROVE, handle)
    return waiting if waiting is not None and waiting.is_open and waiting.person_id == person.id else None


def send_code(person: Customer) -> str:
    """Mail a code; the handle of its ticket goes into the cookie."""
    handle = ticket.issue(Purpose.PROVE, person.id)
    waiting = ticket.find(Purpose.PROVE, handle)
    to = contact.email_of(person.id)
    if waiting is not None and to is not None:
        values = {**notice.circumstances(), "code": ticket.new_code(waiting), "minutes": CODE_LIFE.seconds // 60}
        letter.post("confirm_code", to, values, priority=Priority.URGENT, expires_at=clock.now() + CODE_LIFE)
    return handle


def by_password(person: Customer, password: str) -> bool:
    """Prove by password. A wrong one is only counted."""
    own = account.of(person.id)
    if own is None or not account.is_right(own.password_hash, password):
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
