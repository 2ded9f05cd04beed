"""Rotation: the living are re-wrapped under a new key, the old key dies, and with it every old copy of the erased."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import orjson
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import bindparam, delete, func, select, update

from portal import settings
from portal.core import audit, boxes, clock, db, durable, keyring, ledger
from portal.core.audit import Entry
from portal.core.boxes import NONCE_BYTES, BoxRefused
from portal.core.jobs import Job, Settle, errand, job
from portal.core.key_file import KeyRing, KeyRingRefused
from portal.core.keyring import Dek, Kek, KekState

log = structlog.get_logger()
BATCH = 500
CHUNK = 5000
SAMPLE = 1000
MAGIC = b"keys.bak 1\n"
TRANSIENT_LIFE = timedelta(days=30)
SLOWEST_ERASURE = timedelta(minutes=5)
PERSON_ERASED = "person_erased"


def rotate() -> int:
    """Move every key under a new KEK and destroy the old one. Can be stopped anywhere and run again. The new version."""
    ring = keyring.ring()
    with durable.alone(ring.places[0]):
        ring.keks = dict(KeyRing.read(ring.places).keks)
        new = _begin(ring)
        while _rewrap_batch(ring, new):
            pass
        _refuse_unreadable(ring, new)
        write_backup(ring, new)
        ring.keks = {version: key for version, key in ring.keks.items() if version >= new}
        ring.write()
        db.forget_deleted(["dek"])
        with db.transaction() as session:
            dead = update(Kek).where(Kek.kek_version < new, Kek.destroyed_at.is_(None))
            session.execute(dead.values(state=KekState.DESTROYED, destroyed_at=clock.now()))
            audit.record("keys_rotated", None, version=new)
    return new


def _begin(ring: KeyRing) -> int:
    """Make the new key, on disk and read back before the store hears of it; or take up where a stopped rotation was."""
    with db.reading() as session:
        current = session.scalars(select(Kek.kek_version).where(Kek.state == KekState.CURRENT)).one()
        retiring = session.scalars(select(Kek.kek_version).where(Kek.state == KekState.RETIRING)).first()
    if retiring is not None:
        return current
    new = max(ring.current, current + 1)
    if new not in ring.keks:
        ring.keks[new] = os.urandom(boxes.KEY_BYTES)
        ring.write()
        if any(KeyRing.read([place]).keks != ring.keks for place in ring.places):
            raise KeyRingRefused("The new key could not be read back, so nothing was changed.")
    with db.transaction() as session:
        session.execute(update(Kek).where(Kek.kek_version == current).values(state=KekState.RETIRING))
        session.add(Kek(kek_version=new, state=KekState.CURRENT, made_at=clock.now()))
    return new


def _dying(ring: KeyRing, new: int) -> list[int]:
    return [version for version in ring.keks if version < new]


def _rewrap_batch(ring: KeyRing, new: int) -> int:
    with db.reading() as session:
        rows = session.execute(select(Dek).where(Dek.kek.in_(_dying(ring, new))).limit(BATCH)).scalars().all()
    if not rows:
        return 0
    deks = ((row, ring.unwrap(row.wrapped, row.kind, row.owner, row.kek)) for row in rows)
    moved = [{"key": row.id, "old": row.kek, "new": ring.wrap(dek, row.kind, row.owner, new)} for row, dek in deks]
    table = Dek.__table__
    change = update(table).where(table.c.id == bindparam("key"), table.c.kek == bindparam("old"))  # type: ignore[arg-type]
    with db.transaction() as session:
        session.connection().execute(change.values(kek=new, wrapped=bindparam("new")), moved)
    return len(rows)


def _refuse_unreadable(ring: KeyRing, new: int) -> None:
    """Before a key dies: nothing needs it any more. What was wrapped under a key that died earlier is lost already and stands in no way."""
    with db.reading() as session:
        if session.scalar(select(func.count()).select_from(Dek).where(Dek.kek.in_(_dying(ring, new)))):
            raise KeyRingRefused("A data key is still wrapped under an old key, so that key was not destroyed.")
        newest = select(Dek.owner, Dek.kind, Dek.wrapped).where(Dek.kek == new).order_by(Dek.id.desc()).limit(SAMPLE)
        for row in session.execute(newest):
            ring.unwrap(row.wrapped, row.kind, row.owner, new)


def write_backup(ring: KeyRing, version: int) -> None:
    """Write `keys.bak`: every data key, sealed in numbered chunks under the current KEK, and read it back."""
    place, counted = settings.current().keys_bak, 0
    sealed = [MAGIC + version.to_bytes(4)]
    for number, chunk in enumerate(_chunks(ring, version)):
        sealed.append(_seal_chunk(ring.keks[version], version, number, chunk))
        counted += len(chunk)
    durable.write(place, b"".join(sealed))
    if sum(1 for _key in read_backup(ring, place)) != counted:
        raise KeyRingRefused("keys.bak could not be read back, so the old key was not destroyed.")


Chunk = list[tuple[str, str, str]]


def _chunks(ring: KeyRing, version: int) -> Iterator[Chunk]:
    """Owner, kind and data key of everybody, in pages; the last one is not full, and empty if need be."""
    page = select(Dek.id, Dek.owner, Dek.kind, Dek.wrapped).where(Dek.kek == version).order_by(Dek.id).limit(CHUNK)
    after, is_full = uuid.UUID(int=0), True
    while is_full:
        with db.reading() as session:
            rows = session.execute(page.where(Dek.id > after)).all()
        yield [(str(row.owner), row.kind, _text(ring.unwrap(row.wrapped, row.kind, row.owner, version))) for row in rows]
        is_full = len(rows) == CHUNK
        after = rows[-1].id if rows else after


def _text(dek: bytes) -> str:
    return base64.b64encode(dek).decode()


def _seal_chunk(kek: bytes, version: int, number: int, chunk: Chunk) -> bytes:
    is_last, nonce = len(chunk) < CHUNK, os.urandom(NONCE_BYTES)
    sealed = nonce + AESGCM(kek).encrypt(nonce, orjson.dumps(chunk), _chunk_label(version, number, is_last=is_last))
    return int(is_last).to_bytes(1) + len(sealed).to_bytes(4) + sealed


def _chunk_label(version: int, number: int, *, is_last: bool) -> bytes:
    return f"bak|v1|{version}|{number}|{int(is_last)}".encode()


def read_backup(ring: KeyRing, place: Path) -> Iterator[tuple[uuid.UUID, str, bytes]]:
    """(owner, kind, data key) of everybody in a `keys.bak`. Raises BoxRefused when it is cut, altered, or its KEK is destroyed."""
    if not place.exists():
        raise BoxRefused(f"there is no {place}")
    with place.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise BoxRefused("this is no keys.bak")
        version = int.from_bytes(file.read(4))
        if version not in ring.keks:
            raise BoxRefused(f"this keys.bak was sealed under key {version}, which is destroyed: use the newest one")
        number, is_last = 0, False
        while not is_last:
            is_last = bool(int.from_bytes(file.read(1)))
            sealed = file.read(int.from_bytes(file.read(4)))
            try:
                label = _chunk_label(version, number, is_last=is_last)
                chunk = AESGCM(ring.keks[version]).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], label)
            except (InvalidTag, ValueError):
                raise BoxRefused("this keys.bak is cut or altered") from None
            for owner, kind, dek in orjson.loads(chunk):
                yield uuid.UUID(owner), kind, base64.b64decode(dek)
            number += 1


@dataclass(frozen=True)
class PutBack:
    """How many data keys an older copy of the store got again, and how many of its people have none, the erased not counted."""

    keys: int
    missing: int


def put_back(place: Path) -> PutBack:
    """Give an older copy of the store its keys again, the profiles of the erased excepted. Raises BoxRefused for an older `keys.bak`."""
    ring, buried, counted = keyring.ring(), ledger.tombstones(), 0
    version = ring.current
    with db.transaction() as session:
        _make_current(version)
        for owner, kind, dek in read_backup(ring, place):
            if owner in buried and kind == keyring.PROFILE:
                continue
            wrapped = ring.wrap(dek, kind, owner, version)
            row = db.insert(Dek).values(id=db.new_key(), owner=owner, kind=kind, kek=version, wrapped=wrapped)
            session.execute(row.on_conflict_do_update(index_elements=["owner", "kind"], set_={"kek": version, "wrapped": wrapped}))
            counted += 1
        for owner in buried:
            keyring.destroy(owner, keyring.PROFILE)
        keyless = (Dek.kind == keyring.PROFILE, Dek.kek.not_in(list(ring.keks)))
        missing = session.scalar(select(func.count()).select_from(Dek).where(*keyless)) or 0
        audit.record("keys_put_back", None, keys=counted, missing=missing)
    return PutBack(counted, missing)


def _make_current(version: int) -> None:
    """The store learns which key it is under now; whatever an old copy says of others is past."""
    session, now = db.session(), clock.now()
    past = update(Kek).where(Kek.kek_version != version)
    session.execute(past.values(state=KekState.DESTROYED, destroyed_at=func.coalesce(Kek.destroyed_at, now)))
    row = db.insert(Kek).values(kek_version=version, state=KekState.CURRENT, made_at=now)
    session.execute(row.on_conflict_do_update(index_elements=["kek_version"], set_={"state": KekState.CURRENT, "destroyed_at": None}))


def verify() -> list[str]:
    """Open one data key of each KEK version and the whole `keys.bak`, and compare the copies of the ring. Sentences about what is wrong."""
    ring, wrong = keyring.ring(), []
    wrong += [f"The copy {place} differs from the key ring." for place in ring.places[1:] if not _is_same(place, ring.places[0])]
    with db.reading() as session:
        for version in session.scalars(select(Dek.kek).distinct()).all():
            row = session.execute(select(Dek.owner, Dek.kind, Dek.wrapped).where(Dek.kek == version).limit(1)).one()
            try:
                ring.unwrap(row.wrapped, row.kind, row.owner, version)
            except BoxRefused:
                wrong.append(f"No data key of version {version} opens.")
    place = settings.current().keys_bak
    try:
        if place.exists():
            list(read_backup(ring, place))
    except BoxRefused as refused:
        wrong.append(f"{place}: {refused}.")
    return wrong


def _is_same(place: Path, other: Path) -> bool:
    return place.exists() and place.read_bytes() == other.read_bytes()


@errand("rotate_keys", every=timedelta(days=1))
def rotate_after_erasures(_job: Job) -> Settle:
    """Once a day, if somebody was erased since the current key was made, change the key."""
    with db.reading() as session:
        made_at = session.scalars(select(Kek.made_at).where(Kek.state == KekState.CURRENT)).one()
        since = (Entry.act == PERSON_ERASED, Entry.at >= made_at - SLOWEST_ERASURE)
        is_due = session.scalar(select(Entry.id).where(*since).limit(1)) is not None
    if is_due:
        rotate()
    return lambda _taken: None


@errand("verify_keys", every=timedelta(days=1))
def verify_every_night(_job: Job) -> Settle:
    """Every night the keys that a restore would need are tried out."""
    for sentence in verify():
        log.error("keys_in_danger", sentence=sentence)
    return lambda _taken: None


@job("sweep_transient_keys", every=timedelta(days=1))
def sweep_transient(_job: Job) -> None:
    """No errand keeps its key longer than 30 days."""
    oldest = uuid.UUID(int=int((clock.now() - TRANSIENT_LIFE).timestamp() * 1000) << 80)
    db.session().execute(delete(Dek).where(Dek.kind == keyring.TRANSIENT, Dek.id < oldest))
