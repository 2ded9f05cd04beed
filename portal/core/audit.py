"""The audit trail: who did what about whom, recorded in the same transaction as the act."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import orjson
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import acting, boxes, clock, db, keyring
from portal.core.db import Base, Key, Long, Moment, Short, new_key
from portal.core.holdings import Basis, Holding, OnErasure, Provenance


class Entry(Base):
    """One act. Recording is a plain insert in the transaction of the act itself."""

    __tablename__ = "entry"
    __holding__ = Holding(
        _l("Activity"),
        purpose=_l("showing you and proving later who did what with your data"),
        basis=Basis.LEGAL_OBLIGATION,
        on_erasure=OnErasure.KEEP,
        kept=_l("the bare fact stays as proof; its details become unreadable when you are erased"),
        provenance=Provenance.OBSERVED,
        found_by="subject",
        hidden=frozenset({"box", "staff_grant"}),
        plain={
            "subject": "whose data it was",
            "act": "counted and shown",
            "actor": "an id, never a name",
            "data": "only listed words and numbers, no personal data",
            "at": "time",
        },
        page="activity.index",
    )
    __chained__ = ("id", "at", "actor", "subject", "staff_grant", "act", "data")

    id: Mapped[Key] = mapped_column(primary_key=True, default=new_key)
    subject: Mapped[Key | None] = mapped_column(index=True)
    at: Mapped[Moment]
    actor: Mapped[Short]
    staff_grant: Mapped[Key | None]
    act: Mapped[Short]
    data: Mapped[Long]
    box: Mapped[bytes | None]

    @property
    def facts(self) -> dict[str, Any]:
        """The plain facts: words and numbers without personal data."""
        facts: dict[str, Any] = orjson.loads(self.data)
        return facts

    @property
    def details(self) -> dict[str, Any]:
        """The sealed details, empty once the subject's key is gone."""
        if self.box is None or self.subject is None:
            return {}
        dek = keyring.dek_of(self.subject, keyring.PROFILE)
        return boxes.unseal(dek, "entry", self.id, self.subject, self.box) if dek else {}


def record(act: str, subject: uuid.UUID | None, *, details: Mapping[str, Any] | None = None, **facts: str | int | list[str]) -> None:
    """Record an act of `acting.actor()`. `facts` hold no personal data; `details` are sealed under the subject's key."""
    entry = Entry(id=new_key(), subject=subject, at=clock.now(), actor=str(acting.actor()), act=act, data=canonical(facts).decode())
    dek = keyring.dek_of(subject, keyring.PROFILE) if details and subject else None
    if dek and subject and details:
        entry.box = boxes.seal(dek, "entry", entry.id, subject, details)
    db.session().add(entry)


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: one text for one value."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
