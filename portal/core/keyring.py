"""Keys: a person's data opens only with their own key, and no copy of the store holds a key that opens anything."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import idna
import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app
from sqlalchemy import UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import clock, db
from portal.core.db import Base, Key, Moment, Short, new_key
from portal.core.durable import alone, overwritten_after, write
from portal.core.holdings import NOT_PERSONAL

LONGEST_DOMAIN = 253
KEY_BYTES = 32
NONCE_BYTES = 12
BOX_VERSION = b"\x01"
PROFILE = "profile"
TRANSIENT = "transient"
KIND = re.compile(r"profile|transient|retained-\d{4}")


class KeyRingRefused(Exception):
    """The key ring is missing, cut, altered or open to others: the portal does not start."""


class BoxRefused(Exception):
    """A sealed document does not open here: altered, moved, cut, or its key is gone. One error for all."""


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


@dataclass
class KeyRing:
    """The keys outside the store: KEKs by version, digest keys (newest first), the audit signing seed."""

    keks: dict[int, bytes]
    digest_keys: list[bytes]
    audit_seed: bytes
    places: Sequence[Path] = field(default_factory=tuple)

    @classmethod
    def fresh(cls, places: Sequence[Path]) -> KeyRing:
        return cls({1: os.urandom(KEY_BYTES)}, [os.urandom(KEY_BYTES)], os.urandom(KEY_BYTES), places)

    @classmethod
    def read(cls, places: Sequence[Path]) -> KeyRing:
        """Read the ring from its first place. Raises KeyRingRefused with one plain sentence."""
        file = places[0]
        try:
            status = file.stat()
            raw = file.read_bytes()
        except OSError:
            raise KeyRingRefused(f"The key ring {file} is missing or cannot be read.") from None
        if status.st_mode & 0o077 or status.st_uid != os.geteuid():
            raise KeyRingRefused(f"The key ring {file} must belong to this user alone (mode 0600).")
        try:
            body, _, check = raw.rstrip(b"\n").rpartition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != check:
                raise ValueError("check sum")
            data = orjson.loads(body)
            keks = {int(v): _key(k) for v, k in data["keks"].items()}
            return cls(keks, [_key(k) for k in data["digest"]], _key(data["audit"]), places)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise KeyRingRefused(f"The key ring {file} is cut or altered.") from None

    def write(self) -> None:
        """Write every place: temporary file, fsync, rename, fsync of the folder."""
        keks, digests = {str(version): _text(kek) for version, kek in self.keks.items()}, [_text(key) for key in self.digest_keys]
        body = orjson.dumps({"keks": keks, "digest": digests, "audit": _text(self.audit_seed)})
        for place in self.places:
            with overwritten_after(place):
                write(place, body + b"\n" + hashlib.sha256(body).hexdigest().encode() + b"\n")

    @property
    def current(self) -> int:
        return max(self.keks)

    def wrap(self, dek: bytes, kind: str, owner: uuid.UUID, version: int) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._kek(version)).encrypt(nonce, dek, _wrap_label(version, kind, owner))

    def unwrap(self, wrapped: bytes, kind: str, owner: uuid.UUID, version: int) -> bytes:
        try:
            return AESGCM(self._kek(version)).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _wrap_label(version, kind, owner))
        except (InvalidTag, ValueError):
            raise BoxRefused("a data key does not open") from None

    def _kek(self, version: int) -> bytes:
        if version not in self.keks and self.places:
            self.keks = KeyRing.read(self.places).keks
        if version not in self.keks:
            raise BoxRefused("a data key does not open")
        return self.keks[version]


def _key(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError("key length")
    return key


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _wrap_label(version: int, kind: str, owner: uuid.UUID) -> bytes:
    return f"dek|v1|{version}|{kind}|{owner}".encode()


def ring() -> KeyRing:
    """The key ring of the running portal."""
    running: KeyRing = current_app.extensions["keyring"]
    return running


def seal(dek: bytes, table: str, row_id: uuid.UUID, owner: uuid.UUID, fields: Mapping[str, Any]) -> bytes:
    """Seal fields (JSON values) into one document that opens only for this table, row and owner. AES-256-GCM (NIST SP 800-38D)."""
    nonce = os.urandom(NONCE_BYTES)
    plain = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    return BOX_VERSION + nonce + AESGCM(dek).encrypt(nonce, plain, _label(table, row_id, owner))


def unseal(dek: bytes, table: str, row_id: uuid.UUID, owner: uuid.UUID, box: bytes) -> dict[str, Any]:
    """Open what `seal` made. Raises BoxRefused, whatever is wrong with the box."""
    if box[:1] != BOX_VERSION:
        raise BoxRefused("a sealed document does not open")
    nonce, sealed = box[1 : 1 + NONCE_BYTES], box[1 + NONCE_BYTES :]
    try:
        plain = AESGCM(dek).decrypt(nonce, sealed, _label(table, row_id, owner))
    except (InvalidTag, ValueError):
        raise BoxRefused("a sealed document does not open") from None
    fields: dict[str, Any] = orjson.loads(plain)
    return fields


def _label(table: str, row_id: uuid.UUID, owner: uuid.UUID) -> bytes:
    return f"v1|{table}|{row_id}|{owner}".encode()


def digest(kind: str, value: str) -> bytes:
    """Keyed digest (HMAC-SHA-256) by which a value can be looked up but not read."""
    return hmac.digest(ring().digest_keys[0], f"{kind}|v1|{value}".encode(), "sha256")


def normal_email(address: str) -> str:
    """The form of an address that is looked up: NFC, trimmed, lower case, IDNA domain; dots and plus signs stay."""
    local, _, domain = unicodedata.normalize("NFC", address).strip().lower().rpartition("@")
    return f"{local}@{_normal_domain(domain)}"


@lru_cache(maxsize=4096)
def _normal_domain(domain: str) -> str:
    with suppress(idna.IDNAError):
        return idna.encode(domain, uts46=True).decode() if len(domain) <= LONGEST_DOMAIN else domain
    return domain


def email_digest(address: str) -> bytes:
    return digest("email", normal_email(address))


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
