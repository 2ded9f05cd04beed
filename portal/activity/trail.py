"""Who looked at or changed a person's data: acts, choices and letters as one list."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import LargeBinary, String, case, cast, func, literal, null, select, type_coerce, union_all

from portal.activity import acts, letters, paging
from portal.activity.paging import Place, Turn
from portal.contacts.choice import Choice
from portal.contacts.contact import Contact
from portal.core import boxes, db, keyring
from portal.core.audit import Entry
from portal.letters.letter import Letter

ENTRY, CHOICE, LETTER = "entry", "choice", "letter"
MILLISECONDS = 80


@dataclass(frozen=True)
class Act:
    """One line of the list: the act's plain name, what happened in words, who did it, and its plain facts."""

    id: uuid.UUID
    kind: str
    name: str
    text: str
    detail: str
    facts: dict[str, Any]

    @property
    def at(self) -> datetime:
        """The time that the id carries (RFC 9562, section 5.7)."""
        return datetime.fromtimestamp((self.id.int >> MILLISECONDS) / 1000, UTC)


def latest(person_id: uuid.UUID, limit: int = 5) -> list[Act]:
    """The newest acts. One statement."""
    everything = _everything(person_id).subquery()
    rows = db.session().execute(select(everything).order_by(everything.c.id.desc()).limit(limit)).all()
    return _told(person_id, rows)


def page_of(person_id: uuid.UUID, place: Place) -> Turn:
    """One page of the list. Two statements, however long the list is."""
    everything = _everything(person_id).subquery()
    count = db.session().scalar(select(func.count()).select_from(everything)) or 0
    turned = paging.turn(select(everything), everything.c.id, count, place)
    return Turn(_told(person_id, turned.rows), count, turned.newer, turned.older)


def all_of(person_id: uuid.UUID) -> Iterator[Act]:
    """The whole list, newest first."""
    everything = _everything(person_id).subquery()
    yield from _told(person_id, db.session().execute(select(everything).order_by(everything.c.id.desc())).all())


def _everything(person_id: uuid.UUID) -> Any:
    own = select(Contact.digest).where(Contact.person_id == person_id)
    no_box = cast(null(), LargeBinary).label("box")
    kind, by, name, facts = literal(ENTRY).label("kind"), Entry.actor.label("by"), Entry.act.label("name"), Entry.data.label("facts")
    entries = select(Entry.id, kind, by, name, facts, Entry.box.label("box")).where(Entry.subject == person_id)
    answer = case((Choice.until.is_not(None), acts.PAUSED), else_=type_coerce(Choice.answer, String))
    said = type_coerce(Choice.channel, String) + literal(" ") + answer
    choices = select(Choice.id, literal(CHOICE), Choice.by, Choice.topic, said, no_box).where(Choice.digest.in_(own))
    topic = func.coalesce(Letter.topic, "")
    sent = select(Letter.id, literal(LETTER), literal("system"), Letter.template, topic, no_box).where(Letter.person_id == person_id)
    return union_all(entries, choices, sent)


def _told(person_id: uuid.UUID, rows: Sequence[Any]) -> list[Act]:
    return [_act(person_id, row) for row in rows]


def _act(person_id: uuid.UUID, row: Any) -> Act:
    facts = orjson.loads(row.facts) if row.kind == ENTRY else {}
    return Act(row.id, row.kind, row.name, _sentence(person_id, row, facts), acts.by_whom(row.by), facts)


def _sentence(person_id: uuid.UUID, row: Any, facts: dict[str, Any]) -> str:
    if row.kind == LETTER:
        return acts.letter(letters.title(row.name, row.facts))
    if row.kind == CHOICE:
        channel, answer = row.facts.split(" ")
        return acts.choice(row.name, channel, answer)
    return acts.sentence(row.name, {**facts, **_details(person_id, row)})


def _details(person_id: uuid.UUID, row: Any) -> dict[str, Any]:
    dek = keyring.dek_of(person_id, keyring.PROFILE) if row.box else None
    return boxes.unseal(dek, "entry", row.id, person_id, row.box) if dek else {}
