"""Signing in: an address first, then one proof, the password or a mailed code. Strangers are answered like customers."""

from __future__ import annotations

from flask_babel import gettext as _

from portal.access import door, notice, session, ticket
from portal.access.ticket import CODE_LIFE, Purpose, Ticket
from portal.accounts import account
from portal.contacts import contact
from portal.core import audit, clock, db, web
from portal.core.jobs import Priority
from portal.core.rules import Gone
from portal.customers import customer
from portal.customers.customer import Customer
from portal.letters import letter


def begin(address: str, target: str) -> str:
    """Note who wants to sign in; the handle goes into the visitor's cookie."""
    return ticket.issue_to_stranger(Purpose.SIGN_IN, {"email": address, "next": target})


def pending(handle: str | None) -> Ticket | None:
    """The sign-in that this browser began, while it is open."""
    waiting = ticket.find(Purpose.SIGN_IN, handle)
    return waiting if waiting is not None and waiting.is_open else None


def has_password(address: str, password: str) -> bool:
    """Is this the password of that address? It takes the same time for an address that we do not know."""
    with db.reading():
        person = customer.find_by_email(address)
        own = account.of(person.id) if person else None
        known_hash = own.password_hash if own else None
    return account.is_right(known_hash, password)


def by_password(address: str) -> Customer | None:
    """Sign in after `has_password`."""
    person = customer.find_by_email(address)
    if person is None:
        return None
    _enter(person, proved=True)
    return person


def send_code(waiting: Ticket) -> None:
    """Mail a code to the address, if it belongs to somebody; a stranger's letter is written too, and dropped."""
    code = ticket.new_code(waiting)
    address = waiting.payload["email"]
    known = contact.find(address) if customer.find_by_email(address) else None
    values = {**notice.circumstances(), "code": code, "minutes": CODE_LIFE.seconds // 60}
    if known is None:
        letter.post_to_stranger("sign_in_code", "", values, priority=Priority.URGENT)
        return
    letter.post("sign_in_code", known, values, priority=Priority.URGENT, expires_at=clock.now() + CODE_LIFE)


def by_code(waiting: Ticket, code: str) -> Customer | None:
    """Sign in with a mailed code. It proves the address; it is no second proof for dangerous acts."""
    person = customer.find_by_email(waiting.payload["email"])
    if not ticket.try_code(waiting, code) or person is None:
        return None
    if not ticket.use(waiting):
        raise Gone(_("This code was used before. Ask for a new one."))
    address = contact.find(waiting.payload["email"])
    if address is not None and address.verified_at is None:
        address.verified_at = clock.now()
    _enter(person, proved=account.of(person.id) is None)
    return person


def _enter(person: Customer, *, proved: bool) -> None:
    is_new = not session.is_known_device(person.id)
    door.welcome(person, proved=proved)
    audit.record("signed_in", person.id)
    if is_new:
        notice.tell(person.id, "new_device", priority=Priority.URGENT)


def send_reset(address: str) -> None:
    """Mail a link to set a new password, if the address belongs to somebody."""
    person = customer.find_by_email(address)
    known = contact.find(address) if person else None
    if person is None or known is None:
        token = ticket.issue_to_stranger(Purpose.RESET, {})
        letter.post_to_stranger("reset_password", "", {"url": web.link("entrance.reset", token=token)}, priority=Priority.URGENT)
        return
    ticket.void(Purpose.RESET, person.id)
    token = ticket.issue(Purpose.RESET, person.id)
    life = clock.now() + ticket.LIFE[Purpose.RESET]
    letter.post("reset_password", known, {"url": web.link("entrance.reset", token=token)}, priority=Priority.URGENT, expires_at=life)


def reset(waiting: Ticket, password_hash: str) -> None:
    """Set the password of a reset link. It also unlocks a locked account."""
    person = customer.get(waiting.person_id)
    if not ticket.use(waiting) or person is None:
        raise Gone(_("This link was used before, or its time is over. Ask for a new one."))
    account.set_password(person, password_hash)
    if person.frozen_at:
        account.unfreeze(person)


def lock(waiting: Ticket) -> None:
    """“This wasn't me”: lock the account."""
    person = customer.get(waiting.person_id)
    if person is None:
        raise Gone(_("This account is no longer there."))
    if not ticket.use(waiting):
        raise Gone(_("This link was used before, or its time is over."))
    account.freeze(person)
