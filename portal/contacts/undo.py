"""Taking back: for a day, a choice can be undone by whoever was shown its id, unless something newer was said meanwhile."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Select, select

from portal.contacts import choice
from portal.contacts.choice import Answer, Choice
from portal.contacts.topics import ALL
from portal.core import clock, db

SPAN = timedelta(hours=24)
UNDO = "undo"


def open_to_undo(digest: bytes, ids: Sequence[uuid.UUID]) -> list[Choice]:
    """Of the named choices of this address, those that an undo would take back now, or has taken back already."""
    mine = select(Choice).where(Choice.digest == digest, Choice.id.in_(ids)).order_by(Choice.id)
    since = clock.now() - SPAN
    return [said for said in db.session().scalars(mine).all() if since < said.at and all(later.via == UNDO for later in _after(said))]


def take_back(chosen: Sequence[Choice]) -> list[uuid.UUID]:
    """Let the answers before these choices count again; the ids of the choices that say so. Harmless to repeat."""
    said = [_put_back(one) for one in chosen if not _after(one)]
    return [one for one in said if one is not None]


def _after(said: Choice) -> Sequence[Choice]:
    return db.session().scalars(_same(said).where(Choice.id > said.id).order_by(Choice.id).limit(2)).all()


def _put_back(said: Choice) -> uuid.UUID | None:
    """Where nothing was said before, nothing was stopped, and nothing was wanted."""
    before = db.session().scalars(_same(said).where(Choice.id < said.id).order_by(Choice.id.desc()).limit(1)).first()
    first = Answer.YES if said.topic == ALL else Answer.NO
    answer, until, wording = (before.answer, before.until, before.wording_sha) if before else (first, None, "")
    return choice._answer(said.digest, said.topic, said.channel, answer, UNDO, clock.now(), until, wording)


def _same(said: Choice) -> Select[Choice]:
    return select(Choice).where(Choice.digest == said.digest, Choice.topic == said.topic, Choice.channel == said.channel)
