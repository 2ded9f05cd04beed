"""What an operator does about choices without a browser."""

from __future__ import annotations

import csv
import sys

import click

from portal.contacts.topics import BY_SLUG
from portal.core import audit, db
from portal.preferences import link_file


@click.group()
def links() -> None:
    """Unsubscribe links for mail that another service sends."""


@links.command("export")
@click.option("--topic", type=click.Choice(list(BY_SLUG)), required=True, help="What the mail is about.")
def export(topic: str) -> None:
    """Write email,unsubscribe_url,list_unsubscribe for all who may be written to. Exit 1 if an address had to be left out."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(link_file.Row._fields)
    written = left_out = 0
    for row in link_file.rows(topic):
        if row.is_safe:
            out.writerow(row)
            written += 1
        else:
            left_out += 1
    with db.transaction():
        audit.record("links_exported", None, topic=topic, rows=written)
    if left_out:
        click.echo(f"Left out, since a spreadsheet would take the address for a formula: {left_out}.", err=True)
        sys.exit(1)
