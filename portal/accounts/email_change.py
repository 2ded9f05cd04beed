"""Changing the e-mail address: confirmed at the new one, told at the old one, and undone from there for 72 hours."""

from __future__ import annotations

from flask_babel import gettext as _

from portal.access import notice, session, ticket
from portal.access.ticket import Purpose, Ticket
from portal.contacts import choice, contact
from portal.contacts.contact import Contact
from portal.core import audit, clock, db, keyring, web
from portal.core.jobs import Priority
from portal.core.rules import Gone, Refused
from portal.customers import customer
from portal.customers.customer import Customer
from portal.letters import letter


def ask(person: Customer, address: str) -> None:
    """Mail a link to the new address. Whether it is taken shows nowhere; the owner of a taken one is told."""
    ticket.void(Purpose.CHANGE_EMAIL, person.id)
    token = ticket.issue(Purpose.CHANGE_EMAIL, person.id, {"address": address})
    taken = contact.find(address) is not None
    template = "register_taken" if taken else "verify_email"
    url = web.link("entrance.sign_in_page") if taken else web.link("entrance.verify", token=token)
    letter.post_to_stranger(template, address, {"url": url}, priority=Priority.URGENT)
    audit.record("email_change_asked", person.id)


def confirm(waiting: Ticket) -> None:
    """The new address is proven: it takes the place of the old one, and the person's answers follow."""
    person, own = _owner(waiting)
    new = waiting.payload["address"]
    if not ticket.use(waiting) or contact.find(new) is not None:
        raise Gone(_("This link was used before, or the address belongs to another account."))
    old = own.address
    _swap(own, new)
    person.email_changed_at = clock.now()
    undo = ticket.issue(Purpose.UNDO_EMAIL, person.id, {"address": old, "instead_of": new})
    values = {**notice.circumstances(), "undo_url": web.link("entrance.undo_email", token=undo), "new": contact.masked(new)}
    letter.post_to_address("email_changed_old", person.id, old, {**values, "not_me_url": notice.not_me_url(person.id)}, priority=Priority.URGENT)
    letter.post("email_changed_new", own, {**notice.circumstances(), "old": contact.masked(old)})
    audit.record("email_changed", person.id, details={"old": old, "new": new})


def undo(waiting: Ticket) -> None:
    """The owner of the old address takes the change back; every session ends."""
    person, own = _owner(waiting)
    old, new = waiting.payload["address"], waiting.payload["instead_of"]
    if not ticket.use(waiting):
        raise Gone(_("This link was used before, or its time is over."))
    if contact.find(old) is not None or own.digest != keyring.email_digest(new):
        raise Refused(_("The address was changed again since. Please call us, and we will sort it out with you."))
    _swap(own, old)
    person.email_changed_at = clock.now()
    session.end_all(person.id)
    audit.record("email_change_undone", person.id, details={"old": new, "new": old})
    letter.post("email_changed_new", own, {**notice.circumstances(), "old": contact.masked(new)})


def _owner(waiting: Ticket) -> tuple[Customer, Contact]:
    person, own = customer.get(waiting.person_id), contact.email_of(waiting.person_id)
    if person is None or own is None:
        raise Gone(_("This account is no longer there."))
    return person, own


def _swap(own: Contact, address: str) -> None:
    new = keyring.email_digest(address)
    choice.copy_answers(own.digest, new)
    own.digest, own.address, own.verified_at = new, address, clock.now()
    db.session().flush()
