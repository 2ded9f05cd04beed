"""Commands that take over a shop's files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from flask_babel import gettext as _
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from portal.connections.records import FileRefused
from portal.connections.report import Report, written_to
from portal.connections.shopify.customer_import import import_customers
from portal.connections.shopify.order_import import import_orders
from portal.connections.shopify.sayings import SYSTEM
from portal.core import acting, audit, db
from portal.core.acting import Scene
from portal.policy import version

REFUSED = 2
Take = Callable[[Path, Report, Callable[[], None]], None]


@click.group("import")
def imports() -> None:
    """Take over the files of a shop's own system."""


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    path = click.Path(path_type=Path)
    for add in (
        click.option("--report", "report_file", type=path, help="Write what became of each row to this file (mode 0600)."),
        click.option("--dry-run", is_flag=True, help="Do all of it, count, and undo it. On SQLite nobody else can write meanwhile."),
        click.argument("file", type=path),
    ):
        command = add(command)
    return command


@imports.command("shopify-customers")
@_options
def shopify_customers(file: Path, report_file: Path | None, dry_run: bool) -> None:  # noqa: FBT001 - click passes options so
    """Take over the customers file that Shopify exports."""
    run(import_customers, "customers", file, report_file, db.rehearsal() if dry_run else nullcontext())


@imports.command("shopify-orders")
@_options
def shopify_orders(file: Path, report_file: Path | None, dry_run: bool) -> None:  # noqa: FBT001 - click passes options so
    """Take over the orders file that Shopify exports."""
    run(import_orders, "orders", file, report_file, db.rehearsal() if dry_run else nullcontext())


def run(take: Take, what: str, file: Path, report_file: Path | None, stage: AbstractContextManager[None]) -> None:
    """Import and say what became of every row. What is wrong with the file is one sentence."""
    try:
        with written_to(report_file) as report, acting.acting(_scene()), stage:
            with _progress(report) as advance:
                take(file, report, advance)
            summary = report.summary()
            with db.transaction():
                audit.record("file_imported", None, system=SYSTEM, what=what, result=summary)
    except FileRefused as refused:
        _refuse(refused.sentence)
    except OSError as error:
        _refuse(_("%(file)s cannot be read or written: %(reason)s.", file=error.filename or file, reason=error.strerror))
    click.echo(f"erased_before={report.erased_before}")
    if what == "orders":
        click.echo(f"orders={report.orders}")
    click.echo(summary)


def _refuse(sentence: str) -> None:
    click.echo(sentence, err=True)
    sys.exit(REFUSED)


def _scene() -> Scene:
    """The operator, and what every row that comes in says about where it came from."""
    with db.reading():
        policy = version.in_force()
        return replace(acting.scene(), source=SYSTEM, channel="import", policy_version=policy.number if policy else "")


@contextmanager
def _progress(report: Report) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, nothing anywhere else."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(_("Importing"), total=None)
        yield lambda: bar.update(task, total=report.rows, completed=report.done)
