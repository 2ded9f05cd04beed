"""Saved cards: the processor's name for each, brand, last four digits and expiry. The number never comes here."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from portal.access import notice
from portal.core import audit, db, jobs
from portal.core.db import Base
from portal.core.holdings import Basis, Holding, OnErasure
from portal.core.jobs import Job, JobState, Settle, errand, job
from portal.core.rules import transition
from portal.core.sealed import Owned, sealed
from portal.payments import chosen
from portal.payments.processor import Card, Processor


class State(StrEnum):
    """Life of a saved card. It ends when the processor has confirmed: then the row goes."""

    SAVED = "saved"
    BEING_REMOVED = "being_removed"


class PaymentMethod(Owned, Base):
    """A card that the processor keeps for the customer."""

    __tablename__ = "payment_method"
    __holding__ = Holding(
        _l("Saved cards"),
        purpose=_l("paying without typing your card again"),
        basis=Basis.CONTRACT,
        on_erasure=OnErasure.DELETE,
        kept=_l("until you remove it, or your account is deleted"),
        elsewhere="processor",
        hidden=frozenset({"token", "customer_token"}),
        plain={"state": "a word"},
        page="payments.index",
    )

    state: Mapped[State] = mapped_column(default=State.SAVED)
    token = sealed(_l("The processor's name for the card"))
    customer_token = sealed(_l("The processor's name for you"))
    brand = sealed(_l("Brand"))
    last_four = sealed(_l("Last four digits"))
    expiry = sealed(_l("Expires"))

    @property
    def title(self) -> str:
        return title_of(self.brand, self.last_four)

    @property
    def is_being_removed(self) -> bool:
        return self.state == State.BEING_REMOVED

    @transition(State.SAVED, to=State.BEING_REMOVED)
    def begin_removal(self) -> None:
        """The customer wants it gone; the processor is asked next."""


def title_of(brand: str, last_four: str) -> str:
    """`Visa ending 4242`."""
    sentence: str = _("%(brand)s ending %(digits)s", brand=brand, digits=last_four)
    return sentence


def expiry_of(year_month: str) -> str:
    """`04/2030`, as it stands on the card."""
    year, _dash, month = year_month.partition("-")
    return f"{month}/{year}"


def of(person_id: uuid.UUID) -> Sequence[PaymentMethod]:
    """A person's cards, those being removed included."""
    return db.session().scalars(select(PaymentMethod).where(PaymentMethod.person_id == person_id).order_by(PaymentMethod.id)).all()


def get(person_id: uuid.UUID, method_id: uuid.UUID) -> PaymentMethod | None:
    """One of a person's cards."""
    return db.session().scalars(select(PaymentMethod).where(PaymentMethod.id == method_id, PaymentMethod.person_id == person_id)).first()


def customer_token(person_id: uuid.UUID) -> str:
    """The processor's name for a person whose cards it keeps, or nothing."""
    return next((row.customer_token for row in of(person_id) if row.state == State.SAVED), "")


def add(person_id: uuid.UUID, card: Card) -> PaymentMethod:
    """The row alone: nobody is told."""
    row = PaymentMethod(person_id=person_id, token=card.token, customer_token=card.customer_token)
    row.brand, row.last_four, row.expiry = card.brand, card.last_four, card.expiry
    db.session().add(row)
    return row


def save(person_id: uuid.UUID, card: Card) -> PaymentMethod:
    """The person saves a card."""
    row = add(person_id, card)
    audit.record("payment_added", person_id, details={"card": row.title})
    notice.tell(person_id, "payment_added", {"card": row.title})
    return row


def remove(row: PaymentMethod) -> None:
    """The person removes a card. The processor is asked after the commit, as often as it takes; the row goes when it has confirmed.

    With the last card the processor forgets the customer, too.
    """
    if row.is_being_removed:
        return
    row.begin_removal()
    _ask_processor(row)
    audit.record("payment_removal_asked", row.person_id, details={"card": row.title})


def _ask_processor(row: PaymentMethod) -> None:
    is_last = not customer_token(row.person_id)
    payload = {"method": str(row.id), "token": row.token, "customer_token": row.customer_token if is_last else ""}
    jobs.queue(DETACH, person_id=row.person_id, about=row.id, payload=payload)


def errands(person_id: uuid.UUID) -> list[dict[str, Any]]:
    """What the processor has to forget when the person is erased: a payload of `forget_at_processor` for each customer it knows them as."""
    methods: dict[str, list[str]] = defaultdict(list)
    for row in of(person_id):
        methods[row.customer_token].append(row.token)
    return [{"customer_token": customer, "methods": tokens} for customer, tokens in methods.items()]


DETACH = "detach_card"


@errand(DETACH)
def detach(task: Job) -> Settle:
    """Keep the promise that a removed card is gone at the processor, too."""
    if not isinstance(task.payload, dict):
        return _nothing_left  # the person was erased meanwhile, and that asks the processor by itself
    _forget(chosen.at_work(), task, [task.payload["token"]], task.payload["customer_token"])
    return _confirm


@job("ask_again_about_cards", every=timedelta(days=1))
def ask_again(_job: Job) -> None:
    """Keep asking about a card for as long as it is being removed, even if the processor was away for days."""
    is_asked = select(Job.id).where(Job.kind == DETACH, Job.about == PaymentMethod.id, Job.state == JobState.WAITING).exists()
    for row in db.session().scalars(select(PaymentMethod).where(PaymentMethod.state == State.BEING_REMOVED, ~is_asked)):
        _ask_processor(row)


@errand("forget_at_processor")
def forget(task: Job) -> Settle:
    """Keep the promise of an erasure at the processor: cards first, then the customer."""
    _forget(chosen.at_work(), task, task.payload["methods"], task.payload["customer_token"])
    return _nothing_left


def _forget(processor: Processor, task: Job, tokens: Sequence[str], customer: str) -> None:
    for token in tokens:
        processor.detach(token, _key(task, token))
    if customer:
        processor.delete_customer(customer, _key(task, customer))


def _key(task: Job, step: str) -> str:
    """One key for one step of one job, so that asking again does nothing twice."""
    return str(uuid.uuid5(task.id, step))


def _confirm(task: Job) -> None:
    row = get(task.owner, uuid.UUID(task.payload["method"]))
    if row is None:
        return
    title = row.title
    db.session().delete(row)
    audit.record("payment_removed", task.owner, details={"card": title})
    notice.tell(task.owner, "payment_removed", {"card": title})


def _nothing_left(_task: Job) -> None:
    """The call was all there was to do."""
