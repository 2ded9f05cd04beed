"""People of the tests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from uuid import UUID

from portal.accounts import account
from portal.app import Portal
from portal.contacts import contact
from portal.core import acting, clock, db, keyring
from portal.core.acting import Actor, Kind, Scene
from portal.customers import customer
from portal.policy import version

PASSWORD = "seven brass trumpets at dawn"


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    id: UUID
    email: str
    name: str
    password: str = PASSWORD


@cache
def _hash() -> str:
    return account.hashed(PASSWORD)


def sign_up(house: Portal, email: str, name: str, *, password: str | None = PASSWORD) -> Person:
    """A customer who registered a while ago, without the letters of that day."""
    person_id = add_customer(house, email, name)
    with house.app_context(), acting.acting(Scene(Actor(Kind.CUSTOMER, str(person_id)), person_id)), db.transaction() as session:
        person = customer.get(person_id)
        assert person is not None
        person.registered_at = clock.now()
        text = version.in_force()
        assert text is not None
        version.accept(person_id, text)
        if password:
            session.add(account.Account(person_id=person_id, set_at=clock.now(), password_hash=_hash()))
    return Person(person_id, email, name)


def add_customer(house: Portal, email: str, name: str) -> UUID:
    """A customer as an import leaves them: known, but without an account."""
    with house.app_context(), acting.acting(Scene(Actor(Kind.SYSTEM, "import"), source="shopify", channel="import")), db.transaction():
        person_id = keyring.mint()
        contact.add(person_id, email)
        customer.add(person_id, name)
    return person_id


