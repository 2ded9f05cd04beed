"""Deletion: asked for by its owner, undone for fourteen days, then carried out so that no copy of the store brings the person back."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Index, delete, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from portal import settings
from portal.access import notice, session, ticket
from portal.access.ticket import Purpose
from portal.accounts import account
from portal.contacts import choice, contact
from portal.contacts.contact import Contact
from portal.core import audit, clock, db, jobs, keyring, ledger, rotation, web
from portal.core.db import Base, Moment, Short
from portal.core.holdings import Basis, Holding, OnErasure
from portal.core.jobs import Job, Later, More, Settle, errand, job
from portal.core.rules import Gone, Refused, transition
from portal.core.sealed import Owned
from portal.core.web import long_date
from portal.customers import customer
from portal.customers.customer import Customer, ExternalId
from portal.letters import letter
from portal.orders import order
from portal.payments import method
from portal.rights import fate, plan, records

WARNED_BEFORE = timedelta(days=3)
LOOK_AGAIN = timedelta(minutes=1)
FINAL_WITHIN = timedelta(days=2)
ERASE, WARN, PURGE = "erase", "warn_of_erasure", "purge_disk"
ONE_WAITING = text("state = 'waiting'")


class State(StrEnum):
    """Life of a deletion."""

    WAITING = "waiting"
    CANCELLED = "cancelled"
    CARRYING_OUT = "carrying_out"
    DONE = "done"


class Erasure(Owned, Base):
    """One wish to be deleted. It stays as proof that it was done; it holds nothing but times."""

    __tablename__ = "erasure"
    __holding__ = Holding(
        _l("Your wish to be deleted"),
        purpose=_l("proving that we did what you asked for"),
        basis=Basis.LEGAL_OBLIGATION,
        on_erasure=OnErasure.KEEP,
        kept=_l("dates only, as proof of the deletion"),
        plain={"state": "a word", "due_at": "time", "ended_at": "time", "erased_at": "time", "asked_by": "an id, never a name"},
        page="rights.delete_status",
    )
    __table_args__ = (Index("uq_erasure_waiting", "person_id", unique=True, sqlite_where=ONE_WAITING, postgresql_where=ONE_WAITING),)

    state: Mapped[State] = mapped_column(default=State.WAITING, index=True)
    asked_by: Mapped[Short]
    due_at: Mapped[Moment]
    erased_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]

    @transition(State.WAITING, to=State.CANCELLED)
    def cancel(self) -> None:
        """The customer changed their mind in time."""
        self.ended_at = clock.now()

    @transition(State.WAITING, to=State.CARRYING_OUT)
    def begin(self) -> None:
        """The key is destroyed: from here nobody can undo it."""
        self.erased_at = clock.now()

    @transition(State.CARRYING_OUT, to=State.DONE)
    def finish(self) -> None:
        """Nothing is left that should not be."""
        self.ended_at = clock.now()


def pending(person_id: uuid.UUID) -> Erasure | None:
    """The deletion that waits for its day."""
    return db.session().scalars(select(Erasure).where(Erasure.person_id == person_id, Erasure.state == State.WAITING)).first()


def planned_day() -> datetime:
    """The day of a deletion that is asked for now."""
    return clock.now() + settings.current().grace


def obstacle(person: Customer) -> str | None:
    """Why the account cannot be deleted now, and from when it can; None when nothing stands in the way."""
    guarded = account.guarded_until(person)
    if guarded:
        return _(
            "Your password or e-mail address was changed a short time ago. To protect you from somebody else deleting your account, "
            "it can be deleted from %(day)s on.",
            day=web.long_date(guarded),
        )
    under_way = order.open_of(person.id)
    if under_way:
        first = under_way[0]
        day = long_date(first.placed_at + order.OPEN_FOR)
        return _(
            "Order %(number)s is still under way. You can delete your account once it has arrived, or from %(day)s on.",
            number=first.number,
            day=day,
        )
    return None


def request(person: Customer, *, by: object) -> Erasure:
    """Ask for deletion. Refused while one is pending, right after a change of password or address, and with an order under way."""
    customer.hold(person.id)
    if pending(person.id):
        raise Refused(_("Your account is already going to be deleted."))
    reason = obstacle(person)
    if reason:
        raise Refused(reason)
    asked = Erasure(id=db.new_key(), person_id=person.id, asked_by=str(by), due_at=clock.now() + settings.current().grace)
    db.session().add(asked)
    jobs.queue(ERASE, about=asked.id, due_in=settings.current().grace)
    if settings.current().grace > WARNED_BEFORE:
        jobs.queue(WARN, about=asked.id, due_in=settings.current().grace - WARNED_BEFORE)
    audit.record("deletion_asked", person.id, day=asked.due_at.date().isoformat())
    _tell_everywhere("erasure_scheduled", asked)
    return asked


def _tell_everywhere(template: str, asked: Erasure) -> None:
    """A letter with the day and an undo link to every address of the person."""
    for own in _emails(asked.person_id):
        life = asked.due_at - clock.now()
        link = web.link("rights.undo_deletion", token=ticket.issue(Purpose.UNDO_DELETION, asked.person_id, life=life))
        values = {
            **notice.circumstances(),
            "day": long_date(asked.due_at),
            "undo_url": link,
            "not_me_url": notice.not_me_url(asked.person_id),
        }
        letter.post(template, own, values)


def _emails(person_id: uuid.UUID) -> Sequence[Contact]:
    return [own for own in contact.of(person_id) if own.kind == contact.Kind.EMAIL]


def cancel(asked: Erasure) -> None:
    """Keep the account. Refused once the day has come, for then it may be half done."""
    if asked.state != State.WAITING or asked.due_at <= clock.now():
        raise Gone(_("It is too late: the deletion has begun. Call us if you did not want this."))
    asked.cancel()
    ticket.void(Purpose.UNDO_DELETION, asked.person_id)
    audit.record("deletion_cancelled", asked.person_id)
    notice.tell(asked.person_id, "erasure_cancelled")


def of_ticket(token: str) -> Erasure:
    """The deletion that an undo link belongs to, while it can be undone."""
    found = ticket.find(Purpose.UNDO_DELETION, token)
    asked = pending(found.person_id) if found and found.is_open else None
    if asked is None:
        raise Gone(_("This link no longer works: the deletion was undone before, or its day has passed."))
    return asked


def _waiting(about: uuid.UUID | None, *states: State) -> Erasure | None:
    found = select(Erasure).where(Erasure.id == about, Erasure.state.in_(states)).with_for_update()
    return db.session().scalars(found).first()


@job(WARN)
def warn(task: Job) -> None:
    """Three days before: one more letter with the undo link."""
    asked = _waiting(task.about, State.WAITING)
    if asked is not None:
        _tell_everywhere("erasure_soon", asked)


@job(ERASE)
def carry_out(task: Job) -> More | Later | None:
    """The promise itself: the key dies first, then the rows go batch by batch, and it is done when other systems have confirmed."""
    asked = _waiting(task.about, State.WAITING, State.CARRYING_OUT)
    if asked is None:
        return None
    if asked.state == State.WAITING:
        return _begin(asked)
    if fate.sweep(asked.person_id):
        return More()
    others = [kind for kind in _open_errands(asked.id) if kind not in {ERASE, WARN, PURGE}]
    if others:
        return Later(LOOK_AGAIN)
    asked.finish()
    audit.record("deletion_done", asked.person_id)
    jobs.queue(PURGE, about=asked.id)
    return None


def _begin(asked: Erasure) -> More | Later:
    """Tombstone first, then one transaction: whatever stops it now, running it again goes on from there."""
    if asked.person_id not in ledger.tombstones():
        asked.due_at = max(asked.due_at, _not_before(asked.person_id))
    if asked.due_at > clock.now():
        return Later(max(asked.due_at - clock.now(), LOOK_AGAIN))
    ledger.bury(asked.person_id, asked.id)
    _last_letter(asked)
    for payload in method.errands(asked.person_id):
        jobs.queue(
            "forget_at_processor", person_id=keyring.mint(keyring.TRANSIENT), payload=payload, key_kind=keyring.TRANSIENT, about=asked.id
        )
    for own in contact.of(asked.person_id):
        choice.stop_all(own.digest, via="erasure")
    letter.cancel_unsent(asked.person_id)
    for model in (Contact, ExternalId):
        db.session().execute(delete(model).where(model.person_id == asked.person_id))
    db.session().execute(update(Customer).where(Customer.id == asked.person_id).values(phone_digest=None))
    session.end_all(asked.person_id)
    ticket.void_all(asked.person_id)
    keyring.destroy(asked.person_id, keyring.PROFILE)
    asked.begin()
    audit.record(rotation.PERSON_ERASED, asked.person_id)
    return More()


def _not_before(person_id: uuid.UUID) -> datetime:
    """A locked account waits for its owner, and a fresh password or address gives them time. Until then they can still keep it."""
    person = customer.get(person_id)
    if person is None:
        return clock.now()
    if person.frozen_at:
        return clock.now() + account.GUARD
    return account.guarded_until(person) or clock.now()


def _last_letter(asked: Erasure) -> None:
    """What went, what stays and until when, to addresses that we will no longer know once it is sent."""
    listed = plan.of(records.subject(asked.person_id))
    stays = [f"{line.title}: {line.what}" + (f" ({line.why}, {long_date(line.until)})" if line.until else "") for line in listed.stays]
    values = {"goes": [line.title for line in listed.goes], "stays": stays, "final": long_date(clock.now() + FINAL_WITHIN)}
    values["last_day"] = long_date(listed.last_day) if listed.last_day else ""
    for own in _emails(asked.person_id):
        letter.post_to_stranger("erasure_done", own.address, values)


def _open_errands(about: uuid.UUID) -> Sequence[str]:
    return db.session().scalars(select(Job.kind).where(Job.about == about, Job.state != jobs.JobState.DONE)).all()


@errand(PURGE)
def purge(_task: Job) -> Settle:
    """Deleted bytes leave the disk; a reader in the way only delays it, for the nightly change of keys makes it final anyway."""
    tables = [held.name for held in records.all_held()] + ["dek"]
    is_clean = db.forget_deleted(tables)
    return lambda _taken: None if is_clean else Later(LOOK_AGAIN)
