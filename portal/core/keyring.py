"""Keys: a person's data opens only with their own key, and no copy of the store holds a key that opens anything."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from flask import current_app
from sqlalchemy import UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import clock, db
from portal.core.boxes import KEY_BYTES
from portal.core.db import Base, Key, Moment, Short, new_key
from portal.core.durable import alone
from portal.core.holdings import NOT_PERSONAL
from portal.core.key_file import KeyRing, KeyRingRefused

PROFILE = "profile"
TRANSIENT = "transient"
KIND = re.compile(r"profile|transient|retained-\d{4}")


class KeyGone(Exception):
    """The person's key was destroyed, so nothing more can be written about them."""


class KekState(StrEnum):
    """Life of a key-encryption key."""

    CURRENT = "current"
    RETIRING = "retiring"
    DESTROYED = "destroyed"


class Kek(Base):
    """Versions of the key-encryption key (KEK); the keys themselves live outside the store."""

    __tablename__ = "kek"
    __holding__ = NOT_PERSONAL

    kek_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[KekState]
    made_at: Mapped[Moment]
    destroyed_at: Mapped[Moment | None]


class Dek(Base):
    """Data-encryption keys (DEK), one for a person and kind, wrapped by a KEK."""

    __tablename__ = "dek"
    __holding__ = NOT_PERSONAL
    __table_args__ = (UniqueConstraint("owner", "kind"),)

    id: Mapped[Key] = mapped_column(primary_key=True, default=new_key)
    owner: Mapped[Key]
    kind: Mapped[Short]
    kek: Mapped[int] = mapped_column(index=True)
    wrapped: Mapped[bytes]


def ring() -> KeyRing:
    """The key ring of the running portal."""
    running: KeyRing = current_app.extensions["keyring"]
    return running


def mint(kind: str = PROFILE) -> uuid.UUID:
    """A new owner with a key of this kind. The id, the key and the digests of a person are born in one transaction."""
    owner = new_key()
    add_dek(owner, kind)
    return owner


def mint_many(number: int) -> list[tuple[uuid.UUID, bytes]]:
    """New owners and their profile keys, in two statements however many they are."""
    if not number:
        return []
    version = _current_kek()
    born = [(new_key(), os.urandom(KEY_BYTES)) for _one in range(number)]
    wrapped = ((owner, ring().wrap(dek, PROFILE, owner, version)) for owner, dek in born)
    rows = [{"id": new_key(), "owner": owner, "kind": PROFILE, "kek": version, "wrapped": key} for owner, key in wrapped]
    db.session().execute(Dek.__table__.insert(), rows)  # type: ignore[attr-defined]
    return born


def add_dek(owner: uuid.UUID, kind: str) -> bytes:
    """Make a key. The row of the current KEK is held meanwhile, so that a rotation misses no key.

    Raises ValueError for a kind that no erasure and no date would ever end.
    """
    if not KIND.fullmatch(kind):
        raise ValueError(f"there is no kind of key called {kind!r}")
    version = _current_kek()
    dek = os.urandom(KEY_BYTES)
    wrapped = ring().wrap(dek, kind, owner, version)
    db.session().execute(db.insert(Dek).values(id=new_key(), owner=owner, kind=kind, kek=version, wrapped=wrapped))
    _known()[owner, kind] = dek
    return dek


def _current_kek() -> int:
    """The current version, its row held. A row that a rotation retired while we waited for it is asked for once more."""
    current = select(Kek.kek_version).where(Kek.state == KekState.CURRENT).with_for_update(read=True)
    found: int | None = db.session().scalar(current)
    return found if found is not None else db.session().execute(current).scalar_one()


def dek_of(owner: uuid.UUID, kind: str) -> bytes | None:
    """The key of a person, or None once it is destroyed. Kept for the life of the transaction only."""
    known = _known()
    if (owner, kind) in known:
        return known[owner, kind]
    row = db.session().execute(select(Dek.kek, Dek.wrapped).where(Dek.owner == owner, Dek.kind == kind)).first()
    known[owner, kind] = ring().unwrap(row.wrapped, kind, owner, row.kek) if row else None
    return known[owner, kind]


def learn(owner: uuid.UUID, kind: str, wrapped: bytes, version: int) -> None:
    """Take a key row that was read together with other rows."""
    _known()[owner, kind] = ring().unwrap(wrapped, kind, owner, version)


def dek_to_write(owner: uuid.UUID, kind: str) -> bytes:
    """The key to seal with, its row held against an erasure at the same time. Raises KeyGone after one."""
    held = _held()
    if (owner, kind) not in held:
        held_row = select(Dek.kek, Dek.wrapped).where(Dek.owner == owner, Dek.kind == kind).with_for_update(read=True)
        row = db.session().execute(held_row).first()
        if row is None and (kind == PROFILE or dek_of(owner, PROFILE) is None):
            raise KeyGone("this person's key is destroyed")
        held[owner, kind] = add_dek(owner, kind) if row is None else ring().unwrap(row.wrapped, kind, owner, row.kek)
        _known()[owner, kind] = held[owner, kind]
    key: bytes = held[owner, kind]
    return key


def destroy(owner: uuid.UUID, kind: str) -> None:
    """Delete a key: what it sealed opens nowhere in this store any more."""
    db.session().execute(Dek.__table__.delete().where(Dek.owner == owner, Dek.kind == kind))  # type: ignore[attr-defined]
    _known()[owner, kind] = None
    _held().pop((owner, kind), None)


def _known() -> dict[tuple[uuid.UUID, str], bytes | None]:
    known: dict[tuple[uuid.UUID, str], bytes | None] = db.session().info.setdefault("deks", {})
    return known


def _held() -> dict[tuple[uuid.UUID, str], bytes]:
    held: dict[tuple[uuid.UUID, str], bytes] = db.session().info.setdefault("held_deks", {})
    return held


def prepare(places: Sequence[Path]) -> KeyRing:
    """The ring of an installed portal; a new store gets a new ring, an existing store is never given another one."""
    with db.reading() as session:
        known = session.scalars(select(Kek.kek_version)).all()
    if not known:
        if not places[0].parent.is_dir():
            raise KeyRingRefused(f"The folder of the key ring {places[0]} is not there.")
        with alone(places[0]):
            return _first(places)
    opened = KeyRing.read(places)
    with db.reading() as session:
        missing = set(session.scalars(select(Kek.kek_version).where(Kek.state != KekState.DESTROYED))) - set(opened.keks)
        is_needed = missing and session.scalar(select(Dek.id).where(Dek.kek.in_(missing)).limit(1))
    if is_needed:
        raise KeyRingRefused(
            f"The key ring {places[0]} lacks the key of version {min(missing)} that the store was sealed with. "
            "If the store comes from an older copy, run `python -m portal keys restore`."
        )
    return opened


def _first(places: Sequence[Path]) -> KeyRing:
    """The ring of a new store. One that is there already is taken; only where there is none, copies included, one is made."""
    if places[0].exists():
        opened = KeyRing.read(places)
    else:
        left = next((place for place in places if place.exists()), None)
        if left is not None:
            raise KeyRingRefused(f"The key ring {places[0]} is missing, but its copy {left} is there: put it back first.")
        opened = KeyRing.fresh(places)
        opened.write()
    row = {"kek_version": opened.current, "state": KekState.CURRENT, "made_at": clock.now()}
    with db.transaction() as session:
        session.execute(db.insert(Kek).values(**row).on_conflict_do_nothing())
    return opened
