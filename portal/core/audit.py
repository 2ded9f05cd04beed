"""The audit trail: who did what about whom, chained and signed so that a changed past shows."""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Select, UniqueConstraint, func, literal, select, union_all
from sqlalchemy.orm import Mapped, mapped_column

from portal import settings
from portal.core import acting, clock, db, keyring
from portal.core.db import Base, Key, Long, Moment, Short, new_key
from portal.core.holdings import NOT_PERSONAL, Basis, Holding, OnErasure, Provenance
from portal.core.jobs import Job, job

BATCH = 1000
GENESIS = bytes(32)


class Entry(Base):
    """One act. Recording is a plain insert in the transaction of the act itself."""

    __tablename__ = "entry"
    __holding__ = Holding(
        "Activity",
        purpose="showing you and proving later who did what with your data",
        basis=Basis.LEGAL_OBLIGATION,
        on_erasure=OnErasure.KEEP,
        kept="the bare fact stays as proof; its details become unreadable when you are erased",
        provenance=Provenance.OBSERVED,
        found_by="subject",
        hidden=frozenset({"box", "staff_grant"}),
        plain={"act": "counted and shown", "actor": "an id, never a name", "data": "only listed words and numbers, no personal data", "at": "time"},
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
        return keyring.unseal(dek, "entry", self.id, self.subject, self.box) if dek else {}


class Link(Base):
    """The place of an entry or a choice in the chain."""

    __tablename__ = "audit_link"
    __holding__ = NOT_PERSONAL
    __table_args__ = (UniqueConstraint("entry"),)

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry: Mapped[Key]
    source: Mapped[Short]
    chain: Mapped[bytes]


def record(act: str, subject: uuid.UUID | None, *, details: Mapping[str, Any] | None = None, **facts: str | int | list[str]) -> None:
    """Record an act of `acting.actor()`. `facts` hold no personal data; `details` are sealed under the subject's key."""
    entry = Entry(id=new_key(), subject=subject, at=clock.now(), actor=str(acting.actor()), act=act, data=canonical(facts).decode())
    dek = keyring.dek_of(subject, keyring.PROFILE) if details and subject else None
    if dek and subject and details:
        entry.box = keyring.seal(dek, "entry", entry.id, subject, details)
    db.session().add(entry)


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: one text for one value."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def leaf(row: Any, columns: tuple[str, ...]) -> bytes:
    """SHA-256(0x00 ‖ canonical JSON ‖ SHA-256(sealed bytes)). It covers ciphertext, so an erasure leaves the chain valid."""
    plain = {name: value.hex() if isinstance(value := getattr(row, name), bytes) else value for name in columns}
    return hashlib.sha256(b"\0" + canonical(plain) + hashlib.sha256(getattr(row, "box", None) or b"").digest()).digest()


def chained(previous: bytes, of: bytes) -> bytes:
    return hashlib.sha256(b"\1" + previous + of).digest()


def sources() -> dict[str, type[Any]]:
    """Tables whose rows are links of the chain, by name."""
    return {m.class_.__tablename__: m.class_ for m in Base.registry.mappers if hasattr(m.class_, "__chained__")}


@job("audit_checkpoint", every=timedelta(minutes=1))
def chain_every_minute(_job: Job) -> None:
    checkpoint()


def checkpoint() -> int:
    """Chain what was recorded since the last time and sign the new head, so that a later change of the past can be proven."""
    added = sum(iter(_chain_batch, 0))
    if added:
        sign_head()
    return added


def _chain_batch() -> int:
    session = db.session()
    last = session.execute(select(Link.position, Link.chain).order_by(Link.position.desc()).limit(1)).first()
    position, head = (last.position, last.chain) if last else (0, GENESIS)
    known = sources()
    waiting: list[Select[Any]] = [
        select(model.id, literal(name).label("source")).where(~select(Link.position).where(Link.entry == model.id).exists())
        for name, model in known.items()
    ]
    found = union_all(*waiting).subquery()
    batch = session.execute(select(found.c.id, found.c.source).order_by(found.c.id).limit(BATCH)).all()
    rows = {row.id: row for name, model in known.items() for row in session.scalars(select(model).where(model.id.in_([b.id for b in batch if b.source == name])))}
    for entry, source in batch:
        position, head = position + 1, chained(head, leaf(rows[entry], known[source].__chained__))
        session.add(Link(position=position, entry=entry, source=source, chain=head))
    session.flush()
    return len(batch)


@dataclass(frozen=True)
class Head:
    """A signed head: how many links there were, and the hash of the last one."""

    size: int
    chain: bytes


class Broken(StrEnum):
    """How a trail can be broken."""

    EDITED = "edited"
    MISSING = "missing"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"


@dataclass(frozen=True)
class Verdict:
    """What verifying found. `broken` is None for an intact trail; `position` is the first bad place; `unchained` was not judged."""

    broken: Broken | None
    position: int
    size: int
    unchained: int
    heads: int


def sign_head() -> None:
    """Append a signed head to the checkpoint file; refuse when the trail no longer agrees with the last one signed."""
    file = settings.current().checkpoints
    last = db.session().execute(select(Link.position, Link.chain).order_by(Link.position.desc()).limit(1)).one()
    for head in list(read_heads(file))[-1:]:
        found = db.session().scalar(select(Link.chain).where(Link.position == head.size))
        if found != head.chain:
            raise RuntimeError("the audit trail no longer agrees with its last signed head: run `python -m portal audit verify`")
    append_durably(file, _note(Head(last.position, last.chain)).encode())


def _note(head: Head) -> str:
    key = Ed25519PrivateKey.from_private_bytes(keyring.ring().audit_seed)
    body = f"{_origin()}\n{head.size}\n{base64.b64encode(head.chain).decode()}\n"
    signature = _key_hash(key.public_key()) + key.sign(body.encode())
    return f"{body}\n— {_origin()} {base64.b64encode(signature).decode()}\n\n"


def _origin() -> str:
    return f"{settings.current().host}/audit"


def _key_hash(key: Ed25519PublicKey) -> bytes:
    """Four bytes that name the key, as signed notes do (C2SP signed-note)."""
    return hashlib.sha256(_origin().encode() + b"\n\x01" + key.public_bytes_raw()).digest()[:4]


def append_durably(file: Path, content: bytes) -> None:
    """Append and wait until the disk has it. A new file is private (mode 0600)."""
    file.touch(mode=0o600, exist_ok=True)
    with file.open("ab") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def read_heads(file: Path) -> Iterator[Head]:
    """Heads of a checkpoint file whose signature holds. Raises InvalidSignature at the first that does not."""
    if not file.exists():
        return
    key = Ed25519PrivateKey.from_private_bytes(keyring.ring().audit_seed).public_key()
    lines = file.read_text().splitlines()
    for start in range(0, len(lines) - 4, 6):
        body = "\n".join(lines[start : start + 3]) + "\n"
        signature = base64.b64decode(lines[start + 4].rpartition(" ")[2])
        if signature[:4] != _key_hash(key):
            raise InvalidSignature
        key.verify(signature[4:], body.encode())
        yield Head(int(lines[start + 1]), base64.b64decode(lines[start + 2]))


def verify(file: Path) -> Verdict:
    """Recompute the chain and hold it against the signed heads. Raises InvalidSignature when the heads themselves were altered."""
    session = db.session()
    heads = {head.size: head.chain for head in read_heads(file)}
    size, head = 0, GENESIS
    rewritten: int | None = None
    for link, row in _links():
        size += 1
        problem = _problem(link, row, size, head)
        if problem:
            return Verdict(problem, size, size, 0, len(heads))
        head = link.chain
        if size in heads and heads[size] != head and rewritten is None:
            rewritten = size
    total = sum(session.scalar(select(func.count()).select_from(model)) or 0 for model in sources().values())
    if rewritten:
        return Verdict(Broken.REWRITTEN, rewritten, size, 0, len(heads))
    if heads and max(heads) > size:
        return Verdict(Broken.TRUNCATED, size + 1, size, 0, len(heads))
    return Verdict(None, 0, size, total - size, len(heads))


def _problem(link: Link, row: Any, position: int, head: bytes) -> Broken | None:
    if link.position != position:
        return Broken.MISSING
    if row is None:
        return Broken.MISSING
    if chained(head, leaf(row, type(row).__chained__)) == link.chain:
        return None
    return Broken.EDITED


def _links() -> Iterator[tuple[Link, Any]]:
    session, known, after = db.session(), sources(), 0
    while links := session.scalars(select(Link).where(Link.position > after).order_by(Link.position).limit(BATCH)).all():
        rows = {row.id: row for name, model in known.items() for row in session.scalars(select(model).where(model.id.in_([n.entry for n in links if n.source == name])))}
        yield from ((link, rows.get(link.entry)) for link in links)
        after = links[-1].position
        session.expunge_all()
