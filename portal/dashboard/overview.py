"""My Account at a glance: what is held, what may be sent, and the sign-in before this one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from portal.access.session import Session
from portal.addresses.address import Address
from portal.contacts.choice import Preference, Standing
from portal.contacts.contact import Contact, Kind
from portal.contacts.topics import TOPICS, Channel
from portal.core import db
from portal.customers.customer import Customer
from portal.orders.order import Order
from portal.payments.method import PaymentMethod
from portal.payments.method import State as Saved


@dataclass(frozen=True)
class Overview:
    """What the page shows. Dates are None where there is nothing yet."""

    contact: Contact | None
    last_session: Session | None
    standing: Standing
    addresses: int
    cards: int
    orders: int
    first_order_at: datetime | None
    orders_kept_until: date | None

    @property
    def email(self) -> str:
        return self.contact.address if self.contact else ""

    @property
    def said_at(self) -> datetime | None:
        """When the person last answered anything."""
        return max((said.at for said in self.standing.answers.values()), default=None)

    def wanted(self, channel: Channel) -> list[str]:
        """Titles of the topics that may be sent on a channel."""
        return [str(topic.title) for topic in TOPICS if self.standing.wants(topic.slug, channel)]

    @property
    def has_more_than_details(self) -> bool:
        """Is anything held besides who the person is?"""
        return bool(self.addresses or self.cards or self.orders)


def of(person_id: uuid.UUID, own_session_id: uuid.UUID) -> Overview:
    """Read it all in one statement, however much there is: a row for each answer about mail, of which there are few."""
    others = (Session.person_id == person_id, Session.id != own_session_id)
    previous = select(Session.id).where(*others).order_by(Session.created_at.desc()).limit(1)
    everything = (
        select(Contact, Session, Preference, *_counts(person_id))
        .select_from(Customer)
        .outerjoin(Contact, (Contact.person_id == Customer.id) & (Contact.kind == Kind.EMAIL))
        .outerjoin(Session, Session.id == previous.scalar_subquery())
        .outerjoin(Preference, Preference.digest == Contact.digest)
        .where(Customer.id == person_id)
    )
    rows = db.session().execute(everything).all()
    answers = {(row.Preference.topic, row.Preference.channel): row.Preference for row in rows if row.Preference}
    contact, session, _preference, *counts = rows[0]
    return Overview(contact, session, Standing(answers), *counts)


def _counts(person_id: uuid.UUID) -> list[Any]:
    """In the order of the fields of Overview."""
    number = func.count()
    wanted = [
        select(number).where(Address.person_id == person_id, Address.removed_at.is_(None)),
        select(number).where(PaymentMethod.person_id == person_id, PaymentMethod.state == Saved.SAVED),
        select(number).where(Order.person_id == person_id),
        select(func.min(Order.placed_at)).where(Order.person_id == person_id),
        select(func.max(Order.kept_until)).where(Order.person_id == person_id),
    ]
    return [one.scalar_subquery() for one in wanted]
