"""What is to be done: one idea of a due row, leased by one worker at a time, finished together with its effect."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Any, cast

import structlog
from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import CursorResult, Index, delete, or_, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import acting, clock, db, keyring
from portal.core.db import Base, Key, Moment, Short, new_key
from portal.core.faults import whereabouts
from portal.core.holdings import Basis, Holding, OnErasure, Provenance
from portal.core.sealed import Sealed, sealed

LEASE = timedelta(seconds=60)
RENEWED_EVERY = timedelta(seconds=15)
BATCH = 10
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
MOST_ATTEMPTS = 12
KEPT_WHEN_DONE = timedelta(days=30)
log = structlog.get_logger()


class Priority(IntEnum):
    """Urgent work overtakes a million waiting rows."""

    URGENT = 0
    NORMAL = 1


class JobState(StrEnum):
    """A job waits until it is done, or dead after twelve attempts."""

    WAITING = "waiting"
    DONE = "done"
    DEAD = "dead"


class Leased:
    """A row that some worker takes up when it is due. Whoever holds the lease holds the latest fence."""

    id: Mapped[Key]
    priority: Mapped[int] = mapped_column(default=Priority.NORMAL)
    due_at: Mapped[Moment] = mapped_column(default=clock.now)
    leased_until: Mapped[Moment | None]
    fence: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)

    def put_off(self) -> bool:
        """Wait longer after each failure: 1 minute doubling to 6 hours, ±20 %. False when all attempts are used."""
        self.attempts += 1
        self.leased_until = None
        wait = min(FIRST_WAIT * 2 ** min(self.attempts - 1, MOST_ATTEMPTS), LONGEST_WAIT)
        self.due_at = clock.now() + wait * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
        return self.attempts < MOST_ATTEMPTS


class Job(Leased, Sealed, Base):
    """Work that follows an act: swept rows, calls to other systems, nightly duties."""

    __tablename__ = "job"
    __holding__ = Holding(
        _l("Work under way"),
        purpose=_l("finishing what you asked for"),
        basis=Basis.CONTRACT,
        on_erasure=OnErasure.DELETE,
        kept=_l("until it is done; what it needs stays sealed 30 days at most"),
        provenance=Provenance.DERIVED,
        hidden=frozenset({"box", "key_kind_name", "fence", "leased_until", "dedupe_key", "priority"}),
        plain={"kind": "chooses the work", "state": "a word", "due_at": "time", "attempts": "a count", "about": "an id"},
    )
    __table_args__ = (Index(None, "state", "priority", "due_at"), Index(None, "about"))

    person_id: Mapped[Key | None] = mapped_column(index=True)
    key_kind_name: Mapped[Short] = mapped_column(default=keyring.PROFILE)
    kind: Mapped[Short]
    dedupe_key: Mapped[Short | None] = mapped_column(unique=True)
    about: Mapped[Key | None]
    state: Mapped[JobState] = mapped_column(default=JobState.WAITING)
    payload = sealed("What the work needs", default={})

    @property
    def owner(self) -> uuid.UUID:
        return cast(uuid.UUID, self.person_id)

    @staticmethod
    def kind_of_key(row: Any) -> str:
        return str(row.key_kind_name or keyring.PROFILE)


Settle = Callable[[Job], object]
Outside = Callable[[Job], Settle]


@dataclass(frozen=True)
class Handler:
    """How a kind of job is done. `every` makes it a duty that comes due again."""

    kind: str
    run: Callable[[Job], Any]
    every: timedelta | None = None
    is_errand: bool = False


def job(kind: str, *, every: timedelta | None = None) -> Callable[[Settle], Settle]:
    """Declare work that runs inside one transaction together with its being done. A true `More` asks to be run again at once."""

    def declare(function: Settle) -> Settle:
        function.__job__ = Handler(kind, function, every)  # type: ignore[attr-defined]
        return function

    return declare


def errand(kind: str, *, every: timedelta | None = None) -> Callable[[Outside], Outside]:
    """Declare a call to another system: it runs outside any transaction and returns what settles it inside one."""

    def declare(function: Outside) -> Outside:
        function.__job__ = Handler(kind, function, every, is_errand=True)  # type: ignore[attr-defined]
        return function

    return declare


class More:
    """A job's answer: there is more to do, run me again."""


class Later:
    """A job's answer: nothing went wrong, but it is too early; look again after a while."""

    def __init__(self, after: timedelta) -> None:
        self.after = after


def queue(
    kind: str,
    *,
    person_id: uuid.UUID | None = None,
    about: uuid.UUID | None = None,
    payload: dict[str, Any] | None = None,
    key_kind: str = keyring.PROFILE,
    dedupe_key: str | None = None,
    due_in: timedelta = timedelta(0),
) -> None:
    """Put work off until after the commit. The payload is sealed under the person's key of `key_kind`."""
    added = Job(kind=kind, person_id=person_id, about=about, key_kind_name=key_kind, dedupe_key=dedupe_key, due_at=clock.now() + due_in)
    if payload:
        added.payload = payload
    db.session().add(added)


def claim(model: type[Any], waiting: Any) -> list[tuple[uuid.UUID, int]]:
    """Lease up to ten due rows to this worker, urgent ones first: (id, fence) of each. Opens no transaction when nothing is due."""
    now = clock.now()
    due = (model.due_at <= now, model.state == waiting, or_(model.leased_until.is_(None), model.leased_until < now))
    with db.reading() as session:
        if session.scalar(select(model.id).where(*due).limit(1)) is None:
            return []
    chosen = select(model.id).where(*due).order_by(model.priority, model.due_at, model.id).limit(BATCH)
    batch = chosen.with_for_update(skip_locked=True).cte("batch")  # asked once, whatever way the store then goes to find the rows
    with db.transaction() as session:
        leased = update(model).where(model.id.in_(select(batch.c.id))).values(fence=model.fence + 1, leased_until=now + LEASE)
        rows = session.execute(leased.returning(model.id, model.fence, model.priority, model.due_at)).all()
    return [(row.id, row.fence) for row in sorted(rows, key=lambda r: (r.priority, r.due_at, r.id))]


def held(model: type[Any], row_id: uuid.UUID, fence: int) -> Any | None:
    """The leased row, locked, or None when another worker took it over meanwhile."""
    return db.session().scalars(select(model).where(model.id == row_id, model.fence == fence).with_for_update()).first()


def renew(model: type[Any], row_id: uuid.UUID, fence: int) -> bool:
    """Hold a row for another minute; False when another worker took it over."""
    still = update(model).where(model.id == row_id, model.fence == fence)
    with db.transaction() as session:
        return session.execute(still.values(leased_until=clock.now() + LEASE).returning(model.id)).first() is not None


@contextmanager
def renewing(model: type[Any], row_id: uuid.UUID, fence: int) -> Iterator[None]:
    """While a call to another system takes its time, no other worker takes the row up."""
    app, done = current_app._get_current_object(), threading.Event()  # type: ignore[attr-defined]

    def beat() -> None:
        while not done.wait(RENEWED_EVERY.total_seconds()):
            with app.app_context():
                try:
                    if not renew(model, row_id, fence):
                        return
                except DBAPIError as error:
                    log.warning("lease_not_renewed", row=str(row_id), error=type(error).__name__)

    heart = threading.Thread(target=beat, daemon=True)
    heart.start()
    try:
        yield
    finally:
        done.set()
        heart.join()


def handlers() -> dict[str, Handler]:
    known: dict[str, Handler] = current_app.extensions["jobs"]
    return known


def run_due() -> int:
    """Do up to ten due jobs; how many were taken up."""
    claimed = claim(Job, JobState.WAITING)
    for job_id, fence in claimed:
        _run(job_id, fence)
    return len(claimed)


def _run(job_id: uuid.UUID, fence: int) -> None:
    try:
        snapshot = _snapshot(job_id)
        if snapshot is None:
            return
        scene = acting.Scene(acting.Actor(acting.Kind.SYSTEM, snapshot.kind), snapshot.person_id, "portal", "job")
        with acting.acting(scene):
            _do(snapshot, fence)
    except Exception as error:  # noqa: BLE001 - whatever failed, the job must live on
        log.error("job_failed", job=str(job_id), error=type(error).__name__, where=whereabouts(error))
        _fail(job_id, fence)


def _do(snapshot: Job, fence: int) -> None:
    handler = handlers().get(snapshot.kind)
    if handler is None:
        raise LookupError(f"no handler for job kind {snapshot.kind}")
    if not handler.is_errand:
        _settle(snapshot.id, fence, handler.run, handler)
        return
    if not renew(Job, snapshot.id, fence):
        return
    with renewing(Job, snapshot.id, fence):
        settle = handler.run(snapshot)
    _settle(snapshot.id, fence, settle, handler)


def _snapshot(job_id: uuid.UUID) -> Job | None:
    """The job as a call to another system needs it, with its payload opened."""
    with db.reading() as session:
        snapshot = session.get(Job, job_id)
        if snapshot is not None and snapshot.person_id:
            _ = snapshot.payload
    return snapshot


def _settle(job_id: uuid.UUID, fence: int, settle: Settle, handler: Handler) -> None:
    with db.transaction():
        taken: Job | None = held(Job, job_id, fence)
        if taken is None:
            return
        outcome = settle(taken)
        taken.leased_until = None
        if isinstance(outcome, Later):
            taken.due_at = clock.now() + outcome.after
            return
        taken.attempts = 0
        if isinstance(outcome, More):
            return
        if handler.every:
            taken.due_at = clock.now() + handler.every
            return
        taken.state = JobState.DONE
        taken.box = None
        taken.forget_opened()


def _fail(job_id: uuid.UUID, fence: int) -> None:
    with db.transaction():
        taken: Job | None = held(Job, job_id, fence)
        if taken is None:
            return
        handler = handlers().get(taken.kind)
        is_duty = handler is not None and handler.every is not None
        if not taken.put_off() and not is_duty:
            taken.state = JobState.DEAD
            log.error("job_dead", kind=taken.kind, job=str(job_id))


def appoint(known: Iterable[Handler]) -> None:
    """Make sure that every regular duty stands in the store, once."""
    duties = [handler.kind for handler in known if handler.every]
    with db.reading() as session:
        present = set(session.scalars(select(Job.dedupe_key).where(Job.dedupe_key.in_(duties))))
    missing = [kind for kind in duties if kind not in present]
    if not missing:
        return
    rows = [{"id": new_key(), "kind": kind, "dedupe_key": kind, "key_kind_name": keyring.PROFILE} for kind in missing]
    with db.transaction() as session:
        session.execute(db.insert(Job).values(rows).on_conflict_do_nothing())


def open_about(about: uuid.UUID) -> int:
    """How many jobs about this are not done yet."""
    return len(db.session().scalars(select(Job.id).where(Job.about == about, Job.state != JobState.DONE)).all())


@job("sweep_done_jobs", every=timedelta(days=1))
def sweep_done(_job: Job) -> int:
    """Forget finished work after thirty days."""
    done = delete(Job).where(Job.state == JobState.DONE, Job.due_at < clock.now() - KEPT_WHEN_DONE)
    return cast(CursorResult[Any], db.session().execute(done)).rowcount
