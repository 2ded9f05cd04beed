"""Sessions: rows on our side decide who is signed in; the cookie only names one of them."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import request
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import clock, db, digests, keyring, rate_limits
from portal.core.db import Base, Digest, Moment
from portal.core.holdings import Basis, Holding, OnErasure, Provenance
from portal.core.jobs import Job, job
from portal.core.keyring import Dek
from portal.core.sealed import Owned, sealed
from portal.customers.customer import Customer
from portal.policy import version

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
MOST_SESSIONS = 10
REMEMBERED = timedelta(days=90)
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "Mac"), ("Linux", "Linux"))


class Session(Owned, Base):
    """One sign-in on one device. Ended ones stay 90 days, so that a new device can be told from a known one."""

    __tablename__ = "session"
    __holding__ = Holding(
        _l("Where you are signed in"),
        purpose=_l("keeping your account safe"),
        basis=Basis.LEGITIMATE_INTEREST,
        on_erasure=OnErasure.DELETE,
        kept=_l("90 days"),
        provenance=Provenance.OBSERVED,
        hidden=frozenset({"token_digest", "device_digest"}),
        plain={
            "token_digest": "digest of a random token",
            "device_digest": "keyed digest to recognize a device",
            "seen_at": "time",
            "proved_at": "time",
            "strong_at": "time",
            "ended_at": "time",
        },
        page="accounts.devices",
    )

    token_digest: Mapped[Digest] = mapped_column(unique=True)
    device_digest: Mapped[Digest]
    seen_at: Mapped[Moment]
    proved_at: Mapped[Moment | None]
    strong_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]
    device = sealed(_l("Device"))

    @property
    def is_live(self) -> bool:
        now = clock.now()
        return self.ended_at is None and self.seen_at > now - IDLE and self.created_at > now - LONGEST

    def is_fresh(self, minutes: int, grace: timedelta = timedelta(0)) -> bool:
        """Did this person prove themselves within so many minutes? Five asks for the strong proof, with a mailed code."""
        proved: datetime | None = (
            self.strong_at if minutes <= STRONG_MINUTES else max(filter(None, (self.proved_at, self.strong_at)), default=None)
        )
        return proved is not None and proved > clock.now() - timedelta(minutes=minutes) - grace


STRONG_MINUTES = 5


def token_digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def device_label() -> str:
    """The device in coarse words: `Firefox on Windows`."""
    agent = request.user_agent.string
    browser = next((name for mark, name in BROWSERS if mark in agent), "Browser")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return f"{browser} on {system}" if system else browser


def is_known_device(person_id: uuid.UUID) -> bool:
    """Was this person signed in from this kind of device and network within 90 days, or never signed in at all?"""
    seen = db.session().scalars(select(Session.device_digest).where(Session.person_id == person_id)).all()
    return not seen or _device_digest() in seen


def _device_digest() -> bytes:
    return digests.digest("device", f"{device_label()}|{rate_limits.network_prefix()}")


def start(person_id: uuid.UUID, *, proved_at: datetime | None) -> str:
    """Begin a session and end the oldest beyond ten. The token; only its digest is kept."""
    token = secrets.token_urlsafe(32)
    now = clock.now()
    row = Session(person_id=person_id, token_digest=token_digest(token), device_digest=_device_digest(), seen_at=now, proved_at=proved_at)
    row.device = device_label()
    db.session().add(row)
    db.session().flush()
    for oldest in live(person_id)[MOST_SESSIONS:]:
        end(oldest)
    return token


def find(token: str) -> tuple[Session, Customer, str] | None:
    """The live session of a token, its customer, and the number of the policy in force. One statement, the person's key included."""
    found: Any = (
        db.session()
        .execute(
            select(Session, Customer, version.number_in_force(), Dek.wrapped, Dek.kek)
            .join(Customer, Customer.id == Session.person_id)
            .join(Dek, (Dek.owner == Session.person_id) & (Dek.kind == keyring.PROFILE))
            .where(Session.token_digest == token_digest(token))
        )
        .first()
    )
    if found is None or not found[0].is_live:
        return None
    keyring.learn(found[0].person_id, keyring.PROFILE, found.wrapped, found.kek)
    return found[0], found[1], found[2] or ""


def hold(token: str) -> None:
    """Let this person's other acts wait until this transaction is over, so that what it checks still holds when it writes."""
    owner = select(Session.person_id).where(Session.token_digest == token_digest(token)).scalar_subquery()
    db.session().execute(select(Customer.id).where(Customer.id == owner).with_for_update())


def live(person_id: uuid.UUID) -> Sequence[Session]:
    """Sessions that are open, newest first."""
    rows = db.session().scalars(
        select(Session).where(Session.person_id == person_id, Session.ended_at.is_(None)).order_by(Session.seen_at.desc())
    )
    return [row for row in rows if row.is_live]


def get(person_id: uuid.UUID, session_id: uuid.UUID) -> Session | None:
    return (
        db.session()
        .scalars(select(Session).where(Session.id == session_id, Session.person_id == person_id, Session.ended_at.is_(None)))
        .first()
    )


def end(row: Session) -> None:
    row.ended_at = clock.now()


def close(token: str) -> None:
    """End the session of a token that this browser had before it signed in anew."""
    statement = update(Session).where(Session.token_digest == token_digest(token), Session.ended_at.is_(None))
    db.session().execute(statement.values(ended_at=clock.now(), version=Session.version + 1))


def end_all(person_id: uuid.UUID, *, but: uuid.UUID | None = None) -> None:
    """End every session of a person at once, but the one named."""
    others = (Session.id != but,) if but else ()
    statement = update(Session).where(Session.person_id == person_id, Session.ended_at.is_(None), *others)
    db.session().execute(statement.values(ended_at=clock.now(), version=Session.version + 1))


def renew(row: Session) -> str:
    """A new token for the same session, so that one seen before the proof opens nothing after it."""
    token = secrets.token_urlsafe(32)
    row.token_digest = token_digest(token)
    return token


def touch(token: str) -> None:
    """Note that the session is in use, at most once a minute."""
    now = clock.now()
    due = (Session.token_digest == token_digest(token), Session.seen_at < now - TOUCH_EVERY, Session.ended_at.is_(None))
    db.session().execute(update(Session).where(*due).values(seen_at=now))


@job("sweep_sessions", every=timedelta(days=1))
def sweep(_job: Job) -> None:
    """Forget sessions and devices after 90 days."""
    db.session().execute(delete(Session).where(Session.seen_at < clock.now() - REMEMBERED))
