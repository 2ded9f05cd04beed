"""Signing in: an address first, then one proof, the password or a mailed code. Strangers are answered like customers."""

from __future__ import annotations

import structlog
from flask_babel import gettext as _

from portal.access import door, notice, session, ticket
from portal.access.ticket import CODE_LIFE, CODE_MINUTES, LIFE, Purpose, Ticket
from portal.accounts import account
from portal.accounts.account import Fit
from portal.contacts import contact
from portal.contacts.contact import Contact
from portal.core import audit, clock, db, web
from portal.core.jobs import Priority
from portal.core.rules import Gone
from portal.customers import customer
from portal.customers.customer import Customer
from portal.letters import letter

log = structlog.get_logger()


def begin(address: str, target: str) -> str:
    """Note who wants to sign in, and where to; the handle goes into the visitor's cookie."""
    return ticket.issue_to_stranger(Purpose.SIGN_IN, {"email": address, "next": target})


def pending(handle: str | None) -> Ticket | None:
    """The sign-in that this browser began, while it is open."""
    waiting = ticket.find(Purpose.SIGN_IN, handle)
    return waiting if waiting is not None and waiting.is_open else None


def fitting(address: str, password: str) -> Fit | None:
    """Is this the password of that address? It takes the same time for an address that we do not know.

    Call it before the first query of a transaction that writes: hashing takes a while, and reads in a short transaction of its own.
    """
    with db.reading():
        person = customer.find_by_email(address)
        own = account.of(person.id) if person else None
        known = own.password_hash if own else None
    return account.fit(known, password)


def by_password(address: str, fit: Fit | None) -> Customer | None:
    """Sign in after `fitting`."""
    person = customer.find_by_email(address)
    if person is None or not account.still_fits(person, fit):
        log.info("sign_in_refused", way="password")
        return None
    _enter(person, proved=True)
    return person


def send_code(waiting: Ticket) -> None:
    """Mail a code to the address, if it belongs to a customer; a stranger's letter is written too, and dropped."""
    known = _customers_contact(waiting.payload["email"])
    values = {**notice.circumstances(), "code": ticket.new_code(waiting), "minutes": CODE_MINUTES}
    if known is None:
        letter.post_to_stranger("sign_in_code", "", values, priority=Priority.URGENT)
        return
    values["not_me_url"] = notice.not_me_url(known.person_id)
    letter.post("sign_in_code", known, values, priority=Priority.URGENT, expires_at=clock.now() + CODE_LIFE)


def _customers_contact(address: str) -> Contact | None:
    return contact.find(address) if customer.find_by_email(address) else None


def by_code(waiting: Ticket, code: str) -> Customer | None:
    """Sign in with a mailed code. It proves the address; it is no second proof for dangerous acts."""
    person = customer.find_by_email(waiting.payload["email"])
    if not ticket.try_code(waiting, code) or person is None:
        log.info("sign_in_refused", way="code")
        return None
    if not ticket.use(waiting):
        raise Gone(_("This code was used before. Ask for a new one."))
    _is_proven(person)
    _enter(person, proved=account.of(person.id) is None)
    return person


def _is_proven(person: Customer) -> None:
    own = contact.email_of(person.id)
    if own is not None and own.verified_at is None:
        own.verified_at = clock.now()


def _enter(person: Customer, *, proved: bool) -> None:
    is_new = not session.is_known_device(person.id)
    door.welcome(person, proved=proved)
    audit.record("signed_in", person.id)
    log.info("signed_in", person=str(person.id))
    if is_new:
        notice.tell(person.id, "new_device", priority=Priority.URGENT)


def send_reset(address: str) -> None:
    """Mail a link to set a new password, if the address belongs to a customer. Older links end."""
    known = _customers_contact(address)
    values = {**notice.circumstances(), "minutes": ticket.minutes(Purpose.RESET)}
    if known is None:
        token = ticket.issue_to_stranger(Purpose.RESET, {})
        letter.post_to_stranger("reset_password", "", {**values, "url": web.link("entrance.reset", token=token)}, priority=Priority.URGENT)
        return
    ticket.void(Purpose.RESET, known.person_id)
    values["url"] = web.link("entrance.reset", token=ticket.issue(Purpose.RESET, known.person_id))
    letter.post("reset_password", known, values, priority=Priority.URGENT, expires_at=clock.now() + LIFE[Purpose.RESET])


def reset(waiting: Ticket, password_hash: str) -> None:
    """Set the password of a reset link. It also unlocks a locked account; it signs nobody in."""
    person = customer.get(waiting.person_id)
    if not ticket.use(waiting) or person is None:
        raise Gone(_("This link was used before, or its time is over. Ask for a new one."))
    _is_proven(person)
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
