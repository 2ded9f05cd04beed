"""The policy in its versions: each stays readable, and every acceptance names the one that was accepted."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import ScalarSelect, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import audit, clock, db
from portal.core.db import Base, Key, Long, Moment, Short, new_key
from portal.core.holdings import NOT_PERSONAL, Basis, Holding, OnErasure
from portal.core.sealed import Owned

T = TypeVar("T")
HEADING = re.compile(r"^# (?P<title>.+?)(?: \{(?P<anchor>[a-z-]+)\})?$")


class PolicyVersion(Base):
    """One published text."""

    __tablename__ = "policy_version"
    __holding__ = NOT_PERSONAL

    id: Mapped[Key] = mapped_column(primary_key=True, default=new_key)
    number: Mapped[Short] = mapped_column(unique=True)
    text: Mapped[Long]
    sha: Mapped[Short]
    effective_at: Mapped[Moment]

    @property
    def sections(self) -> list[Section]:
        return read_sections(self.text)


class Acceptance(Owned, Base):
    """A person accepted a version."""

    __tablename__ = "acceptance"
    __holding__ = Holding(
        _l("Policies you accepted"),
        purpose=_l("showing which text you agreed to"),
        basis=Basis.CONTRACT,
        on_erasure=OnErasure.DELETE,
        kept=_l("as long as you have an account"),
        plain={"number": "a version number", "at": "time"},
    )

    number: Mapped[Short]
    at: Mapped[Moment]


@dataclass(frozen=True)
class Section:
    """A part of the policy: its text, the same in plain words, and the page that keeps it."""

    anchor: str
    title: str
    plain_words: str
    paragraphs: tuple[str, ...]
    page: str | None


def read_sections(text: str) -> list[Section]:
    """Read a policy text: `# Title {anchor}`, `> plain words`, `@ /page that keeps it`, then paragraphs parted by empty lines."""
    sections: list[Section] = []
    for block in re.split(r"(?m)^(?=# )", text):
        lines = block.strip().splitlines()
        heading = HEADING.match(lines[0]) if lines else None
        if heading is None:
            continue
        anchor = heading["anchor"] or re.sub(r"[^a-z]+", "-", heading["title"].lower()).strip("-")
        plain = " ".join(line[2:] for line in lines[1:] if line.startswith("> "))
        page = next((line[2:] for line in lines[1:] if line.startswith("@ ")), None)
        body = "\n".join(line for line in lines[1:] if not line.startswith(("> ", "@ ")))
        sections.append(Section(anchor, heading["title"], plain, tuple(p.strip() for p in body.split("\n\n") if p.strip()), page))
    return sections


def in_force() -> PolicyVersion | None:
    """The version that applies now, or None before the first is published."""
    return db.session().scalars(_in_force(select(PolicyVersion))).first()


def number_in_force() -> ScalarSelect[str]:
    """The number of that version, to be read along with other rows."""
    return _in_force(select(PolicyVersion.number)).scalar_subquery()


def _in_force(query: Select[T]) -> Select[T]:
    newest = (PolicyVersion.effective_at.desc(), PolicyVersion.id.desc())
    return query.where(PolicyVersion.effective_at <= clock.now()).order_by(*newest).limit(1)


def by_number(number: str) -> PolicyVersion | None:
    return db.session().scalars(select(PolicyVersion).where(PolicyVersion.number == number)).first()


def publish(text: str, *, effective_at: datetime | None = None) -> PolicyVersion:
    """Publish a text as the next version. The same text again changes nothing."""
    sha = hashlib.sha256(text.encode()).hexdigest()
    versions = db.session().scalars(select(PolicyVersion).order_by(PolicyVersion.id)).all()
    if versions and versions[-1].sha == sha:
        return versions[-1]
    version = PolicyVersion(number=str(len(versions) + 1), text=text, sha=sha, effective_at=effective_at or clock.now())
    db.session().add(version)
    audit.record("policy_published", None, number=version.number, sha=sha)
    return version


def accept(person_id: uuid.UUID, version: PolicyVersion) -> None:
    """Note that a person accepted a version."""
    db.session().add(Acceptance(person_id=person_id, number=version.number, at=clock.now()))
    audit.record("policy_accepted", person_id, number=version.number)


def accepted_by(person_id: uuid.UUID) -> Sequence[Acceptance]:
    return db.session().scalars(select(Acceptance).where(Acceptance.person_id == person_id).order_by(Acceptance.id)).all()
