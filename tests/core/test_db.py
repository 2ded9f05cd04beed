"""The store."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from portal.app import Portal
from portal.core import clock, db, keyring
from portal.core.db import new_key
from portal.core.keyring import Dek
from portal.customers import customer
from portal.policy.version import PolicyVersion
from tests.people import Person


def _version(number: str, at: datetime | None = None) -> PolicyVersion:
    return PolicyVersion(number=number, text="words", sha="s", effective_at=at or clock.now())


def test_ids_sort_by_the_time_they_were_made() -> None:
    ids = []
    for _pause in range(50):
        ids.append(new_key())
        time.sleep(0.0001)
    assert ids == sorted(ids)
    assert {key.version for key in ids} == {7}
    assert {key.variant for key in ids} == {"specified in RFC 4122"}


def test_an_id_tells_its_millisecond_and_no_two_are_the_same() -> None:
    before = int(clock.now().timestamp() * 1000)
    ids = [new_key() for _turn in range(20_000)]
    after = int(clock.now().timestamp() * 1000)
    assert len(set(ids)) == len(ids)
    assert all(before <= key.int >> 80 <= after for key in ids)


def test_what_a_transaction_wrote_stays_and_what_a_failed_one_wrote_does_not(house: Portal) -> None:
    with db.transaction() as session:
        session.add(_version("kept"))
    with pytest.raises(ZeroDivisionError), db.transaction() as session:  # noqa: PT012 - the transaction is the point
        session.add(_version("lost"))
        session.flush()
        _ = 1 / 0
    with db.reading() as session:
        numbers = session.scalars(db.Base.metadata.tables["policy_version"].select().with_only_columns(PolicyVersion.number)).all()
    assert "kept" in numbers
    assert "lost" not in numbers


def test_reading_cannot_write(house: Portal) -> None:
    with db.reading() as session:
        session.add(_version("sneaked in"))
        with pytest.raises(DBAPIError):
            session.flush()
    with db.transaction() as session:
        session.add(_version("written"))


def test_reading_sees_one_state_of_the_store(house: Portal) -> None:
    count = text("SELECT count(*) FROM policy_version")
    with db.reading() as reader:
        before = reader.execute(count).scalar_one()
        with db.transaction() as writer:
            writer.add(_version("meanwhile"))
        assert reader.execute(count).scalar_one() == before


def test_outside_a_transaction_nothing_reaches_the_store(house: Portal) -> None:
    with pytest.raises(RuntimeError):
        db.session()


def test_a_moment_comes_back_in_utc_wherever_it_was_told(house: Portal) -> None:
    told = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-5)))
    with db.transaction() as session:
        session.add(_version("with a time", told))
    with db.reading() as session:
        kept = session.query(PolicyVersion).filter_by(number="with a time").one().effective_at
    assert kept == told
    assert kept.tzinfo is UTC


@pytest.fixture
def sqlite(store: str) -> None:
    if store != "sqlite":
        pytest.skip("about SQLite")


@pytest.fixture
def postgresql(store: str) -> None:
    if store != "postgresql":
        pytest.skip("about PostgreSQL")


def test_sqlite_keeps_every_promise_of_durability_and_deletion(sqlite: None, house: Portal) -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "busy_timeout": 10000,
        "foreign_keys": 1,
        "secure_delete": 1,
        "trusted_schema": 0,
        "recursive_triggers": 1,
    }
    for opened in (db.transaction, db.reading):
        with opened() as session:
            assert {name: session.execute(text(f"PRAGMA {name}")).scalar() for name in wanted} == wanted


def test_postgresql_gives_up_waiting_in_time(postgresql: None, house: Portal) -> None:
    wanted = {
        "statement_timeout": "15s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "30s",
        "timezone": "UTC",
        "synchronous_commit": "on",
        "transaction_isolation": "read committed",
        "transaction_read_only": "off",
    }
    with db.transaction() as session:
        assert {name: session.execute(text(f"SHOW {name}")).scalar() for name in wanted} == wanted
    with db.reading() as session:
        assert session.execute(text("SHOW transaction_isolation")).scalar() == "repeatable read"
        assert session.execute(text("SHOW transaction_read_only")).scalar() == "on"


def test_a_deleted_key_leaves_the_disk_once_nobody_reads_any_more(sqlite: None, house: Portal, ada: Person, place: Path) -> None:
    with db.reading() as session:
        wrapped = session.query(Dek).filter_by(owner=ada.id).one().wrapped
    assert _stands_on_disk(place, wrapped)
    with db.transaction():
        keyring.destroy(ada.id, keyring.PROFILE)
    assert db.forget_deleted()
    assert not _stands_on_disk(place, wrapped)


def test_a_reader_in_the_way_is_told_and_the_deletion_can_be_asked_for_again(sqlite: None, house: Portal, ada: Person, place: Path) -> None:
    with db.reading() as session:
        wrapped = session.query(Dek).filter_by(owner=ada.id).one().wrapped
        with db.transaction():
            keyring.destroy(ada.id, keyring.PROFILE)
        with db.engine().connect() as connection:
            connection.connection.driver_connection.execute("PRAGMA busy_timeout=50")  # type: ignore[union-attr]
        assert not db.forget_deleted()
        assert _stands_on_disk(place, wrapped)
    assert db.forget_deleted()
    assert not _stands_on_disk(place, wrapped)


def test_deleted_rows_are_vacuumed_out_of_postgresql(postgresql: None, house: Portal, ada: Person) -> None:
    with db.transaction():
        keyring.destroy(ada.id, keyring.PROFILE)
    assert db.forget_deleted(["dek"])
    with db.reading() as session:
        assert session.execute(text("SHOW statement_timeout")).scalar() == "15s"


def _stands_on_disk(place: Path, wanted: bytes) -> bool:
    return any(wanted in file.read_bytes() for file in place.glob("portal.db*"))


def test_two_who_change_the_same_row_do_not_both_win(house: Portal, ada: Person) -> None:
    with db.reading():
        mine = customer.get(ada.id)
    with db.transaction():
        theirs = customer.get(ada.id)
        assert theirs is not None
        theirs.name = "Ada Byron"
    with pytest.raises(StaleDataError) as clash, db.transaction() as session:  # noqa: PT012 - the transaction is the point
        session.add(mine)
        assert mine is not None
        mine.name = "Ada King"
    assert db.is_contention(clash.value)


def test_a_locked_store_is_somebody_in_the_way_and_a_mistake_is_not(sqlite: None, house: Portal) -> None:
    with db.transaction() as first:
        first.execute(text("SELECT 1"))
        with db.engine().connect() as waiting, pytest.raises(DBAPIError) as locked:  # noqa: PT012 - the second statement waits
            waiting.connection.driver_connection.execute("PRAGMA busy_timeout=50")  # type: ignore[union-attr]
            waiting.execute(text("SELECT 1"))
    assert db.is_contention(locked.value)
    with pytest.raises(DBAPIError) as mistake, db.transaction() as session:
        session.execute(text("SELECT nothing FROM nowhere"))
    assert not db.is_contention(mistake.value)
    assert not db.is_contention(ValueError("database is locked"))


def test_a_deadlock_and_a_taken_address_are_somebody_in_the_way(postgresql: None, house: Portal, ada: Person, bob: Person) -> None:
    errors: list[BaseException] = []
    met = [Event(), Event()]

    def work(first: UUID, second: UUID, mine: Event, other: Event) -> None:
        touch = text("UPDATE customer SET version = version + 1 WHERE id = :id")
        with house.app_context():
            try:
                with db.transaction() as session:
                    session.execute(touch, {"id": first})
                    mine.set()
                    other.wait(5)
                    session.execute(touch, {"id": second})
            except DBAPIError as error:
                errors.append(error)

    threads = [Thread(target=work, args=(ada.id, bob.id, *met)), Thread(target=work, args=(bob.id, ada.id, *reversed(met)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 1
    assert db.is_contention(errors[0])
    with pytest.raises(IntegrityError) as taken, db.transaction() as session:
        session.add(_version("1"))
    assert db.is_contention(taken.value)


def test_a_store_that_is_away_is_not_there(sqlite: None, house: Portal, place: Path) -> None:
    assert db.is_there()
    house.extensions["engine"].dispose()
    for file in place.glob("portal.db*"):
        shutil.move(file, file.with_name(f"away-{file.name}"))
    (place / "portal.db").mkdir()
    assert not db.is_there()


def test_an_error_of_the_store_repeats_no_personal_value(house: Portal) -> None:
    with pytest.raises(DBAPIError) as error, db.transaction() as session:
        session.execute(text("SELECT * FROM nowhere WHERE name = :name"), {"name": "Ada Lovell"})
    assert "Lovell" not in str(error.value)

