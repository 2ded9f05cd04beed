"""Commands about one customer: show what there is, write the copy, ask for deletion."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import current_app

from portal.core import acting, audit, db
from portal.core.rules import Refused
from portal.customers import customer
from portal.customers.customer import Customer
from portal.rights import erasure, export, plan, records


@click.group()
def customers() -> None:
    """One customer: show, export, erase."""


def _found(address: str) -> Customer:
    person = customer.find_by_email(address)
    if person is None:
        raise click.ClickException("There is no customer with this address.")
    return person


@customers.command()
@click.argument("address")
def show(address: str) -> None:
    """How many records of what kind there are about a customer."""
    with db.transaction():
        person = _found(address)
        audit.record("operator_looked", person.id)
        for name, rows in sorted(records.counts(records.subject(person.id)).items()):
            click.echo(f"{name}: {rows}")


@customers.command("export")
@click.argument("address")
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.option("--reason", required=True, help="Why the copy is made; it is recorded.")
def export_copy(address: str, file: Path, reason: str) -> None:
    """Write the copy of a customer's data to a file (mode 0600)."""
    with db.transaction():
        person = _found(address)
        audit.record("operator_exported", person.id, details={"reason": reason})
        archive = export.Archive(records.subject(person.id))
    file.touch(mode=0o600)
    with file.open("wb") as out, current_app.test_request_context():
        for piece in archive.stream():
            out.write(piece)
    click.echo(f"{file}: {file.stat().st_size} bytes")


@customers.command()
@click.argument("address")
@click.option("--reason", required=True, help="Why; it is recorded.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(address: str, reason: str, yes: bool) -> None:  # noqa: FBT001 - click passes options so
    """Ask for a customer's deletion, with the usual days to undo it."""
    with db.transaction():
        person = _found(address)
        listed = plan.of(records.subject(person.id))
        click.echo("Goes: " + ", ".join(f"{line.title} ({line.rows})" for line in listed.goes))
        click.echo("Stays: " + (", ".join(f"{line.title} ({line.rows})" for line in listed.stays) or "nothing"))
        if not yes and not (sys.stdin.isatty() and click.confirm("Ask for this deletion?")):
            raise click.ClickException("Nothing was changed. Say --yes off a terminal.")
        try:
            asked = erasure.request(person, by=acting.actor())
        except Refused as refused:
            raise click.ClickException(refused.sentence) from None
        audit.record("operator_erasure_reason", person.id, details={"reason": reason})
        click.echo(f"Planned for {asked.due_at:%Y-%m-%d %H:%M} UTC.")
