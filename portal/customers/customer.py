"""The customer: a person who bought or registered, with or without an account."""

from __future__ import annotations

import uuid

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from portal.contacts.contact import Contact
from portal.core import clock, db, digests, phones
from portal.core.db import Base, Digest, Moment, Short
from portal.core.holdings import Basis, Holding, OnErasure, Provenance
from portal.core.sealed import Owned, sealed


class Customer(Owned, Base):
    """Name, phone and language. The id of the row is the id of the person."""

    __tablename__ = "customer"
    __holding__ = Holding(
        _l("Your details"),
        purpose=_l("knowing you and serving your account"),
        basis=Basis.CONTRACT,
        on_erasure=OnErasure.DELETE,
        kept=_l("as long as you have an account"),
        hidden=frozenset({"phone_digest"}),
        plain={
            "phone_digest": "keyed digest for look-up",
            "registered_at": "time",
            "frozen_at": "time",
            "last_active_at": "time",
            "email_changed_at": "time",
        },
        page="accounts.details",
    )

    phone_digest: Mapped[Digest | None] = mapped_column(index=True)
    registered_at: Mapped[Moment | None]
    frozen_at: Mapped[Moment | None]
    email_changed_at: Mapped[Moment | None]
    last_active_at: Mapped[Moment | None]
    name = sealed(_l("Name"))
    phone = sealed(_l("Phone"))
    language = sealed(_l("Language"))
    time_zone = sealed(_l("Time zone"))
    note = sealed(_l("The shop's note"))
    tags = sealed(_l("The shop's tags"), default=[])

    @property
    def is_registered(self) -> bool:
        return self.registered_at is not None

    def set_phone(self, number: str, country: str) -> None:
        """Keep a number as typed; look-up is by its international form (E.164)."""
        self.phone = number
        international = phones.e164(number, country)
        self.phone_digest = digests.digest("phone", international) if international else None


class ExternalId(Owned, Base):
    """The number another system knows a person by, and what that system last said about them."""

    __tablename__ = "external_id"
    __holding__ = Holding(
        _l("Customer numbers"),
        purpose=_l("finding you again when the shop's system sends us your data"),
        basis=Basis.CONTRACT,
        on_erasure=OnErasure.DELETE,
        kept=_l("as long as you have an account"),
        provenance=Provenance.FROM_OTHERS,
        hidden=frozenset({"digest", "file"}),
        plain={"system": "a word", "digest": "keyed digest for look-up"},
    )

    system: Mapped[Short]
    digest: Mapped[Digest] = mapped_column(unique=True)
    number = sealed(_l("Customer number"))
    said = sealed(_l("What that system says about you"), default={})
    file = sealed(_l("The file that said it last"))


def add(person_id: uuid.UUID, name: str) -> Customer:
    """A new customer of a person that was minted before."""
    customer = Customer(id=person_id, person_id=person_id, name=name, last_active_at=clock.now())
    db.session().add(customer)
    return customer


def get(person_id: uuid.UUID) -> Customer | None:
    return db.session().get(Customer, person_id)


def hold(person_id: uuid.UUID) -> None:
    """Let whoever else acts for this person wait until this transaction is over."""
    db.session().execute(select(Customer.id).where(Customer.id == person_id).with_for_update())


def find_by_email(address: str) -> Customer | None:
    """The customer whose e-mail address this is, in any spelling."""
    owner = select(Contact.person_id).where(Contact.digest == digests.email_digest(address)).scalar_subquery()
    return db.session().scalars(select(Customer).where(Customer.id == owner)).first()


def external_digest(system: str, number: str) -> bytes:
    return digests.digest("external", f"{system}|{number}")


def find_by_external_id(system: str, number: str) -> Customer | None:
    """The customer that another system knows by this number."""
    owner = select(ExternalId.person_id).where(ExternalId.digest == external_digest(system, number)).scalar_subquery()
    return db.session().scalars(select(Customer).where(Customer.id == owner)).first()
