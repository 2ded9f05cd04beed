"""The command line: what an operator does without a browser."""

from __future__ import annotations

import getpass
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from copy import copy
from functools import cache, wraps
from pathlib import Path
from typing import Any, cast

import click
import structlog
from alembic import command
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from sqlalchemy.exc import DBAPIError

from portal import settings
from portal.app import Portal, StoreRefused, alembic_config, assemble, create_app, modules
from portal.core import acting, chain, db, rotation
from portal.core import web as core_web
from portal.core.acting import Actor, Kind, Scene
from portal.core.boxes import BoxRefused
from portal.core.key_file import KeyRing, KeyRingRefused
from portal.demo import opening, place, processes, welcome
from portal.settings import Settings, SettingsRefused

NOT_CONFIGURED = 78
POLL_SECONDS = 1.0
TOKEN_LENGTH = 40
LONGEST_LINK = 75
log = structlog.get_logger()


@click.group()
def cli() -> None:
    """A privacy portal for shops."""


def operator() -> Scene:
    """Whoever runs the command, as audit entries name them."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user of a container without a name
        name = str(os.getuid())
    return Scene(Actor(Kind.OPERATOR, name), source="command line", channel="cli")


def opened() -> Portal:
    """The portal for a command."""
    return _until_the_end(create_app())


def _until_the_end(app: Portal) -> Portal:
    """Let go of the store when the command ends."""
    click.get_current_context().call_on_close(app.extensions["engine"].dispose)
    return app


@cli.command()
def migrate() -> None:
    """Bring the store to this version of the portal."""
    _migrated(settings.load())


def _migrated(own: Settings) -> Portal:
    own.refuse_weakness()
    config = alembic_config()
    config.attributes["engine"] = engine = db.make_engine(own.database_owner_url)
    command.upgrade(config, "head")
    engine.dispose()
    return _until_the_end(create_app(own))


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True)
@click.option("--data", type=click.Path(path_type=Path), envvar="PORTAL_DATA_DIR", default="var", show_default=True)
def demo(host: str, port: int, data: Path) -> None:
    """Run an invented shop on this machine, to try the portal out."""
    try:
        own = place.prepare(data, host, port)
        people = _open_demo(own)
        address = f"[{host}]" if ":" in host else host
        commands = {"web": ("web", "--host", address, "--port", str(port)), "worker": ("worker",)}
        with processes.running(commands, data, data / "demo") as crew:
            if crew.is_open(f"http://{address}:{port}/healthz"):
                click.echo(welcome.words(own, people))
            crew.watch()
    except (place.PortTaken, processes.Ended) as refused:
        raise click.ClickException(str(refused)) from None


def _open_demo(own: Settings) -> list[opening.SignIn]:
    app = _migrated(own)
    with app.app_context(), acting.acting(operator()):
        if not opening.is_open():
            click.echo("Making the demo shop: this happens once and takes a moment.")
            opening.open_shop()
        people = opening.sign_ins()
    app.extensions["engine"].dispose()
    return people


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True)
@click.option("--workers", default=2, show_default=True)
@click.option("--threads", default=4, show_default=True)
def web(host: str, port: int, workers: int, threads: int) -> None:
    """Serve the pages."""
    kind = {"worker_class": "gthread", "graceful_timeout": 10, "control_socket_disable": True, "post_worker_init": _leave_ctrl_c}
    Server(opened(), {"bind": f"{host}:{port}", "workers": workers, "threads": threads, **kind}).run()


def _leave_ctrl_c(_worker: object) -> None:
    """Ctrl-C reaches every process of a terminal at once. A worker that also hears it from its parent may hang while it stops."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with our application."""

    def __init__(self, app: Portal, options: dict[str, Any]) -> None:
        self.app, self.options = app, options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Portal:
        self.app.extensions["engine"].dispose(close=False)
        return self.app


@cli.command()
@click.option("--once", is_flag=True, help="Do what is due now, then stop.")
def worker(once: bool) -> None:  # noqa: FBT001 - click passes options so
    """Send letters and do what is due."""
    app = opened()
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: stopping.append(got))
    while not stopping:
        if _work(app) == 0:
            if once:
                break
            time.sleep(POLL_SECONDS)
    with app.app_context(), acting.acting(operator()):
        chain.checkpoint()


def _work(app: Portal) -> int:
    """One round. A store that is away for a while is asked again after a moment."""
    try:
        return app.work()
    except DBAPIError as error:
        log.error("store_away", error=type(error).__name__)
        return 0


@cli.command()
def check() -> None:
    """Say whether the portal could start, and what would be better."""
    app = opened()
    click.echo("The settings, the colors, the store and the key ring are fit to start.")
    with app.test_request_context():
        wrong = rotation.verify()
        link = core_web.link("preferences.unsubscribe", token="x" * TOKEN_LENGTH)
    if len(link) > LONGEST_LINK:
        click.echo(f"Unsubscribe links have {len(link)} characters; some mail programs break links longer than {LONGEST_LINK}.")
    for sentence in wrong:
        click.echo(sentence)
    sys.exit(1 if wrong else 0)


@click.command("restore")
@click.option("--from", "place", type=click.Path(path_type=Path), help="The keys.bak; default: the portal's own.")
def keys_restore(place: Path | None) -> None:
    """Give a store that comes from an older copy its keys again, those of erased people excepted."""
    own = settings.load()
    app = _until_the_end(assemble(own))
    app.extensions["keyring"] = KeyRing.read(own.keyring_places)
    try:
        with app.app_context(), acting.acting(operator()):
            found = rotation.put_back(place or own.keys_bak)
    except BoxRefused as refused:
        raise click.ClickException(f"Nothing was changed: {refused}.") from None
    click.echo(f"{found.keys} data keys are back; {found.missing} people of this copy have none.")


@cache
def gather() -> None:
    """Add the commands that the slices declare in their own `commands.py`; they run in the opened portal, acting as its operator."""
    for module in modules():
        if module.__name__.endswith(".commands"):
            declared = [value for value in vars(module).values() if isinstance(value, click.Command)]
            inner = {id(sub) for group in declared if isinstance(group, click.Group) for sub in group.commands.values()}
            for top in declared:
                if id(top) not in inner:
                    cli.add_command(_in_the_portal(top))
    cast(click.Group, cli.commands["keys"]).add_command(keys_restore)


def _in_the_portal(declared: click.Command) -> click.Command:
    """The command as operators call it; the one that the slice declared stays as it is."""
    called = copy(declared)
    if isinstance(declared, click.Group) and isinstance(called, click.Group):
        called.commands = {name: _in_the_portal(sub) for name, sub in declared.commands.items()}
    elif declared.callback is not None:
        called.callback = _in_portal(declared.callback)
    return called


def _in_portal(run: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(run)
    def opened_run(*args: Any, **options: Any) -> Any:
        app = opened()
        with app.app_context(), acting.acting(operator()):
            return run(*args, **options)

    return opened_run


def main() -> None:
    """Run a command; what stands in the way of starting is one plain sentence. A crash leaves no image of memory, where keys stand."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gather()
    try:
        cli(prog_name="python -m portal")
    except (SettingsRefused, KeyRingRefused, StoreRefused) as refused:
        click.echo(str(refused), err=True)
        sys.exit(NOT_CONFIGURED)
