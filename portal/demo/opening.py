"""The first start of the demo: the invented shop's files come in, its people get accounts, and one newsletter goes out."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select

from portal import settings
from portal.accounts import account, registration
from portal.addresses import address
from portal.connections.report import Report
from portal.connections.shopify.customer_import import import_customers
from portal.connections.shopify.order_import import import_orders
from portal.connections.shopify.sayings import SYSTEM
from portal.contacts import contact
from portal.contacts.contact import Contact, Kind
from portal.contacts.may_send import may_send
from portal.core import acting, audit, clock, db, durable
from portal.core.acting import Actor, Scene
from portal.core.audit import Entry
from portal.customers import customer
from portal.customers.customer import Customer
from portal.demo import shop
from portal.demo.lives import LIVES, Life
from portal.demo.people import DEMO_PEOPLE, DemoPerson
from portal.letters import letter
from portal.payments import demo_processor, method
from portal.policy import version
from portal.preferences import notifications

OPENED = "demo_shop_opened"
NEWSLETTER = "newsletter"
NO_PASSWORD = "-"  # noqa: S105 - says that there is none


class SignIn(NamedTuple):
    """One of the people to be in the demo. Where no password is known that works, it is `-`, and a mailed code opens the door."""

    role: str
    email: str
    password: str


def is_open() -> bool:
    """Was the shop made before, to its end?"""
    with db.reading() as session:
        return session.scalar(select(Entry.id).where(Entry.act == OPENED).limit(1)) is not None


def open_shop() -> None:
    """Make the shop. If it is stopped half-way, the next start goes on."""
    words = passwords()
    hashes = {email: account.hashed(password) for email, password in words.items()}
    with db.transaction():
        text = version.publish(resources.files("portal.demo").joinpath("policy.txt").read_text())
    _import(folder(), text.number)
    with db.transaction():
        _send_newsletter()
        for person in DEMO_PEOPLE:
            if person.has_account:
                _settle_in(person, hashes[person.email], text.number)
        audit.record(OPENED, None)


def sign_ins() -> list[SignIn]:
    """Everybody of the demo's people who is still there."""
    words = passwords()
    with db.reading():
        known = [(person, customer.find_by_email(person.email)) for person in DEMO_PEOPLE]
        return [SignIn(person.role, person.email, _password(found, words[person.email])) for person, found in known if found]


def _password(person: Customer, first: str) -> str:
    own = account.of(person.id)
    return first if own and own.changed_at is None else NO_PASSWORD


def passwords() -> dict[str, str]:
    """A password for each of the demo's people, made once for each folder and kept there (mode 0600)."""
    file = folder() / "people.json"
    if not file.exists():
        folder().mkdir(mode=0o700, exist_ok=True)
        made = {person.email: "-".join(secrets.token_hex(2) for _part in range(4)) for person in DEMO_PEOPLE}
        durable.write(file, json.dumps(made, indent=1).encode())
    words: dict[str, str] = json.loads(file.read_text())
    return words


def folder() -> Path:
    """Where the demo keeps what a real shop has no need of."""
    return settings.current().data_dir / "demo"


def _import(place: Path, policy: str) -> None:
    shop.write(place)
    with acting.acting(replace(acting.scene(), source=SYSTEM, channel="import", policy_version=policy)):
        import_customers(place / "customers.csv", Report(), _unwatched)
        import_orders(place / "orders.csv", Report(), _unwatched)


def _unwatched() -> None:
    """Nobody watches how far it is."""


def _settle_in(person: DemoPerson, password_hash: str, policy: str) -> None:
    """One of the people opens an account and uses it."""
    mine = customer.find_by_email(person.email)
    own = contact.find(person.email)
    if mine is None or own is None:
        raise LookupError(f"{person.role} did not come in with the shop's customers")
    with acting.acting(Scene(Actor(acting.Kind.CUSTOMER, str(mine.id)), mine.id, policy_version=policy)):
        own.verified_at = clock.now()
        registration.join(mine, policy)
        account.give_password(mine, password_hash)
        _live(mine, own, LIVES[person.role])


def _live(person: Customer, own: Contact, life: Life) -> None:
    notifications.change(own, life.turned_off, life.turned_on)
    address.enter(person.id, life.country, life.address)
    for number, card in enumerate(life.cards):
        _pay_with(person, card, number)


def _pay_with(person: Customer, card: str, number: int) -> None:
    """As if they had been at the processor's page and picked this card there."""
    processor = demo_processor.running()
    visit = processor.begin_setup(method.customer_token(person.id), settings.current().base_url, f"{person.id}|{number}")
    processor.pick(visit.reference, card)
    picked = processor.complete(visit.reference)
    if picked is not None:
        method.save(person.id, picked)


def _send_newsletter() -> None:
    """The one marketing letter of the demo, to everybody who said yes to it; to the demo's own people last, so that theirs lie on top."""
    for to in db.session().scalars(select(Contact).where(Contact.kind == Kind.EMAIL).order_by(Contact.id.desc())):
        if may_send(to, NEWSLETTER).allowed:
            letter.post(NEWSLETTER, to, topic=NEWSLETTER)
