"""Tickets: one-time links and codes. Each has one purpose, one owner and an end."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from portal.access.session import token_digest
from portal.core import clock, db, digests, keyring
from portal.core.db import Base, Digest, Moment, Short
from portal.core.holdings import Basis, Holding, OnErasure, Provenance
from portal.core.jobs import Job, job
from portal.core.sealed import Owned, sealed

MOST_TRIES = 5
CODE_LIFE = timedelta(minutes=10)
CODE_MINUTES = CODE_LIFE // timedelta(minutes=1)


class Purpose(StrEnum):
    """What a ticket is good for, and nothing else."""

    SIGN_IN = "sign_in"
    PROVE = "prove"
    VERIFY = "verify"
    RESET = "reset"
    CHANGE_EMAIL = "change_email"
    UNDO_EMAIL = "undo_email"
    UNDO_DELETION = "undo_deletion"
    NOT_ME = "not_me"


LIFE = {
    Purpose.SIGN_IN: timedelta(minutes=30),
    Purpose.PROVE: CODE_LIFE,
    Purpose.VERIFY: timedelta(hours=24),
    Purpose.RESET: timedelta(minutes=15),
    Purpose.CHANGE_EMAIL: timedelta(hours=24),
    Purpose.UNDO_EMAIL: timedelta(hours=72),
    Purpose.UNDO_DELETION: timedelta(days=28),
    Purpose.NOT_ME: timedelta(days=7),
}


def hours(purpose: Purpose) -> int:
    """How many hours a link lives, for the letter that says so."""
    return LIFE[purpose] // timedelta(hours=1)


def minutes(purpose: Purpose) -> int:
    """How many minutes a link lives."""
    return LIFE[purpose] // timedelta(minutes=1)


class Ticket(Owned, Base):
    """The row behind a link or a code: only digests of what the person holds."""

    __tablename__ = "ticket"
    __holding__ = Holding(
        _l("Links and codes we mailed you"),
        purpose=_l("letting you act from your mail"),
        basis=Basis.CONTRACT,
        on_erasure=OnErasure.DELETE,
        kept=_l("until the link is used or over"),
        provenance=Provenance.DERIVED,
        hidden=frozenset({"token", "code", "key_kind_name"}),
        plain={
            "token": "digest of a random token",
            "code": "keyed digest of a code",
            "code_expires_at": "time",
            "purpose": "a word",
            "tries": "a count",
            "expires_at": "time",
            "used_at": "time",
        },
    )

    key_kind_name: Mapped[Short] = mapped_column(default=keyring.PROFILE)
    purpose: Mapped[Purpose]
    token: Mapped[Digest] = mapped_column(unique=True)
    code: Mapped[Digest | None]
    code_expires_at: Mapped[Moment | None]
    expires_at: Mapped[Moment] = mapped_column(index=True)
    used_at: Mapped[Moment | None]
    tries: Mapped[int] = mapped_column(default=0)
    payload = sealed(_l("What the link does"), default={})

    @staticmethod
    def kind_of_key(row: Any) -> str:
        return str(row.key_kind_name or keyring.PROFILE)

    @property
    def is_open(self) -> bool:
        return self.used_at is None and self.expires_at > clock.now()


def issue(
    purpose: Purpose,
    person_id: uuid.UUID,
    payload: dict[str, Any] | None = None,
    *,
    life: timedelta | None = None,
    key_kind: str = keyring.PROFILE,
) -> str:
    """A new ticket; the token (256 bits) stands in the link and nowhere else."""
    token = secrets.token_urlsafe(32)
    row = Ticket(person_id=person_id, purpose=purpose, token=token_digest(token), key_kind_name=key_kind)
    row.expires_at = clock.now() + (life or LIFE[purpose])
    row.payload = payload or {}
    db.session().add(row)
    db.session().flush()
    return token


def issue_to_stranger(purpose: Purpose, payload: dict[str, Any]) -> str:
    """A ticket for somebody we do not know yet, under a key of its own that dies with it."""
    return issue(purpose, keyring.mint(keyring.TRANSIENT), payload, key_kind=keyring.TRANSIENT)


def find(purpose: Purpose, token: str | None) -> Ticket | None:
    """The ticket of a link, used or not."""
    if not token:
        return None
    return db.session().scalars(select(Ticket).where(Ticket.token == token_digest(token), Ticket.purpose == purpose)).first()


def use(ticket: Ticket) -> bool:
    """Use it up; False when another click was faster."""
    once = update(Ticket).where(Ticket.id == ticket.id, Ticket.used_at.is_(None), Ticket.expires_at > clock.now())
    used = db.session().execute(once.values(used_at=clock.now(), version=Ticket.version + 1).returning(Ticket.id)).first()
    db.session().expire(ticket)
    return used is not None


def void(purpose: Purpose, person_id: uuid.UUID, *, after: Ticket | None = None) -> None:
    """Make every open ticket of this purpose useless; with `after`, only those that were made later."""
    later = (Ticket.id > after.id,) if after else ()
    still = update(Ticket).where(Ticket.person_id == person_id, Ticket.purpose == purpose, Ticket.used_at.is_(None), *later)
    db.session().execute(still.values(used_at=clock.now(), version=Ticket.version + 1))


def void_all(person_id: uuid.UUID) -> None:
    db.session().execute(
        update(Ticket)
        .where(Ticket.person_id == person_id, Ticket.used_at.is_(None))
        .values(used_at=clock.now(), version=Ticket.version + 1)
    )


def new_code(ticket: Ticket) -> str:
    """Six digits for this ticket, ten minutes, five tries. A new code replaces the old one."""
    code = f"{secrets.randbelow(10**6):06d}"
    ticket.code, ticket.code_expires_at, ticket.tries = _code_digest(ticket, code), clock.now() + CODE_LIFE, 0
    return code


def try_code(ticket: Ticket, code: str) -> bool:
    """One try. Wrong ones are counted; after five, or ten minutes, even the right one is refused."""
    if ticket.code is None or ticket.code_expires_at is None or ticket.tries >= MOST_TRIES or ticket.code_expires_at < clock.now():
        return False
    ticket.tries += 1
    return secrets.compare_digest(ticket.code, _code_digest(ticket, "".join(code.split())))


def _code_digest(ticket: Ticket, code: str) -> bytes:
    return digests.digest("code", f"{ticket.id}|{code}")


def mailed_since(person_id: uuid.UUID, purpose: Purpose, moment: datetime) -> Sequence[datetime]:
    """When tickets of this purpose were made since, oldest first."""
    same = (Ticket.person_id == person_id, Ticket.purpose == purpose, Ticket.created_at > moment)
    return db.session().scalars(select(Ticket.created_at).where(*same).order_by(Ticket.id)).all()


@job("sweep_tickets", every=timedelta(hours=1))
def sweep(_job: Job) -> None:
    """Forget tickets a week after their end, and at once what strangers typed."""
    now = clock.now()
    session = db.session()
    strangers = select(Ticket.person_id).where(Ticket.key_kind_name == keyring.TRANSIENT, Ticket.expires_at < now)
    session.execute(delete(keyring.Dek).where(keyring.Dek.kind == keyring.TRANSIENT, keyring.Dek.owner.in_(strangers)))
    session.execute(delete(Ticket).where(Ticket.key_kind_name == keyring.TRANSIENT, Ticket.expires_at < now))
    session.execute(delete(Ticket).where(Ticket.expires_at < now - timedelta(days=7)))
