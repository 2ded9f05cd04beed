"""Registering: nothing about a person stands in the store before they proved that the address is theirs."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from flask_babel import gettext as _

from portal.access import ticket
from portal.access.ticket import Purpose, Ticket
from portal.accounts import account
from portal.contacts import choice, contact
from portal.contacts.topics import BY_SLUG, Channel
from portal.core import audit, clock, keyring, web
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


def begin(wanted: Application) -> Ticket:
    """Mail a link to the address. Known and unknown addresses are answered alike; the owner of a known one is told."""
    known = customer.find_by_email(wanted.email)
    token = ticket.issue_to_stranger(Purpose.VERIFY, {"application": asdict(wanted)})
    taken = known is not None and known.is_registered
    template = "register_taken" if taken else "verify_email"
    url = web.link("entrance.sign_in_page") if taken else web.link("entrance.verify", token=token)
    letter.post_to_stranger(template, wanted.email, {"url": url}, priority=Priority.URGENT)
    found = ticket.find(Purpose.VERIFY, token)
    assert found is not None  # noqa: S101 - it was issued two lines above
    return found


def complete(waiting: Ticket) -> Customer:
    """The address is proven: the account begins, and the topics that were ticked count from now."""
    wanted = Application(**waiting.payload["application"])
    person = customer.find_by_email(wanted.email)
    if not ticket.use(waiting) or (person is not None and person.is_registered):
        raise Gone(_("This link was used before. Your account is ready: sign in."))
    person = person or _new_person(wanted)
    join(person, wanted.policy)
    if wanted.name and not person.name:
        person.name = wanted.name
    account.set_password(person, wanted.password_hash)
    address = contact.find(wanted.email)
    if address is not None:
        address.verified_at = clock.now()
        for slug in wanted.topics:
            if slug in BY_SLUG:
                choice.say_yes(address.digest, slug, Channel.EMAIL, via="registration")
    return person


def _new_person(wanted: Application) -> Customer:
    known = contact.find(wanted.email)
    if known is not None:
        return customer.add(known.person_id, wanted.name)
    person_id = keyring.mint()
    contact.add(person_id, wanted.email)
    return customer.add(person_id, wanted.name)


def join(person: Customer, policy: str) -> None:
    """A customer becomes the holder of an account by accepting the policy."""
    person.registered_at = person.last_active_at = clock.now()
    text = version.by_number(policy)
    if text is not None:
        version.accept(person.id, text)
    audit.record("account_opened", person.id)
    address = contact.email_of(person.id)
    if address is not None:
        letter.post("welcome", address, {"url": web.link("dashboard.me")})
