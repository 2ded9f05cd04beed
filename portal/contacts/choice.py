"""Choices: every yes and no a person ever said, and the answer that counts now."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from flask_babel import lazy_gettext as _l
from sqlalchemy import Index, String, and_, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from portal.contacts.topics import ALL, BY_SLUG, TOPICS, Channel
from portal.core import acting, clock, db
from portal.core.db import Base, Digest, Key, Moment, Short, new_key
from portal.core.holdings import Basis, Holding, OnErasure

IMPORTED, UNPROVEN = "import", "unproven import"


class Answer(StrEnum):
    """What was said."""

    YES = "yes"
    NO = "no"


class Choice(Base):
    """One yes or no, for ever. It is its own evidence and its own audit entry."""

    __tablename__ = "choice"
    __holding__ = Holding(
        _l("What you said yes and no to"),
        purpose=_l("proving your yes and keeping your no"),
        basis=Basis.LEGAL_OBLIGATION,
        on_erasure=OnErasure.KEEP,
        kept=_l("a no without end, so that nobody writes to you again; without your name or address"),
        found_by="digest",
        hidden=frozenset({"digest", "number", "wording_sha"}),
        plain={
            "digest": "keyed digest: outlives the person, tells no address",
            "topic": "a word",
            "channel": "a word",
            "answer": "a word",
            "until": "time",
            "via": "names the page or the link",
            "by": "an id, never a name",
            "at": "time",
        },
        page="preferences.history",
    )
    __table_args__ = (Index(None, "digest", "id"),)
    __chained__ = ("id", "digest", "topic", "channel", "answer", "until", "source", "wording_sha", "policy_version", "via", "at", "by")

    id: Mapped[Key] = mapped_column(primary_key=True, default=new_key)
    digest: Mapped[Digest]
    number: Mapped[int | None]
    topic: Mapped[Short]
    channel: Mapped[Channel]
    answer: Mapped[Answer]
    until: Mapped[Moment | None]
    source: Mapped[Short]
    wording_sha: Mapped[str] = mapped_column(String(64))
    policy_version: Mapped[Short]
    via: Mapped[Short]
    at: Mapped[Moment]
    by: Mapped[Short]

    @property
    def is_proven(self) -> bool:
        """Do we know when and how it was said? Only a yes that came without its time is in doubt."""
        return self.via != UNPROVEN


class Preference(Base):
    """The answer that counts now. A no with `until` is a pause: after it the yes before counts again."""

    __tablename__ = "preference"
    __holding__ = Holding(
        _l("E-mail Notifications"),
        purpose=_l("sending you only what you want"),
        basis=Basis.LEGAL_OBLIGATION,
        on_erasure=OnErasure.KEEP,
        kept=_l("a no without end, so that nobody writes to you again; without your name or address"),
        found_by="digest",
        hidden=frozenset({"digest"}),
        plain={
            "digest": "keyed digest: outlives the person, tells no address",
            "topic": "a word",
            "answer": "a word",
            "until": "time",
            "at": "time",
        },
        page="preferences.notifications",
    )

    digest: Mapped[Digest] = mapped_column(primary_key=True)
    topic: Mapped[Short] = mapped_column(primary_key=True)
    channel: Mapped[Channel] = mapped_column(primary_key=True)
    id: Mapped[Key] = mapped_column(default=new_key)
    answer: Mapped[Answer]
    until: Mapped[Moment | None]
    at: Mapped[Moment]

    @property
    def is_yes(self) -> bool:
        return self.answer == Answer.YES or (self.until is not None and self.until <= clock.now())

    @property
    def is_paused(self) -> bool:
        return self.answer == Answer.NO and self.until is not None and self.until > clock.now()


@dataclass(frozen=True)
class Standing:
    """All that one address answered, read at once."""

    answers: Mapping[tuple[str, Channel], Preference]

    def wants(self, topic: str, channel: Channel) -> bool:
        """Is there a yes that counts? No yes on record is a no; stopping everything outweighs each yes."""
        said = self.answers.get((topic, channel))
        return said is not None and said.is_yes and not self.says_no(ALL, channel)

    def refuses(self, topic: str, channel: Channel) -> bool:
        """Is there a no on record, for this topic or for everything?"""
        return self.says_no(topic, channel) or self.says_no(ALL, channel)

    def says_no(self, topic: str, channel: Channel) -> bool:
        said = self.answers.get((topic, channel))
        return said is not None and not said.is_yes

    def paused_until(self, topic: str, channel: Channel) -> datetime | None:
        said = self.answers.get((topic, channel))
        return said.until if said is not None and said.is_paused else None


def standing(digest: bytes) -> Standing:
    """What the owner of this address digest wants now. One statement."""
    return standings([digest])[digest]


def standings(digests: Sequence[bytes]) -> Mapping[bytes, Standing]:
    """The same for many addresses at once. One statement."""
    answers: dict[bytes, dict[tuple[str, Channel], Preference]] = {digest: {} for digest in digests}
    rows = select(Preference).where(Preference.digest.in_(digests)).execution_options(populate_existing=True)
    for row in db.session().scalars(rows):
        answers[row.digest][row.topic, row.channel] = row
    return {digest: Standing(said) for digest, said in answers.items()}


def say_no(digest: bytes, topic: str, channel: Channel, *, via: str) -> uuid.UUID | None:
    """A no, for ever. The id of the choice, or None when that was the answer already. One UPSERT and at most one INSERT."""
    now = clock.now()
    row = db.insert(Preference).values(id=new_key(), digest=digest, topic=topic, channel=channel, answer=Answer.NO, until=None, at=now)
    changed = row.on_conflict_do_update(
        index_elements=["digest", "topic", "channel"],
        set_={"answer": Answer.NO, "until": None, "at": now},
        where=or_(Preference.answer != Answer.NO, Preference.until.is_not(None)),
    ).returning(Preference.topic)
    if db.session().execute(changed).first() is None:
        return None
    return _append(digest, topic, channel, Answer.NO, via, now)


def say_yes(digest: bytes, topic: str, channel: Channel, *, via: str, at: datetime | None = None) -> uuid.UUID | None:
    """A yes by the person themselves. If everything was stopped, only this topic comes back."""
    now = clock.now()
    _narrow_stop(digest, channel, via, now)
    return _answer(digest, topic, channel, Answer.YES, via, at or now, None)


def say_imported_yes(digest: bytes, topic: str, channel: Channel, *, at: datetime | None) -> uuid.UUID | None:
    """A yes that another system reports; without a time of its own it is unproven. It counts only where nothing was said before."""
    if standing(digest).answers.get((topic, channel)):
        return None
    return _answer(digest, topic, channel, Answer.YES, IMPORTED if at else UNPROVEN, at or clock.now(), None, wording="")


def pause(digest: bytes, topic: str, channel: Channel, *, days: int, via: str) -> uuid.UUID | None:
    """A no that ends by itself. It touches only what is on, so it never ends another no."""
    if not standing(digest).wants(topic, channel):
        return None
    now = clock.now()
    return _answer(digest, topic, channel, Answer.NO, via, now, now + timedelta(days=days))


def _narrow_stop(digest: bytes, channel: Channel, via: str, now: datetime) -> None:
    """Turn "stop everything" into a no for each topic that still had a yes, so that one new yes revives no old one."""
    said = standing(digest)
    everything = said.answers.get((ALL, channel))
    if everything is None or everything.is_yes:
        return
    for topic in TOPICS:
        old = said.answers.get((topic.slug, channel))
        if old is not None and old.is_yes:
            _answer(digest, topic.slug, channel, Answer.NO, via, now, None)
    _answer(digest, ALL, channel, Answer.YES, via, now, None)


def _answer(
    digest: bytes, topic: str, channel: Channel, answer: Answer, via: str, at: datetime, until: datetime | None, wording: str | None = None
) -> uuid.UUID | None:
    said = db.session().get(Preference, (digest, topic, channel), populate_existing=True)
    if said is not None and said.answer == answer and said.until == until:
        return None
    new = {"answer": answer, "until": until, "at": at}
    row = db.insert(Preference).values(id=new_key(), digest=digest, topic=topic, channel=channel, **new)
    db.session().execute(row.on_conflict_do_update(index_elements=["digest", "topic", "channel"], set_=new))
    if said is not None:
        db.session().expire(said)
    return _append(digest, topic, channel, answer, via, at, until, wording)


def _append(
    digest: bytes,
    topic: str,
    channel: Channel,
    answer: Answer,
    via: str,
    at: datetime,
    until: datetime | None = None,
    wording: str | None = None,
) -> uuid.UUID:
    scene = acting.scene()
    shown = BY_SLUG[topic].wording_sha if topic in BY_SLUG and answer == Answer.YES else ""
    row = db.insert(Choice).values(
        id=(key := new_key()), digest=digest, topic=topic, channel=channel, answer=answer, until=until, source=scene.source,
        wording_sha=shown if wording is None else wording, policy_version=scene.policy_version, via=via, at=at, by=str(scene.actor),
    )  # fmt: skip
    db.session().execute(row)
    return key


def last_said(digest: bytes) -> Mapping[tuple[str, Channel], Choice]:
    """The choices that count now, each with when and how it was said. One statement."""
    counting = and_(*(getattr(Preference, name) == getattr(Choice, name) for name in ("digest", "topic", "channel", "at")))
    rows = db.session().scalars(select(Choice).join(Preference, counting).where(Choice.digest == digest).order_by(Choice.id))
    return {(row.topic, row.channel): row for row in rows}


def history(digests: Sequence[bytes], limit: int | None = None, before: uuid.UUID | None = None) -> Sequence[Choice]:
    """Every yes and no of these addresses, newest first."""
    older = (Choice.id < before,) if before else ()
    return db.session().scalars(select(Choice).where(Choice.digest.in_(digests), *older).order_by(Choice.id.desc()).limit(limit)).all()


def stop_all(digest: bytes, *, via: str, channels: Sequence[Channel] = tuple(Channel)) -> list[uuid.UUID]:
    """No to all marketing on these channels; the ids of the choices that changed something."""
    said = (say_no(digest, ALL, channel, via=via) for channel in channels)
    return [choice for choice in said if choice is not None]


def copy_answers(old: bytes, new: bytes) -> None:
    """A person's answers follow them to a new address. What was refused there before stays refused."""
    there = standing(new)
    for said in db.session().scalars(select(Preference).where(Preference.digest == old)).all():
        if there.says_no(said.topic, said.channel):
            continue
        _answer(new, said.topic, said.channel, said.answer, "address change", said.at, said.until)
