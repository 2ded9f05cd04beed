"""Rotation: the living are re-wrapped under a new key, the old key dies, and with it every old copy of the erased."""

from __future__ import annotations

import base64
import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import bindparam, delete, func, select, update

from portal import settings
from portal.core import audit, clock, db, keyring, ledger
from portal.core.audit import Entry
from portal.core.jobs import Job, Settle, errand, job
from portal.core.keyring import NONCE_BYTES, BoxRefused, Dek, Kek, KekState, KeyRing, KeyRingRefused

BATCH = 500
CHUNK = 5000
SAMPLE = 1000
MAGIC = b"keys.bak 1\n"
TRANSIENT_LIFE = timedelta(days=30)
PERSON_ERASED = "person_erased"


@contextmanager
def _alone() -> Iterator[None]:
    """One rotation at a time on this host."""
    place = keyring.ring().places[0]
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def rotate() -> int:
    """Move every key under a new KEK and destroy the old one. Can be stopped anywhere and run again. The new version."""
    with _alone():
        ring = keyring.ring()
        ring.keks = dict(KeyRing.read(ring.places).keks)
        old, new = _begin(ring)
        while _rewrap_batch(ring, old, new):
            pass
        _refuse_unreadable(ring, new)
        write_backup(ring, new)
        ring.keks = {version: key for version, key in ring.keks.items() if version >= new}
        ring.write()
        db.forget_deleted(["dek"])
        with db.transaction() as session:
            session.execute(update(Kek).where(Kek.kek_version < new, Kek.destroyed_at.is_(None)).values(state=KekState.DESTROYED, destroyed_at=clock.now()))
            audit.record("keys_rotated", None, version=new)
    return new


def _begin(ring: KeyRing) -> tuple[int, int]:
    """Make the new key, on disk and read back before the store hears of it; or take up where a stopped rotation was."""
    with db.reading() as session:
        current = session.scalars(select(Kek.kek_version).where(Kek.state == KekState.CURRENT)).one()
        retiring = session.scalars(select(Kek.kek_version).where(Kek.state == KekState.RETIRING)).first()
    if retiring is not None:
        return retiring, current
    new = max(ring.current, current + 1)
    if new not in ring.keks:
        ring.keks[new] = os.urandom(keyring.KEY_BYTES)
        ring.write()
        if KeyRing.read(ring.places).keks != ring.keks:
            raise KeyRingRefused("The new key could not be read back, so nothing was changed.")
    with db.transaction() as session:
        session.execute(update(Kek).where(Kek.kek_version == current).values(state=KekState.RETIRING))
        session.add(Kek(kek_version=new, state=KekState.CURRENT, made_at=clock.now()))
    return current, new


def _rewrap_batch(ring: KeyRing, old: int, new: int) -> int:
    with db.reading() as session:
        rows = session.execute(select(Dek.id, Dek.owner, Dek.kind, Dek.wrapped).where(Dek.kek == old).limit(BATCH)).all()
    if not rows:
        return 0
    moved = [{"key": row.id, "new": ring.wrap(ring.unwrap(row.wrapped, row.kind, row.owner, old), row.kind, row.owner, new)} for row in rows]
    table = Dek.__table__
    change = update(table).where(table.c.id == bindparam("key"), table.c.kek == old).values(kek=new, wrapped=bindparam("new"))  # type: ignore[arg-type]
    with db.transaction() as session:
        session.connection().execute(change, moved)
    return len(rows)


def _refuse_unreadable(ring: KeyRing, new: int) -> None:
    with db.reading() as session:
        if session.scalar(select(func.count()).select_from(Dek).where(Dek.kek != new)):
            raise KeyRingRefused("A data key is still wrapped under an old key, so that key was not destroyed.")
        for row in session.execute(select(Dek.owner, Dek.kind, Dek.wrapped).order_by(Dek.id.desc()).limit(SAMPLE)):
            ring.unwrap(row.wrapped, row.kind, row.owner, new)


def write_backup(ring: KeyRing, version: int) -> None:
    """Write `keys.bak`: every data key, sealed in numbered chunks under the current KEK, and read it back."""
    chunks = [_seal_chunk(ring.keks[version], version, number, chunk, last) for number, (chunk, last) in enumerate(_chunks(ring))]
    place = settings.current().keys_bak
    keyring.write_durably(place, MAGIC + version.to_bytes(4) + b"".join(chunks))
    with db.reading() as session:
        wanted = session.scalar(select(func.count()).select_from(Dek))
    if sum(1 for _key in read_backup(ring, place)) < (wanted or 0):
        raise KeyRingRefused("keys.bak could not be read back, so the old key was not destroyed.")


def _chunks(ring: KeyRing) -> Iterator[tuple[list[tuple[str, str, str]], bool]]:
    after, waiting = uuid.UUID(int=0), None
    while True:
        with db.reading() as session:
            rows = session.execute(select(Dek.id, Dek.owner, Dek.kind, Dek.wrapped, Dek.kek).where(Dek.id > after).order_by(Dek.id).limit(CHUNK)).all()
        chunk = [(str(row.owner), row.kind, base64.b64encode(ring.unwrap(row.wrapped, row.kind, row.owner, row.kek)).decode()) for row in rows]
        if waiting is not None:
            yield waiting, not rows
        if not rows:
            if waiting is None:
                yield [], True
            return
        after, waiting = rows[-1].id, chunk


def _seal_chunk(kek: bytes, version: int, number: int, chunk: list[tuple[str, str, str]], last: bool) -> bytes:  # noqa: FBT001
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(kek).encrypt(nonce, orjson.dumps(chunk), _chunk_label(version, number, last))
    return int(last).to_bytes(1) + (len(sealed) + NONCE_BYTES).to_bytes(4) + nonce + sealed


def _chunk_label(version: int, number: int, last: bool) -> bytes:  # noqa: FBT001
    return f"bak|v1|{version}|{number}|{int(last)}".encode()


def read_backup(ring: KeyRing, place: Path) -> Iterator[tuple[uuid.UUID, str, bytes]]:
    """(owner, kind, data key) of everybody in a `keys.bak`. Raises BoxRefused when it is cut, altered, or its KEK is destroyed."""
    with place.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise BoxRefused("this is no keys.bak")
        version = int.from_bytes(file.read(4))
        if version not in ring.keks:
            raise BoxRefused(f"this keys.bak was sealed under key {version}, which is destroyed: use the newest one")
        number, last = 0, False
        while not last:
            last = bool(int.from_bytes(file.read(1)))
            sealed = file.read(int.from_bytes(file.read(4)))
            try:
                chunk = AESGCM(ring.keks[version]).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _chunk_label(version, number, last))
            except (InvalidTag, ValueError):
                raise BoxRefused("this keys.bak is cut or altered") from None
            for owner, kind, dek in orjson.loads(chunk):
                yield uuid.UUID(owner), kind, base64.b64decode(dek)
            number += 1


def put_back(place: Path) -> int:
    """Give an older copy of the store its keys again, the erased excepted. How many keys stand in it now."""
    ring, buried, counted = keyring.ring(), ledger.tombstones(), 0
    version = ring.current
    with db.transaction() as session:
        for kek in session.scalars(select(Kek)):
            kek.state, kek.destroyed_at = KekState.DESTROYED, kek.destroyed_at or clock.now()
        session.flush()
        current = session.get(Kek, version) or Kek(kek_version=version, made_at=clock.now())
        current.state, current.destroyed_at = KekState.CURRENT, None
        session.add(current)
        session.flush()
        for owner, kind, dek in read_backup(ring, place):
            if owner in buried:
                continue
            row = db.insert(Dek).values(id=db.new_key(), owner=owner, kind=kind, kek=version, wrapped=(wrapped := ring.wrap(dek, kind, owner, version)))
            session.execute(row.on_conflict_do_update(index_elements=["owner", "kind"], set_={"kek": version, "wrapped": wrapped}))
            counted += 1
        session.execute(delete(Dek).where(Dek.owner.in_(list(buried)), Dek.kind == keyring.PROFILE))
    return counted


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
        is_due = session.scalar(select(Entry.id).where(Entry.act == PERSON_ERASED, Entry.at >= made_at).limit(1)) is not None
    if is_due:
        rotate()
    return lambda _taken: None


@job("sweep_transient_keys", every=timedelta(days=1))
def sweep_transient(_job: Job) -> None:
    """No errand keeps its key longer than 30 days."""
    oldest = uuid.UUID(int=int((clock.now() - TRANSIENT_LIFE).timestamp() * 1000) << 80)
    db.session().execute(delete(Dek).where(Dek.kind == keyring.TRANSIENT, Dek.id < oldest))
