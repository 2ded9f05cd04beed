"""The chain of the audit trail: each entry and choice is tied to all before it, and signed heads prove later what stood there."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Select, UniqueConstraint, insert, literal, select, union_all
from sqlalchemy.orm import Mapped, mapped_column

from portal import settings
from portal.core import db, keyring
from portal.core.audit import canonical
from portal.core.db import Base, Key, Short
from portal.core.durable import append
from portal.core.holdings import NOT_PERSONAL
from portal.core.jobs import Job, Settle, errand

BATCH = 500
SEARCH = 50_000
GENESIS = bytes(32)
LONGEST_NOTE = 1024
NOTE = re.compile(
    r"^(?P<body>(?P<origin>\S+)\n(?P<size>\d+)\n(?P<chain>[A-Za-z0-9+/]{43}=)\n)"
    r"\n— (?P=origin) (?P<signature>[A-Za-z0-9+/]{91}=)\n$",
    re.MULTILINE,
)


class Link(Base):
    """The place of an entry or a choice in the chain."""

    __tablename__ = "audit_link"
    __holding__ = NOT_PERSONAL
    __table_args__ = (UniqueConstraint("entry"),)

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry: Mapped[Key]
    source: Mapped[Short]
    chain: Mapped[bytes]


def leaf(row: Any, columns: tuple[str, ...]) -> bytes:
    """SHA-256(0x00 ‖ canonical JSON ‖ SHA-256(sealed bytes)). It covers ciphertext, so an erasure leaves the chain valid."""
    plain = {name: value.hex() if isinstance(value := getattr(row, name), bytes) else value for name in columns}
    return hashlib.sha256(b"\0" + canonical(plain) + hashlib.sha256(getattr(row, "box", None) or b"").digest()).digest()


def chained(previous: bytes, of: bytes) -> bytes:
    return hashlib.sha256(b"\1" + previous + of).digest()


def sources() -> dict[str, type[Any]]:
    """Tables whose rows are links of the chain, by name."""
    return {m.class_.__tablename__: m.class_ for m in Base.registry.mappers if hasattr(m.class_, "__chained__")}


@dataclass(frozen=True)
class Head:
    """A signed head: how many links there were, and the hash of the last one."""

    size: int
    chain: bytes


@errand("audit_checkpoint", every=timedelta(minutes=1))
def chain_every_minute(_job: Job) -> Settle:
    checkpoint()
    return lambda _taken: None


def checkpoint() -> int:
    """Chain what was recorded since the last time, then sign the head that the store has kept. How much was chained.

    Opens transactions of its own: a head must never be signed before what it stands for is kept.
    """
    added = 0
    while waiting := _waiting():
        for start in range(0, len(waiting), BATCH):
            added += _chain(waiting[start : start + BATCH])
    sign_head()
    return added


def _waiting() -> Sequence[Any]:
    """The search takes longest, so it finds many at once; it holds up nobody."""
    with db.reading() as session:
        return session.execute(_unchained(sources())).all()


def _chain(waiting: Sequence[Any]) -> int:
    """Tie a batch to the end of the chain; how many were not tied by another worker a moment ago."""
    known = sources()
    with db.transaction() as session:
        last = _last_link()
        position, head = (last.position, last.chain) if last else (0, GENESIS)
        rows = _rows(known, [(found.id, found.source) for found in waiting])
        taken = set(session.scalars(select(Link.entry).where(Link.entry.in_(rows))))
        links = []
        for entry, source in waiting:
            if entry not in taken:
                position, head = position + 1, chained(head, leaf(rows[entry], known[source].__chained__))
                links.append({"position": position, "entry": entry, "source": source, "chain": head})
        if links:
            session.execute(insert(Link), links)
    return len(links)


def _unchained(known: Mapping[str, type[Any]]) -> Select[Any]:
    """Entries and choices without a place in the chain, oldest first: also one that was recorded early and committed late."""
    waiting: list[Select[Any]] = [
        select(model.id, literal(name).label("source")).where(~select(Link.position).where(Link.entry == model.id).exists())
        for name, model in known.items()
    ]
    found = union_all(*waiting).subquery()
    return select(found.c.id, found.c.source).order_by(found.c.id).limit(SEARCH)


def _rows(known: Mapping[str, type[Any]], wanted: Sequence[tuple[uuid.UUID, str]]) -> dict[uuid.UUID, Any]:
    session = db.session()
    ids = {name: [entry for entry, source in wanted if source == name] for name in known}
    return {row.id: row for name, model in known.items() for row in session.scalars(select(model).where(model.id.in_(ids[name])))}


def _last_link() -> Any:
    return db.session().execute(select(Link.position, Link.chain).order_by(Link.position.desc()).limit(1)).first()


def links() -> Iterator[tuple[Link, Any]]:
    """Every link with its entry or choice, or None where that is gone."""
    session, known, after = db.session(), sources(), 0
    while batch := session.scalars(select(Link).where(Link.position > after).order_by(Link.position).limit(BATCH)).all():
        rows = _rows(known, [(link.entry, link.source) for link in batch])
        session.expunge_all()
        yield from ((link, rows.get(link.entry)) for link in batch)
        after = batch[-1].position


class TrailBroken(Exception):
    """The trail no longer agrees with its last signed head, so no new one is signed."""


def sign_head() -> None:
    """Append a signed head to the checkpoint file unless the newest stands there. Raises TrailBroken rather than sign a changed past."""
    file = settings.current().checkpoints
    with db.reading() as session:
        newest = _last_link()
        signed = last_head(file)
        found = session.scalar(select(Link.chain).where(Link.position == signed.size)) if signed else None
    if signed and found != signed.chain:
        raise TrailBroken("the audit trail no longer agrees with its last signed head: run `python -m portal audit verify`")
    if newest and (signed is None or newest.position > signed.size):
        append(file, _note(Head(newest.position, newest.chain)).encode())


def _note(head: Head) -> str:
    """A signed note (C2SP tlog-checkpoint): origin, size and head hash, then the signature."""
    key, origin = _signing_key(), f"{settings.current().host}/audit"
    body = f"{origin}\n{head.size}\n{base64.b64encode(head.chain).decode()}\n"
    signature = _key_hash(origin, key.public_key()) + key.sign(body.encode())
    return f"{body}\n— {origin} {base64.b64encode(signature).decode()}\n\n"


def _signing_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keyring.ring().audit_seed)


def _key_hash(origin: str, key: Ed25519PublicKey) -> bytes:
    """Four bytes that name the key, as signed notes do (C2SP signed-note)."""
    return hashlib.sha256(origin.encode() + b"\n\x01" + key.public_bytes_raw()).digest()[:4]


def read_heads(file: Path) -> Iterator[Head]:
    """Heads of a checkpoint file, oldest first. Raises InvalidSignature at the first whose signature does not hold."""
    if file.exists():
        yield from map(_checked, NOTE.finditer(file.read_text()))


def last_head(file: Path) -> Head | None:
    """The newest head of a checkpoint file, however long the file has become."""
    if not file.exists():
        return None
    with file.open("rb") as notes:
        notes.seek(-min(file.stat().st_size, LONGEST_NOTE), os.SEEK_END)
        found = list(NOTE.finditer(notes.read().decode(errors="replace")))
    return _checked(found[-1]) if found else None


def _checked(note: re.Match[str]) -> Head:
    key, signature = _signing_key().public_key(), base64.b64decode(note["signature"])
    if signature[:4] != _key_hash(note["origin"], key):
        raise InvalidSignature
    key.verify(signature[4:], note["body"].encode())
    return Head(int(note["size"]), base64.b64decode(note["chain"]))
