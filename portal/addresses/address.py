"""Addresses: where a customer's parcels and bills go. A removed one can come back for 24 hours, then it is really gone."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum

from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from portal.access import notice
from portal.addresses import countries
from portal.addresses.country_names import country_name
from portal.core import audit, clock, db
from portal.core.db import Base, Moment, Short
from portal.core.holdings import Basis, Holding, OnErasure
from portal.core.jobs import Job, job
from portal.core.rules import Refused
from portal.core.sealed import Owned, sealed

UNDO = timedelta(hours=24)
MOST = 20
PARTS = tuple(countries.AUTOCOMPLETE)


class Use(StrEnum):
    """What the shop takes an address for unless told otherwise; the value names the column."""

    DELIVERY = "is_delivery_default"
    BILLING = "is_billing_default"


class Address(Owned, Base):
    """A place to send parcels or bills to."""

    __tablename__ = "address"
    __holding__ = Holding(
        _l("Addresses"),
        purpose=_l("delivering your orders and sending your bills"),
        basis=Basis.CONTRACT,
        on_erasure=OnErasure.DELETE,
        kept=_l("until you remove it, or your account is deleted; a removed one stays 24 hours, so that you can undo"),
        plain={
            "country": "chooses the form and the law",
            "is_delivery_default": "yes or no",
            "is_billing_default": "yes or no",
            "removed_at": "time",
        },
        page="addresses.index",
    )

    country: Mapped[Short]
    is_delivery_default: Mapped[bool] = mapped_column(default=False)
    is_billing_default: Mapped[bool] = mapped_column(default=False)
    removed_at: Mapped[Moment | None] = mapped_column(index=True)
    name = sealed(_l("Full name"))
    company = sealed(_l("Company"))
    line1 = sealed(_l("Street address"))
    line2 = sealed(_l("Apartment, building or floor"))
    city = sealed(_l("City"))
    region = sealed(_l("Region"))
    postal_code = sealed(_l("Postal code"))
    phone = sealed(_l("Phone"))

    @property
    def typed(self) -> dict[str, str]:
        """Country and all parts, by the names that forms have for them."""
        return {"country": self.country, **{part: getattr(self, part) for part in PARTS}}

    @property
    def lines(self) -> list[str]:
        """As the post of its country prints it."""
        return countries.lines(self.typed)

    @property
    def masked(self) -> str:
        """Enough to know one's own address by, too little to find somebody else: `1***, Miami, United States`."""
        country = country_name(self.country, str(get_locale() or "en"))
        return ", ".join(filter(None, (f"{(self.line1 or self.name)[:1]}***", self.city, country)))

    @property
    def uses(self) -> frozenset[Use]:
        return frozenset(use for use in Use if getattr(self, use))


def of(person_id: uuid.UUID) -> Sequence[Address]:
    """A person's addresses, the usual ones first."""
    order = (Address.is_delivery_default.desc(), Address.is_billing_default.desc(), Address.id)
    return db.session().scalars(select(Address).where(Address.person_id == person_id, Address.removed_at.is_(None)).order_by(*order)).all()


def removed(person_id: uuid.UUID) -> Sequence[Address]:
    """What a person removed less than 24 hours ago, the latest first."""
    recent = (Address.person_id == person_id, Address.removed_at > clock.now() - UNDO)
    return db.session().scalars(select(Address).where(*recent).order_by(Address.removed_at.desc())).all()


def get(person_id: uuid.UUID, address_id: uuid.UUID) -> Address | None:
    """One of a person's addresses."""
    found = recoverable(person_id, address_id)
    return None if found is None or found.removed_at else found


def recoverable(person_id: uuid.UUID, address_id: uuid.UUID) -> Address | None:
    """One of a person's addresses, also one that was removed less than 24 hours ago."""
    row = db.session().scalars(select(Address).where(Address.id == address_id, Address.person_id == person_id)).first()
    is_gone = row is not None and row.removed_at is not None and row.removed_at <= clock.now() - UNDO
    return None if is_gone else row


def add(person_id: uuid.UUID, country: str, fields: Mapping[str, str], uses: Collection[Use] = ()) -> Address:
    """The row alone, as an import brings it: nobody is told. `fields` has the names of PARTS; the first address gets every use."""
    others = of(person_id)
    row = Address(person_id=person_id, country=country.upper())
    _write(row, fields)
    _take_for(row, uses if others else tuple(Use), others)
    db.session().add(row)
    return row


def enter(person_id: uuid.UUID, country: str, fields: Mapping[str, str], uses: Collection[Use] = ()) -> Address:
    """The person adds an address. Refuses beyond twenty."""
    count = db.session().scalar(select(func.count()).where(Address.person_id == person_id, Address.removed_at.is_(None))) or 0
    if count >= MOST:
        raise Refused(_("You can keep %(number)d addresses here. Remove one first, then add the new one.", number=MOST))
    row = add(person_id, country, fields, uses)
    _tell(row, "address_added")
    return row


def change(row: Address, country: str, fields: Mapping[str, str], uses: Collection[Use]) -> None:
    """The person corrects an address, perhaps one that another window removed meanwhile: then it comes back."""
    before, others = (row.typed, row.uses, row.removed_at), of(row.person_id)
    row.country, row.removed_at = country.upper(), None
    _write(row, fields)
    _take_for(row, uses, others)
    if before != (row.typed, row.uses, row.removed_at):
        _tell(row, "address_changed")


def remove(row: Address) -> None:
    """The person removes an address; for 24 hours it can come back."""
    set_aside(row)
    notice.tell(row.person_id, "address_removed", {"address": row.masked})


def set_aside(row: Address) -> None:
    """Remove without a letter, where one letter tells about several removals."""
    row.removed_at = clock.now()
    _record(row, "address_removed")


def restore(row: Address) -> None:
    """Undo a removal. A use that another address took over meanwhile stays there."""
    if row.removed_at is None:
        return
    others = of(row.person_id)
    row.removed_at = None
    _take_for(row, row.uses.difference(*(other.uses for other in others)), others)
    _record(row, "address_restored")
    notice.tell(row.person_id, "address_added", {"address": row.masked})


def _write(row: Address, fields: Mapping[str, str]) -> None:
    for part in PARTS:
        setattr(row, part, fields.get(part, "").strip())


def _take_for(row: Address, uses: Collection[Use], others: Sequence[Address]) -> None:
    """Give the address these uses and no more, and take them from the others: each use belongs to one address at most."""
    for use in uses:
        for other in others:
            setattr(other, use, False)
    for use in Use:
        setattr(row, use, use in uses)


def _tell(row: Address, what: str) -> None:
    _record(row, what)
    notice.tell(row.person_id, what, {"address": row.masked})


def _record(row: Address, act: str) -> None:
    db.session().flush()
    audit.record(act, row.person_id, details={"address": row.masked}, address_id=str(row.id))


@job("sweep_removed_addresses", every=timedelta(hours=1))
def sweep(_job: Job) -> None:
    """Delete for good what was removed 24 hours ago."""
    db.session().execute(delete(Address).where(Address.removed_at <= clock.now() - UNDO))
