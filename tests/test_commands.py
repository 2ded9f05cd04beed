"""Commands as an operator types them, in a process of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from portal import cli
from portal.app import Portal, create_app
from portal.core import acting, audit, db, keyring, ledger, rotation
from portal.core.acting import Actor, Kind, Scene
from portal.core.audit import Entry
from portal.core.key_file import KeyRing
from portal.customers import customer
from portal.settings import Settings
from tests.people import Person

ROOT = Path(__file__).parent.parent
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(house: Portal, settings: Settings) -> dict[str, str]:
    """The shop's settings as a shell has them; its portal in this process is closed."""
    house.extensions["engine"].dispose()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
    return {
        **kept,
        "PORTAL_DATA_DIR": str(settings.data_dir),
        "PORTAL_DATABASE_URL": settings.database_url,
        "PORTAL_BASE_URL": "http://localhost",
        "PORTAL_SECRET_KEY": settings.secret_key,
        "PORTAL_UNSUBSCRIBE_KEYS": ",".join(settings.unsubscribe_keys),
    }


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def portal(*words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-m", "portal", *words]
        return subprocess.run(command, cwd=ROOT, env={**environment, **changes}, capture_output=True, text=True, timeout=120, check=False)

    return portal


def test_check_says_in_one_line_that_all_is_well(run: Run) -> None:
    done = run("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "The settings, the colors, the store and the key ring are fit to start.\n"


def test_check_does_not_warn_of_links_that_are_short_enough(run: Run) -> None:
    done = run("check", PORTAL_BASE_URL="http://localhost:50000")
    assert done.returncode == 0
    assert "Unsubscribe links have" not in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORTAL_BRAND", "#bbbbbb", "PORTAL_BRAND and PORTAL_ON_BRAND have a contrast of 1.9; text needs 4.5 or more."),
        ("PORTAL_SECRET_KEY", "secret", "PORTAL_SECRET_KEY has a key that is shorter than 32 bytes"),
        ("PORTAL_BASE_URL", "http://shop.example", "PORTAL_BASE_URL must begin with https://"),
        ("PORTAL_KEYRING", "/nowhere/ring", "The key ring /nowhere/ring is missing or cannot be read."),
    ],
)
def test_what_would_break_a_promise_stops_the_start_with_one_sentence(run: Run, name: str, value: str, sentence: str) -> None:
    done = run("check", **{name: value})
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1


def test_neither_web_nor_worker_nor_migration_starts_then(run: Run) -> None:
    for command in ("web", "worker", "migrate"):
        done = run(command, PORTAL_SECRET_KEY="secret")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (78, "", 1), command


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("PORTAL_GRACE_DAYS", "two weeks", "Input should be a valid integer"),
        ("PORTAL_BRAND", "crimson", "String should match pattern"),
        ("PORTAL_SHOP_TIMEZONE", "America/Nowhere", "Value error, there is no time zone 'America/Nowhere'"),
    ],
)
def test_a_setting_of_the_wrong_kind_stops_the_start_with_one_sentence(run: Run, name: str, value: str, why: str) -> None:
    done = run("check", **{name: value})
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith(f"{name} cannot be used: {why}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("harm", ["missing", "open", "cut", "flipped"])
def test_a_broken_key_ring_stops_every_command_and_nothing_is_written(run: Run, settings: Settings, harm: str) -> None:
    _harm(settings.keyring, harm)
    before = _files(settings.data_dir)
    for command in (["worker", "--once"], ["keys", "rotate"]):
        done = run(*command)
        assert done.returncode == 78, command
        assert done.stderr.startswith(f"The key ring {settings.keyring} ")
        assert done.stderr.count("\n") == 1
    assert _files(settings.data_dir) == before


def _harm(ring: Path, how: str) -> None:
    whole = ring.read_bytes()
    if how == "missing":
        ring.unlink()
    elif how == "open":
        ring.chmod(0o644)
    else:
        ring.write_bytes(whole[:100] if how == "cut" else bytes([whole[0] ^ 1]) + whole[1:])


def _files(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = [file for file in folder.rglob("*") if file.is_file() and not file.name.endswith(("-wal", "-shm"))]
    return {str(file): (file.stat().st_mode, file.read_bytes()) for file in files}


def test_a_store_of_another_version_stops_the_start(run: Run, house: Portal) -> None:
    with house.extensions["engine"].begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    house.extensions["engine"].dispose()
    done = run("check")
    assert done.returncode == 78
    assert done.stderr == "The store does not fit this version of the portal: run `python -m portal migrate` first.\n"


def test_migrating_twice_does_no_harm(run: Run) -> None:
    for _time in range(2):
        assert run("migrate").returncode == 0
    assert run("check").returncode == 0


def test_the_worker_does_what_is_due_and_signs_the_trail(run: Run, settings: Settings) -> None:
    done = run("worker", "--once")
    assert done.returncode == 0, done.stderr
    assert settings.checkpoints.exists()
    assert run("audit", "verify").stdout.startswith("Intact: ")


def test_the_operator_changes_and_tries_the_keys(run: Run, house: Portal, ada: Person, settings: Settings) -> None:
    old = KeyRing.read([settings.keyring]).keks[1]
    assert run("keys", "rotate").stdout == "Every data key is under key 2 now, and the keys before it are destroyed.\n"
    assert old not in KeyRing.read([settings.keyring]).keks.values()
    done = run("keys", "verify")
    assert (done.returncode, done.stdout) == (0, "The key ring, its copies and keys.bak open what they should.\n")
    settings.keys_bak.write_bytes(settings.keys_bak.read_bytes()[:-1])
    done = run("keys", "verify")
    assert (done.returncode, done.stdout) == (1, f"{settings.keys_bak}: this keys.bak is cut or altered.\n")
    with db.reading() as session:
        entry = session.scalars(select(Entry).where(Entry.act == "keys_rotated")).one()
        assert entry.actor.startswith("operator:")


# --- in this process


@pytest.fixture
def typed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A command typed into this process, on the test's own shop."""
    cli.gather()
    monkeypatch.setattr(cli.settings, "load", lambda: settings)
    monkeypatch.setattr(cli, "opened", lambda: create_app(settings))
    return lambda *words: CliRunner().invoke(cli.cli, words, catch_exceptions=False)


def test_a_store_from_an_older_copy_gets_its_keys_back_by_one_command(
    house: Portal, ada: Person, bob: Person, settings: Settings, store: str, tmp_path: Path, typed: Callable[..., Result]
) -> None:
    if store != "sqlite":
        pytest.skip("the copy of a PostgreSQL store is tried with the keys")
    copy = tmp_path / "copy.db"
    house.extensions["engine"].dispose()
    shutil.copy(settings.data_dir / "portal.db", copy)
    _erase(ada.id)
    rotation.rotate()
    house.extensions["engine"].dispose()
    for file in settings.data_dir.glob("portal.db*"):
        file.unlink()
    shutil.copy(copy, settings.data_dir / "portal.db")

    done = typed("keys", "restore")

    assert done.output == "1 data keys are back; 0 people of this copy have none.\n"
    with db.reading():
        assert _name(ada.id) == "(erased)"
        assert _name(bob.id) == "Bob Stringer"


def _name(person: UUID) -> str:
    found = customer.get(person)
    assert found is not None
    return str(found.name)


def _erase(person: UUID) -> None:
    with acting.acting(Scene(Actor(Kind.SYSTEM, "test"))), db.transaction():
        ledger.bury(person, person)
        keyring.destroy(person, keyring.PROFILE)
        audit.record(rotation.PERSON_ERASED, person)


def test_an_older_dump_is_refused_in_a_sentence(
    house: Portal, ada: Person, settings: Settings, tmp_path: Path, typed: Callable[..., Result]
) -> None:
    rotation.rotate()
    older = shutil.copy(settings.keys_bak, tmp_path / "older.bak")
    rotation.rotate()
    done = typed("keys", "restore", "--from", str(older))
    assert done.exit_code == 1
    assert done.output == "Error: Nothing was changed: this keys.bak was sealed under key 2, which is destroyed: use the newest one.\n"


def test_check_warns_of_links_that_mail_programs_break(settings: Settings, house: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    long = settings.model_copy(update={"base_url": "http://localhost:" + "0" * 40 + "5000"})
    monkeypatch.setattr("portal.settings.load", lambda: long)
    done = CliRunner().invoke(cli.cli, ["check"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "Unsubscribe links have" in done.output


def test_every_command_says_what_it_does() -> None:
    cli.gather()

    def walk(command: object, name: str) -> None:
        assert getattr(command, "help", None), name
        for sub_name, sub in getattr(command, "commands", {}).items():
            walk(sub, f"{name} {sub_name}")

    walk(cli.cli, "portal")
