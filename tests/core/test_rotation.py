"""Changing the keys: nobody living is lost, nobody erased comes back, wherever it stops."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine, select, text

from portal.app import Portal
from portal.core import acting, audit, db, durable, keyring, ledger, rotation
from portal.core.acting import Actor, Kind, Scene
from portal.core.audit import Entry
from portal.core.boxes import BoxRefused
from portal.core.key_file import KeyRing, KeyRingRefused
from portal.core.keyring import Dek, Kek, KekState
from portal.customers import customer
from portal.settings import Settings
from tests.people import add_customer

ALL, ERASED = 30, 3


@dataclass(frozen=True)
class Crowd:
    """Thirty customers, of whom three were erased."""

    living: list[UUID]
    erased: list[UUID]


def _erase(person: UUID) -> None:
    """The moment of an erasure that this is about: tombstone, then the key."""
    with acting.acting(Scene(Actor(Kind.SYSTEM, "test"))), db.transaction():
        ledger.bury(person, person)
        keyring.destroy(person, keyring.PROFILE)
        audit.record(rotation.PERSON_ERASED, person)


@pytest.fixture
def people(house: Portal) -> list[UUID]:
    return [add_customer(house, f"person{n}@example.com", f"Person {n}") for n in range(ALL)]


@pytest.fixture
def crowd(people: list[UUID]) -> Crowd:
    erased = people[5:14:4]
    assert len(erased) == ERASED
    for person in erased:
        _erase(person)
    return Crowd([person for person in people if person not in erased], erased)


def _names(people: list[UUID]) -> list[str]:
    with db.reading():
        found = [customer.get(person) for person in people]
        return [row.name for row in found if row is not None]


def _all_is_well(crowd: Crowd) -> None:
    """Every living person reads, no erased one does, and one key is left that all others are wrapped under."""
    assert all(name.startswith("Person ") for name in _names(crowd.living))
    assert _names(crowd.erased) == ["(erased)"] * ERASED
    with db.reading() as session:
        states = {kek.kek_version: kek.state for kek in session.scalars(select(Kek))}
        used = set(session.scalars(select(Dek.kek)))
        owners = set(session.scalars(select(Dek.owner).where(Dek.kind == keyring.PROFILE)))
    current = max(states)
    assert states == {version: KekState.CURRENT if version == current else KekState.DESTROYED for version in states}
    assert used == {current}
    assert owners == set(crowd.living)
    assert list(KeyRing.read(keyring.ring().places).keks) == [current]
    kept = {owner for owner, kind, _dek in rotation.read_backup(keyring.ring(), Path(keyring.ring().places[0]).with_name("keys.bak"))}
    assert kept == set(crowd.living)


def test_a_rotation_keeps_the_living_and_destroys_the_old_key(crowd: Crowd, house: Portal) -> None:
    old = keyring.ring().keks[1]
    assert rotation.rotate() == 2
    _all_is_well(crowd)
    assert rotation.verify() == []
    assert old not in Path(keyring.ring().places[0]).read_bytes()
    with db.reading() as session:
        assert session.scalars(select(Entry.act).where(Entry.act == "keys_rotated")).all() == ["keys_rotated"]
    assert rotation.rotate() == 3
    _all_is_well(crowd)


STEPS: dict[str, tuple[Any, str]] = {
    "making the new key": (durable, "alone"),
    "writing the new key": (KeyRing, "write"),
    "reading the new key back": (KeyRing, "read"),
    "naming the new key in the store": (rotation, "_rewrap_batch"),
    "trying what was moved": (rotation, "_refuse_unreadable"),
    "writing the dump": (rotation, "write_backup"),
    "reading the dump back": (rotation, "read_backup"),
    "cleaning the disk": (db, "forget_deleted"),
    "noting the end": (audit, "record"),
}


class PowerCut(BaseException):
    """Nothing of the process survives this."""


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_rotation_that_stops_anywhere_goes_on_from_there(
    crowd: Crowd, settings: Settings, house: Portal, monkeypatch: pytest.MonkeyPatch, step: tuple[Any, str], call: int
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 4)
    with monkeypatch.context() as cut:
        _cut_power(cut, *step, at=call)
        with pytest.raises(PowerCut):  # noqa: PT012
            rotation.rotate()
            raise PowerCut  # this step is not made so often: the whole run is as good a place to stop
    assert all(name.startswith("Person ") for name in _names(crowd.living))
    house.extensions["keyring"] = keyring.prepare(settings.keyring_places)
    assert all(name.startswith("Person ") for name in _names(crowd.living))
    rotation.rotate()
    _all_is_well(crowd)


def _cut_power(patch: pytest.MonkeyPatch, where: Any, name: str, *, at: int) -> None:
    real, calls = getattr(where, name), []

    def cut(*args: Any, **options: Any) -> Any:
        calls.append(name)
        if len(calls) == at:
            raise PowerCut
        return real(*args, **options)

    patch.setattr(where, name, cut)


def test_the_power_really_goes_out_at_every_step(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    for where, name in STEPS.values():
        with monkeypatch.context() as cut:
            _cut_power(cut, where, name, at=1)
            with pytest.raises(PowerCut):
                rotation.rotate()


def test_ada_who_is_erased_while_the_keys_change_stays_erased(people: list[UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "BATCH", 4)
    real, waiting = rotation._rewrap_batch, list(people[:3])

    def meanwhile(ring: KeyRing, new: int) -> int:
        if waiting:
            _erase(waiting.pop())
        return real(ring, new)

    monkeypatch.setattr(rotation, "_rewrap_batch", meanwhile)
    rotation.rotate()
    _all_is_well(Crowd(people[3:], people[:3]))


def test_somebody_met_while_the_dump_is_written_stops_no_rotation(
    house: Portal, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, met = durable.write, []

    def meanwhile(place: Path, content: bytes) -> None:
        if place.name == "keys.bak":
            met.append(add_customer(house, f"new{len(met)}@example.com", "Person new"))
        real(place, content)

    monkeypatch.setattr(durable, "write", meanwhile)
    rotation.rotate()
    assert _names([*crowd.living, *met])[-1] == "Person new"


def test_a_copy_of_the_ring_that_cannot_be_written_keeps_the_old_key_alive(house: Portal, crowd: Crowd, tmp_path: Path) -> None:
    away = tmp_path / "usb" / "ring"
    keyring.ring().places = [*keyring.ring().places, away]
    with pytest.raises(OSError, match="usb"):
        rotation.rotate()
    assert len(_names(crowd.living)) == len(crowd.living)
    away.parent.mkdir()
    rotation.rotate()
    assert KeyRing.read([away]).keks == KeyRing.read(keyring.ring().places).keks
    _all_is_well(crowd)


def test_a_new_key_that_reads_back_wrong_changes_nothing(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = keyring.ring().keks[1]
    with monkeypatch.context() as broken:
        broken.setattr(KeyRing, "read", classmethod(lambda cls, places: cls({1: stale}, [bytes(32)], bytes(32), places)))
        with pytest.raises(KeyRingRefused, match="could not be read back, so nothing was changed"):
            rotation.rotate()
    with db.reading() as session:
        assert session.scalars(select(Kek.kek_version)).all() == [1]


# --- the dump


@pytest.fixture
def dump(crowd: Crowd, settings: Settings) -> Path:
    rotation.rotate()
    return settings.keys_bak


def test_the_dump_holds_every_key_of_the_living_and_no_word_of_it_can_be_read(crowd: Crowd, dump: Path) -> None:
    raw = dump.read_bytes()
    found = {owner: dek for owner, _kind, dek in rotation.read_backup(keyring.ring(), dump)}
    assert set(found) == set(crowd.living)
    assert not [owner for owner in found if str(owner).encode() in raw or found[owner] in raw]
    assert dump.stat().st_mode & 0o777 == 0o600


def test_a_dump_of_many_chunks_opens_and_their_order_counts(crowd: Crowd, monkeypatch: pytest.MonkeyPatch, dump: Path) -> None:
    monkeypatch.setattr(rotation, "CHUNK", 9)  # three full chunks and an empty one
    ring = keyring.ring()
    rotation.write_backup(ring, ring.current)
    assert {owner for owner, _kind, _dek in rotation.read_backup(ring, dump)} == set(crowd.living)
    whole = dump.read_bytes()
    head, chunks = whole[:15], _chunks(whole)
    assert len(chunks) == 4
    for other in ([chunks[1], chunks[0], *chunks[2:]], [chunks[0], *chunks[2:]], chunks[:2], [*chunks[:2], chunks[3]]):
        dump.write_bytes(head + b"".join(other))
        with pytest.raises(BoxRefused, match="cut or altered"):
            list(rotation.read_backup(ring, dump))


def _chunks(whole: bytes) -> list[bytes]:
    found, at = [], 15
    while at < len(whole):
        end = at + 5 + int.from_bytes(whole[at + 1 : at + 5])
        found.append(whole[at:end])
        at = end
    return found


def test_a_dump_that_was_cut_or_changed_is_refused(dump: Path) -> None:
    whole = dump.read_bytes()
    for length in (*range(0, len(whole), 97), len(whole) - 1):
        dump.write_bytes(whole[:length])
        with pytest.raises(BoxRefused):
            list(rotation.read_backup(keyring.ring(), dump))
    for byte in range(0, len(whole), 31):
        dump.write_bytes(whole[:byte] + bytes([whole[byte] ^ 4]) + whole[byte + 1 :])
        with pytest.raises(BoxRefused):
            list(rotation.read_backup(keyring.ring(), dump))
    assert any("keys.bak" in sentence for sentence in rotation.verify())


def test_an_older_dump_is_refused_by_the_name_of_its_dead_key(dump: Path, tmp_path: Path) -> None:
    older = shutil.copy(dump, tmp_path / "older.bak")
    rotation.rotate()
    with pytest.raises(BoxRefused, match="sealed under key 2, which is destroyed: use the newest one"):
        rotation.put_back(Path(older))
    with pytest.raises(BoxRefused, match="there is no"):
        rotation.put_back(tmp_path / "never made")


# --- the store comes back from an older copy


@dataclass(frozen=True)
class Copy:
    """A copy of the whole store at one moment, and the way to put it in place of the present one."""

    take_back: Callable[[], None]


@pytest.fixture
def copied(house: Portal, server: Any, place: Path, tmp_path: Path) -> Callable[[], Copy]:
    def copy_of_sqlite() -> Copy:
        target = tmp_path / "copy.db"
        with sqlite3.connect(place / "portal.db") as source, sqlite3.connect(target) as into:
            source.backup(into)

        def take_back() -> None:
            house.extensions["engine"].dispose()
            for file in place.glob("portal.db*"):
                file.unlink()
            shutil.copy(target, place / "portal.db")

        return Copy(take_back)

    def copy_of_postgresql() -> Copy:
        tables = {table.name: _rows(house, table.name) for table in db.Base.metadata.sorted_tables}

        def take_back() -> None:
            operator = create_engine(house.extensions["engine"].url)
            with operator.begin() as connection:
                connection.execute(text("SET session_replication_role = replica"))  # an operator restores past the triggers
                for table in reversed(db.Base.metadata.sorted_tables):
                    connection.execute(table.delete())
                for table in db.Base.metadata.sorted_tables:
                    if tables[table.name]:
                        connection.execute(table.insert(), tables[table.name])
            operator.dispose()

        return Copy(take_back)

    return copy_of_postgresql if server else copy_of_sqlite


def _rows(house: Portal, name: str) -> list[dict[str, Any]]:
    table = db.Base.metadata.tables[name]
    with house.extensions["engine"].connect() as connection:
        return [dict(row._mapping) for row in connection.execute(table.select())]


def test_a_restored_copy_gives_back_the_living_and_not_one_field_of_the_erased(
    house: Portal, people: list[UUID], copied: Callable[[], Copy], settings: Settings
) -> None:
    copy = copied()
    crowd = Crowd([*people[:4], *people[7:]], people[4:7])
    for person in crowd.erased:
        _erase(person)
    newcomer = add_customer(house, "later@example.com", "Person met later")
    rotation.rotate()
    copy.take_back()
    with pytest.raises(KeyRingRefused, match="keys restore"):
        keyring.prepare(settings.keyring_places)

    found = rotation.put_back(settings.keys_bak)

    assert found == rotation.PutBack(keys=len(crowd.living) + 1, missing=0)
    assert all(name.startswith("Person ") for name in _names(crowd.living))
    assert len(_names(crowd.living)) == len(crowd.living)
    assert _names(crowd.erased) == ["(erased)"] * ERASED
    assert _names([newcomer]) == []
    house.extensions["keyring"] = keyring.prepare(settings.keyring_places)
    rotation.rotate()
    assert rotation.verify() == []


def test_without_the_ledger_the_erased_stay_erased_because_their_key_is_nowhere(
    house: Portal, people: list[UUID], copied: Callable[[], Copy], settings: Settings
) -> None:
    copy = copied()
    _erase(people[0])
    rotation.rotate()
    copy.take_back()
    settings.ledger.unlink()
    found = rotation.put_back(settings.keys_bak)
    assert found == rotation.PutBack(keys=ALL - 1, missing=1)
    with pytest.raises(BoxRefused):
        _names([people[0]])
    rotation.rotate()
    assert len(_names(people[1:])) == ALL - 1


def test_a_tombstone_outlives_a_copy_from_before_the_erasure_even_while_the_key_is_still_around(
    house: Portal, people: list[UUID], copied: Callable[[], Copy], settings: Settings
) -> None:
    rotation.rotate()
    copy = copied()
    _erase(people[0])
    copy.take_back()
    assert _names([people[0]]) == ["Person 0"]
    assert rotation.put_back(settings.keys_bak).keys == ALL - 1
    assert _names(people[:2]) == ["(erased)", "Person 1"]


def test_records_that_the_law_keeps_get_their_key_back_although_their_buyer_is_erased(
    house: Portal, people: list[UUID], copied: Callable[[], Copy], settings: Settings
) -> None:
    with db.transaction():
        keyring.dek_to_write(people[0], "retained-2036")
    copy = copied()
    _erase(people[0])
    rotation.rotate()
    copy.take_back()
    rotation.put_back(settings.keys_bak)
    with db.reading():
        assert keyring.dek_of(people[0], "retained-2036") is not None
        assert keyring.dek_of(people[0], keyring.PROFILE) is None


def test_a_copy_made_in_the_middle_of_a_rotation_can_be_put_back(
    house: Portal, people: list[UUID], copied: Callable[[], Copy], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 4)
    rotation.rotate()
    with monkeypatch.context() as cut:
        _cut_power(cut, rotation, "_rewrap_batch", at=4)
        with pytest.raises(PowerCut):
            rotation.rotate()
    copy = copied()
    copy.take_back()
    assert rotation.put_back(settings.keys_bak).keys == ALL
    rotation.rotate()
    assert all(name.startswith("Person ") for name in _names(people))
    with db.reading() as session:
        assert len(set(session.scalars(select(Dek.kek)))) == 1


# --- the ledger


def test_a_tombstone_is_on_every_disk_before_bury_returns(house: Portal, settings: Settings, tmp_path: Path) -> None:
    house.extensions["settings"] = settings.model_copy(update={"ledger_copies": (str(tmp_path / "copy.jsonl"),)})
    person = db.new_key()
    ledger.bury(person, person)
    ledger.bury(person, person)
    assert settings.ledger.read_bytes() == (tmp_path / "copy.jsonl").read_bytes()
    assert ledger.tombstones() == {person}
    settings.ledger.unlink()
    assert ledger.tombstones() == {person}


@pytest.mark.parametrize("left", [1, 20, 80])
def test_a_line_that_a_crash_cut_off_takes_no_other_along(house: Portal, settings: Settings, left: int) -> None:
    first, second, third = db.new_key(), db.new_key(), db.new_key()
    ledger.bury(first, first)
    ledger.bury(second, second)
    whole = settings.ledger.read_bytes()
    settings.ledger.write_bytes(whole[: whole.index(b"\n") + 1 + left])
    ledger.bury(third, third)
    assert ledger.tombstones() == {first, third}


def test_a_ledger_that_cannot_be_written_stops_the_erasure(house: Portal, people: list[UUID], settings: Settings) -> None:
    settings.ledger.mkdir()
    with pytest.raises(OSError, match=r"ledger\.jsonl"):
        _erase(people[0])
    assert _names(people[:1]) == ["Person 0"]


# --- by itself, every night


def test_the_keys_change_in_the_night_after_an_erasure_and_in_no_other(
    house: Portal, people: list[UUID], later: Callable[..., None]
) -> None:
    later(days=2)
    assert keyring.ring().current == 1
    _erase(people[0])
    later(days=1)
    assert keyring.ring().current == 2
    assert _names(people[:2]) == ["(erased)", "Person 1"]
    later(days=3)
    assert keyring.ring().current == 2


def test_a_key_for_an_errand_lives_thirty_days_at_most(house: Portal, later: Callable[..., None]) -> None:
    with db.transaction():
        stranger = keyring.mint(keyring.TRANSIENT)
    later(days=29)
    with db.reading():
        assert keyring.dek_of(stranger, keyring.TRANSIENT) is not None
    later(days=2)
    with db.reading():
        assert keyring.dek_of(stranger, keyring.TRANSIENT) is None


def test_every_night_the_keys_are_tried_and_the_log_says_what_a_restore_would_miss(
    house: Portal, people: list[UUID], settings: Settings, later: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    rotation.rotate()
    settings.keys_bak.write_bytes(settings.keys_bak.read_bytes()[:-1])
    later(days=1)
    assert "keys_in_danger" in capsys.readouterr().out


def test_a_process_that_has_not_heard_of_the_new_key_reads_the_ring_again(house: Portal, people: list[UUID]) -> None:
    stale = KeyRing(dict(keyring.ring().keks), keyring.ring().digest_keys, keyring.ring().audit_seed, keyring.ring().places)
    rotation.rotate()
    house.extensions["keyring"] = stale
    assert _names(people[:1]) == ["Person 0"]
