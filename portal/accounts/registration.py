"""Registering: nothing about a person stands in the store before they proved that the address is theirs."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from flask_babel import gettext as _

from portal.access import notice, ticket
from portal.access.session import token_digest
from portal.access.ticket import Purpose, Ticket
from portal.accounts import account
from portal.contacts import choice, contact
from portal.contacts.contact import Contact
from portal.contacts.topics import BY_SLUG, Channel
from portal.core import acting, audit, clock, keyring, web
from portal.core.jobs import Priority
from portal.core.rules import Gone
from portal.customers import customer
from portal.customers.customer import Customer
from portal.letters import letter
from portal.policy import version


@dataclass(frozen=True)
class Application:
    """What somebody typed into the registration form. It waits sealed for a day, under a key of its own."""

    email: str
    name: str
    password_hash: str
    topics: list[str]
    policy: str


def begin(wanted: Application) -> str:
    """Mail a link to the address. Known and unknown addresses are answered alike; the owner of a known one is told.

    Returns a mark for this browser's cookie, by which it is known again when the link is opened; it does not open the link.
    """
    known = customer.find_by_email(wanted.email)
    token = ticket.issue_to_stranger(Purpose.VERIFY, {"application": asdict(wanted)})
    is_taken = known is not None and known.is_registered
    url = web.link("entrance.sign_in_page") if is_taken else web.link("entrance.verify", token=token)
    values = {**notice.circumstances(), "url": url, "hours": ticket.hours(Purpose.VERIFY)}
    letter.post_to_stranger("register_taken" if is_taken else "verify_email", wanted.email, values, priority=Priority.URGENT)
    return token_digest(token).hex()


def is_marked(waiting: Ticket, mark: str | None) -> bool:
    """Is this the browser that registered?"""
    return waiting.token.hex() == mark


def complete(waiting: Ticket) -> Customer:
    """The address is proven: the account begins, and the topics that were ticked count from now."""
    wanted = Application(**waiting.payload["application"])
    person = customer.find_by_email(wanted.email)
    if not ticket.use(waiting) or (person is not None and person.is_registered):
        raise Gone(_("This link was used before. Your account is ready: sign in."))
    keyring.destroy(waiting.person_id, keyring.TRANSIENT)
    person = person or _new_person(wanted)
    acting.enter(acting.actor(), person.id, wanted.policy)
    person.name = person.name or wanted.name
    join(person, wanted.policy)
    keep = account.set_password if account.of(person.id) else account.give_password
    keep(person, wanted.password_hash)
    address = contact.find(wanted.email)
    if address is not None:
        _prove(address, wanted.topics)
    return person


def _new_person(wanted: Application) -> Customer:
    known = contact.find(wanted.email)
    if known is not None:
        return customer.add(known.person_id, wanted.name)
    person_id = keyring.mint()
    contact.add(person_id, wanted.email)
    return customer.add(person_id, wanted.name)


def _prove(address: Contact, topics: list[str]) -> None:
    address.verified_at = clock.now()
    for slug in topics:
        if slug in BY_SLUG:
            choice.say_yes(address.digest, slug, Channel.EMAIL, via="registration")


def join(person: Customer, policy: str) -> None:
    """A customer becomes the holder of an account by accepting the policy, in the version that was shown."""
    person.registered_at = person.last_active_at = clock.now()
    audit.record("account_opened", person.id)
    text = version.by_number(policy) or version.in_force()
    if text is not None:
        version.accept(person.id, text)
    address = contact.email_of(person.id)
    if address is not None:
        letter.post("welcome", address, {"url": web.link("dashboard.me")})
