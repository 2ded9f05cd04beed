"""Changing the e-mail address: confirmed at the new one, told at the old one, and undone from there for 72 hours."""

from __future__ import annotations

from datetime import datetime

from flask_babel import gettext as _

from portal.access import notice, session, ticket
from portal.access.ticket import Purpose, Ticket
from portal.accounts import account
from portal.contacts import choice, contact
from portal.contacts.contact import Contact
from portal.core import audit, clock, db, digests, web
from portal.core.jobs import Priority
from portal.core.rules import Gone, Refused
from portal.customers import customer
from portal.customers.customer import Customer
from portal.letters import letter


def ask(person: Customer, address: str) -> None:
    """Mail a link to the new address. Whether it is taken shows nowhere; the owner of a taken one is told."""
    ticket.void(Purpose.CHANGE_EMAIL, person.id)
    token = ticket.issue(Purpose.CHANGE_EMAIL, person.id, {"address": address})
    is_taken = customer.find_by_email(address) is not None
    url = web.link("entrance.sign_in_page") if is_taken else web.link("entrance.verify", token=token)
    values = {**notice.circumstances(), "url": url, "hours": ticket.hours(Purpose.CHANGE_EMAIL)}
    letter.post_to_stranger("register_taken" if is_taken else "verify_email", address, values, priority=Priority.URGENT)
    audit.record("email_change_asked", person.id)


def confirm(waiting: Ticket) -> None:
    """The new address is proven: it takes the place of the old one, and the person's answers follow."""
    person, own = _owner(waiting)
    old, new = own.address, waiting.payload["address"]
    if not ticket.use(waiting) or customer.find_by_email(new) is not None:
        raise Gone(_("This link was used before, or the address belongs to another account."))
    _swap(person, own, new)
    _tell_old(person, old, new)
    notice.tell(person.id, "email_changed_new", {"old": contact.masked(old)}, priority=Priority.URGENT)
    audit.record("email_changed", person.id, details={"old": old, "new": new})


def _tell_old(person: Customer, old: str, new: str) -> None:
    """The old address gets one link, and it undoes everything: locking alone would leave the account with the new address."""
    url = web.link("entrance.undo_email", token=ticket.issue(Purpose.UNDO_EMAIL, person.id, {"address": old}))
    values = {**notice.circumstances(), "undo_url": url, "new": contact.masked(new), "hours": ticket.hours(Purpose.UNDO_EMAIL)}
    letter.post_to_address("email_changed_old", person.id, old, values, priority=Priority.URGENT)


def undo(waiting: Ticket) -> None:
    """The owner of the old address takes the change back, whatever was changed after it. Every session ends."""
    person, own = _owner(waiting)
    changed, old = own.address, waiting.payload["address"]
    if not ticket.use(waiting):
        raise Gone(_("This link was used before, or its time is over."))
    if customer.find_by_email(old) is not None:
        raise Refused(_("This address belongs to an account again. Please call us, and we will sort it out with you."))
    _swap(person, own, old)
    session.end_all(person.id)
    ticket.void(Purpose.CHANGE_EMAIL, person.id)
    ticket.void(Purpose.RESET, person.id)
    ticket.void(Purpose.UNDO_EMAIL, person.id, after=waiting)
    notice.tell(person.id, "email_changed_new", {"old": contact.masked(changed)}, priority=Priority.URGENT)
    audit.record("email_change_undone", person.id, details={"old": changed, "new": old})
    if _has_new_password(person, waiting.created_at):
        account.freeze(person)


def _has_new_password(person: Customer, since: datetime) -> bool:
    """Was a password set after the change? Then it may be a stranger's, and must open nothing until the owner sets another."""
    own = account.of(person.id)
    return own is not None and max(filter(None, (own.set_at, own.changed_at))) > since


def _owner(waiting: Ticket) -> tuple[Customer, Contact]:
    person, own = customer.get(waiting.person_id), contact.email_of(waiting.person_id)
    if person is None or own is None:
        raise Gone(_("This account is no longer there."))
    return person, own


def _swap(person: Customer, own: Contact, address: str) -> None:
    """Put the address in place. If we knew it without a customer, as from a wish to get no mail, it was this person's all along."""
    known, new = contact.find(address), digests.email_digest(address)
    if known is not None:
        db.session().delete(known)
        db.session().flush()
    choice.copy_answers(own.digest, new)
    own.digest, own.address, own.verified_at = new, address, clock.now()
    person.email_changed_at = clock.now()
    db.session().flush()
