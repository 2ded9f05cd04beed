"""Letters: written in the transaction of the act they tell about, sent after its commit."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from flask_babel import get_locale
from flask_babel import lazy_gettext as _l
from sqlalchemy import Index, select, update
from sqlalchemy.orm import Mapped, mapped_column

from portal import settings
from portal.contacts.contact import Contact
from portal.core import clock, db, keyring
from portal.core.db import Base, Key, Moment, Short, new_key
from portal.core.holdings import Basis, Holding, OnErasure, Provenance
from portal.core.jobs import Leased, Priority
from portal.core.rules import transition
from portal.core.sealed import Owned, sealed
from portal.letters.message import new_message_id


class State(StrEnum):
    """Life of a letter."""

    WAITING = "waiting"
    SENT = "sent"
    BOUNCED = "bounced"
    FAILED = "failed"
    SKIPPED = "skipped_suppressed"
    CANCELLED = "cancelled"


class Letter(Leased, Owned, Base):
    """One mail to one person. Address and values are sealed and go once it is sent; what, when and whether it arrived stay."""

    __tablename__ = "letter"
    __holding__ = Holding(
        _l("Mail we sent you"),
        purpose=_l("telling you what happens with your account and your data"),
        basis=Basis.CONTRACT,
        on_erasure=OnErasure.DELETE,
        kept=_l("as long as you have an account; never its text"),
        provenance=Provenance.OBSERVED,
        hidden=frozenset({"fence", "leased_until", "dedupe_key", "key_kind_name", "contact_id", "priority", "attempts", "due_at"}),
        plain={
            "template": "names the text",
            "topic": "a word",
            "language": "two letters",
            "state": "a word",
            "sent_at": "time",
            "expires_at": "time",
            "message_id": "random",
            "reply": "the mail server's code, never its words",
        },
        page="activity.mail",
    )
    __table_args__ = (Index(None, "state", "priority", "due_at"),)

    key_kind_name: Mapped[Short] = mapped_column(default=keyring.PROFILE)
    template: Mapped[Short]
    topic: Mapped[Short | None]
    dedupe_key: Mapped[Short | None] = mapped_column(unique=True)
    contact_id: Mapped[Key | None]
    language: Mapped[Short]
    message_id: Mapped[Short]
    reply: Mapped[Short] = mapped_column(default="")
    sent_at: Mapped[Moment | None]
    expires_at: Mapped[Moment | None]
    state: Mapped[State] = mapped_column(default=State.WAITING)
    to = sealed(_l("Address"))
    values = sealed(_l("What it says"), default={})

    @staticmethod
    def kind_of_key(row: Any) -> str:
        return str(row.key_kind_name or keyring.PROFILE)

    @transition(State.WAITING, to=State.SENT)
    def mark_sent(self) -> None:
        self.sent_at = clock.now()
        self._close()

    @transition(State.WAITING, to=State.BOUNCED)
    def mark_bounced(self, reply: str) -> None:
        self._close(reply)

    @transition(State.WAITING, to=State.FAILED)
    def mark_failed(self, reply: str) -> None:
        self._close(reply)

    @transition(State.WAITING, to=State.SKIPPED)
    def skip(self) -> None:
        """The person said no between the writing and the sending."""
        self._close()

    @transition(State.WAITING, to=State.CANCELLED)
    def cancel(self) -> None:
        """Nobody needs it any more, or there is nobody to send it to."""
        self._close()

    def _close(self, reply: str = "") -> None:
        self.reply, self.leased_until = reply[:100], None
        self.box = None
        self.forget_opened()
        if self.key_kind_name == keyring.TRANSIENT:
            keyring.destroy(self.person_id, keyring.TRANSIENT)


def post(
    template: str,
    to: Contact,
    values: Mapping[str, Any] | None = None,
    *,
    priority: Priority = Priority.NORMAL,
    topic: str | None = None,
    dedupe_key: str | None = None,
    expires_at: datetime | None = None,
) -> Letter:
    """Write a letter to a contact. The address is read when it is sent. Without a topic it is a service letter."""
    letter = _write(template, to.person_id, values, priority, expires_at)
    letter.contact_id, letter.topic, letter.dedupe_key = to.id, topic, dedupe_key
    return letter


def post_to_address(
    template: str,
    person_id: uuid.UUID,
    address: str,
    values: Mapping[str, Any] | None = None,
    *,
    priority: Priority = Priority.NORMAL,
) -> Letter:
    """Write a service letter to an address that is no longer, or not yet, the person's own."""
    letter = _write(template, person_id, values, priority, None)
    letter.to = address
    return letter


def post_to_stranger(
    template: str, address: str, values: Mapping[str, Any] | None = None, *, priority: Priority = Priority.NORMAL
) -> Letter:
    """Write a service letter to somebody we hold nothing about, under a key that dies with the letter. No address: the worker drops it."""
    letter = _write(template, keyring.mint(keyring.TRANSIENT), values, priority, None, keyring.TRANSIENT)
    letter.to = address
    return letter


def _write(
    template: str,
    person_id: uuid.UUID,
    values: Mapping[str, Any] | None,
    priority: Priority,
    expires_at: datetime | None,
    kind: str = keyring.PROFILE,
) -> Letter:
    key = new_key()
    letter = Letter(id=key, person_id=person_id, key_kind_name=kind, template=template, priority=priority, expires_at=expires_at)
    letter.language = str(get_locale() or settings.current().languages[0])
    letter.message_id = new_message_id(key, settings.current().mail_domain)
    letter.values = dict(values or {})
    db.session().add(letter)
    return letter


def of(person_id: uuid.UUID, limit: int, before: uuid.UUID | None = None) -> Sequence[Letter]:
    """A person's letters, newest first."""
    older = (Letter.id < before,) if before else ()
    return db.session().scalars(select(Letter).where(Letter.person_id == person_id, *older).order_by(Letter.id.desc()).limit(limit)).all()


def cancel_unsent(person_id: uuid.UUID) -> None:
    """Stop every letter that has not left yet."""
    waiting = update(Letter).where(Letter.person_id == person_id, Letter.state == State.WAITING)
    db.session().execute(waiting.values(state=State.CANCELLED, box=None, leased_until=None, version=Letter.version + 1))
