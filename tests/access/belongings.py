"""What two customers have, by the names that stand in the addresses of pages: one thing of each kind for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import select
from werkzeug.routing import Rule

from portal import settings
from portal.access import ticket
from portal.access.session import Session
from portal.access.ticket import Purpose
from portal.addresses import address
from portal.app import Portal
from portal.contacts import choice, contact
from portal.contacts.topics import Channel
from portal.core import acting, db, tokens
from portal.core.acting import Actor, Kind, Scene
from portal.payments import card_setup, method
from portal.payments.processor import Card
from portal.rights import erasure
from tests.people import Person
from tests.rights.purchases import buy

TICKETS: Mapping[str, tuple[Purpose, dict[str, str]]] = {
    "entrance.verify": (Purpose.CHANGE_EMAIL, {"address": "new@example.com"}),
    "entrance.reset": (Purpose.RESET, {}),
    "entrance.not_me": (Purpose.NOT_ME, {}),
    "entrance.undo_email": (Purpose.UNDO_EMAIL, {"address": "old@example.com", "instead_of": "new@example.com"}),
    "rights.undo_deletion": (Purpose.UNDO_DELETION, {}),
}
"""Pages of one-time links, each with the purpose and payload of its ticket."""


@dataclass(frozen=True)
class Belongings:
    """Values for the variable parts of addresses: of one page by its path, else by the name of the part."""

    of_path: Mapping[str, str]
    of_name: Mapping[str, str]

    def path(self, rule: Rule) -> str:
        """The address of a page about this person's thing. Raises KeyError for a part that nobody has: give them one above."""
        values = {name: self.of_path.get(rule.rule) or self.of_name[name] for name in rule.arguments}
        built = rule.build(values)
        assert built is not None
        return built[1]


def of(house: Portal, person: Person) -> Belongings:
    """Give somebody one of each."""
    order = buy(house, person.id, f"#{person.name}")
    with house.test_request_context():
        prepared = card_setup.prepare(person.id)
    with house.app_context(), acting.acting(Scene(Actor(Kind.CUSTOMER, str(person.id)), person.id)), db.transaction():
        own = contact.email_of(person.id)
        assert own is not None
        said = choice.say_yes(own.digest, "newsletter", Channel.EMAIL, via="page")
        home = address.add(person.id, "DE", {"line1": "Lindenstraße 9", "city": "Berlin", "postal_code": "10969"})
        card = method.add(person.id, Card("pm_1", "cus_1", "Visa", "4242", "2030-04"))
        setup = card_setup.begin(person.id, prepared)
        db.session().flush()
        of_name = {
            "address_id": str(home.id),
            "method_id": str(card.id),
            "handle": str(setup.id),
            "reference": setup.reference,
            "order_id": str(order),
            "choice_id": str(said),
            "session_id": str(_session_of(person.id)),
            "name": "address",
            "filename": "portal.css",
            "token": tokens.make(settings.current().unsubscribe_keys, own.uid, "n"),
        }
        purposes = {endpoint: ticket.issue(purpose, person.id, payload) for endpoint, (purpose, payload) in TICKETS.items()}
        _ask_for_deletion(person)
    of_path = {rule.rule: purposes[rule.endpoint] for rule in house.url_map.iter_rules() if rule.endpoint in purposes}
    return Belongings(of_path, of_name)


def nobodys(house: Portal) -> Belongings:
    """Values in the right shape that lead to nothing."""
    with house.app_context():
        token = tokens.make(settings.current().unsubscribe_keys, bytes(12), "n")
    key = str(uuid4())
    ids = ("address_id", "method_id", "handle", "reference", "order_id", "choice_id", "session_id", "name")
    return Belongings({}, {**dict.fromkeys(ids, key), "filename": "none.css", "token": token})


def _session_of(person_id: UUID) -> UUID:
    found = db.session().scalars(select(Session.id).where(Session.person_id == person_id)).first()
    return found or uuid4()


def _ask_for_deletion(person: Person) -> None:
    db.session().add(erasure.Erasure(person_id=person.id, asked_by="customer", due_at=erasure.planned_day()))
