"""The command line: what an operator does without a browser."""

from __future__ import annotations

import getpass
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from alembic import command
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from portal import settings
from portal.app import Portal, StoreRefused, alembic_config, create_app, modules
from portal.core import acting, audit, db
from portal.core.acting import Actor, Kind, Scene
from portal.core.keyring import KeyRingRefused
from portal.settings import SettingsRefused

NOT_CONFIGURED = 78
POLL_SECONDS = 1.0


@click.group()
def cli() -> None:
    """A privacy portal for shops."""


def operator() -> Scene:
    """Whoever runs the command, as audit entries name them."""
    return Scene(Actor(Kind.OPERATOR, getpass.getuser()), source="command line", channel="cli")


def opened() -> Portal:
    """The portal for a command."""
    return create_app()


@cli.command()
def migrate() -> None:
    """Bring the store to this version of the portal."""
    own = settings.load()
    config = alembic_config()
    config.attributes["engine"] = db.make_engine(own.database_owner_url)
    command.upgrade(config, "head")
    create_app(own)


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True)
@click.option("--workers", default=2, show_default=True)
@click.option("--threads", default=4, show_default=True)
def web(host: str, port: int, workers: int, threads: int) -> None:
    """Serve the pages."""
    Server(opened(), {"bind": f"{host}:{port}", "workers": workers, "threads": threads, "worker_class": "gthread", "graceful_timeout": 10}).run()


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
def worker(once: bool) -> None:
    """Send letters and do what is due."""
    app = opened()
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: stopping.append(got))
    while not stopping:
        if app.work() == 0:
            if once:
                break
            time.sleep(POLL_SECONDS)
    with app.app_context(), acting.acting(operator()), db.transaction():
        audit.checkpoint()


@cli.group()
def audit_group() -> None:
    """The audit trail."""


cli.add_command(audit_group, "audit")


@audit_group.command("verify")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="File of signed heads; default: the portal's own.")
def audit_verify(checkpoint: Path | None) -> None:
    """Hold the trail against its signed heads. Exit 0 intact, 1 broken, 2 cannot tell."""
    app = opened()
    with app.app_context(), db.reading():
        file = checkpoint or settings.current().checkpoints
        if not file.exists():
            click.echo("There is no signed head yet, so nothing can be judged.")
            sys.exit(2)
        verdict = audit.verify(file)
    if verdict.broken:
        click.echo(f"Broken at position {verdict.position}: {verdict.broken}.")
        sys.exit(1)
    click.echo(f"Intact: {verdict.size} entries agree with {verdict.heads} signed heads; {verdict.unchained} are newer and not judged yet.")


def gather() -> None:
    """Add the commands that the slices declare in their own `commands.py`; they run in the opened portal, acting as its operator."""
    for module in modules():
        if module.__name__.endswith(".commands"):
            declared = [value for value in vars(module).values() if isinstance(value, click.Command)]
            inner = {id(sub) for group in declared if isinstance(group, click.Group) for sub in group.commands.values()}
            for top in declared:
                if id(top) not in inner:
                    _open_for(top)
                    cli.add_command(top)


def _open_for(top: click.Command) -> None:
    if isinstance(top, click.Group):
        for sub in top.commands.values():
            _open_for(sub)
    elif top.callback is not None:
        top.callback = _in_portal(top.callback)


def _in_portal(run: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(run)
    def opened_run(*args: Any, **options: Any) -> Any:
        app = opened()
        with app.app_context(), acting.acting(operator()):
            return run(*args, **options)

    return opened_run


def main() -> None:
    """Run a command; what stands in the way of starting is one plain sentence."""
    os.umask(0o077)
    gather()
    try:
        cli(prog_name="python -m portal")
    except (SettingsRefused, KeyRingRefused, StoreRefused) as refused:
        click.echo(str(refused), err=True)
        sys.exit(NOT_CONFIGURED)
