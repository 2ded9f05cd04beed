"""What can still be taken back: for a day, a choice or a removed address."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import aliased

from portal.activity.trail import CHOICE, ENTRY, Act
from portal.addresses import address
from portal.contacts import undo
from portal.contacts.choice import Choice
from portal.core import clock, db

REMOVED = "address_removed"


def choices(acts: Sequence[Act]) -> frozenset[uuid.UUID]:
    """The choices among these acts that an undo would take back now: young, and nothing newer was said. One statement at most."""
    young = [act.id for act in _since(acts, undo.SPAN) if act.kind == CHOICE]
    if not young:
        return frozenset()
    newer = aliased(Choice)
    same = (newer.digest == Choice.digest, newer.topic == Choice.topic, newer.channel == Choice.channel, newer.id > Choice.id)
    open_still = select(Choice.id).where(Choice.id.in_(young), Choice.via != undo.UNDO, ~select(newer.id).where(*same).exists())
    return frozenset(db.session().scalars(open_still))


def addresses(person_id: uuid.UUID, acts: Sequence[Act]) -> dict[uuid.UUID, str]:
    """Acts that removed an address which can come back, with its id. One statement at most."""
    removals = [act for act in _since(acts, address.UNDO) if act.kind == ENTRY and act.name == REMOVED]
    gone = {str(row.id) for row in address.removed(person_id)} if removals else set()
    return {act.id: act.facts["address_id"] for act in removals if act.facts["address_id"] in gone}


def _since(acts: Sequence[Act], span: timedelta) -> list[Act]:
    return [act for act in acts if act.at > clock.now() - span]
