"""A card on its way: the customer left for the processor by a link and comes back to save what was entered there."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import clock, db, web
from portal.core.db import Base, Key, new_key
from portal.core.holdings import Basis, Holding, OnErasure, Provenance
from portal.core.jobs import Job, job
from portal.core.rules import Refused
from portal.core.sealed import Owned, sealed
from portal.payments import chosen, method
from portal.payments.method import PaymentMethod
from portal.payments.processor import Card, Unreachable, Visit

LIFE = timedelta(days=1)
MOST = 20


class CardSetup(Owned, Base):
    """The one visit to the processor from which one card may come. It is used up when the card is saved."""

    __tablename__ = "card_setup"
    __holding__ = Holding(
        _l("Cards on their way"),
        purpose=_l("knowing which card you entered at the payment processor"),
        basis=Basis.CONTRACT,
        on_erasure=OnErasure.DELETE,
        kept=_l("one day at most"),
        provenance=Provenance.DERIVED,
        elsewhere="processor",
        hidden=frozenset({"reference", "saved_as", "url"}),
        plain={"saved_as": "an id"},
    )

    saved_as: Mapped[Key | None] = mapped_column()
    reference = sealed(_l("The processor's name for your visit"))
    url = sealed(_l("The processor's page"))


@dataclass(frozen=True)
class Prepared:
    """A visit that the processor has prepared, and the handle under which the customer comes back."""

    handle: uuid.UUID
    visit: Visit


def prepare(person_id: uuid.UUID) -> Prepared:
    """Ask the processor for a visit; outside of any transaction, for the call may take seconds. Refuses while it does not answer."""
    handle = new_key()
    with db.reading():
        known_as = method.customer_token(person_id)
    try:
        visit = chosen.needed().begin_setup(known_as, web.link("payments.complete", handle=str(handle)), str(handle))
    except Unreachable:
        raise silence() from None
    return Prepared(handle, visit)


def begin(person_id: uuid.UUID, prepared: Prepared) -> CardSetup:
    """Note a prepared visit. Refuses when twenty cards are saved."""
    count = db.session().scalar(select(func.count()).where(PaymentMethod.person_id == person_id)) or 0
    if count >= MOST:
        raise Refused(_("You can keep %(number)d cards here. Remove one first, then add the new one.", number=MOST))
    row = CardSetup(id=prepared.handle, person_id=person_id, reference=prepared.visit.reference, url=prepared.visit.url)
    db.session().add(row)
    return row


def pending(person_id: uuid.UUID, handle: uuid.UUID) -> CardSetup | None:
    """A person's visit that is not over yet."""
    mine = (CardSetup.id == handle, CardSetup.person_id == person_id, CardSetup.created_at > clock.now() - LIFE)
    return db.session().scalars(select(CardSetup).where(*mine)).first()


def entered(setup: CardSetup) -> Card | None:
    """The card that was entered at the processor; None while there is none. Refuses while the processor does not answer."""
    try:
        return chosen.needed().complete(setup.reference)
    except Unreachable:
        raise silence() from None


def silence() -> Refused:
    return Refused(_("The payment processor does not answer right now, so nothing was saved. Please try again in a few minutes."))


def complete(setup: CardSetup, card: Card) -> None:
    """Save the card of a visit, once however often it is asked."""
    if setup.saved_as is None:
        row = method.save(setup.person_id, card)
        db.session().flush()
        setup.saved_as = row.id


@job("sweep_card_setups", every=timedelta(hours=1))
def sweep(_job: Job) -> None:
    """Forget visits after a day."""
    db.session().execute(delete(CardSetup).where(CardSetup.created_at < clock.now() - LIFE))
