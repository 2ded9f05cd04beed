"""Commands for the policy: publish a text."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from portal.core import db
from portal.policy import version


@click.group()
def policy() -> None:
    """The privacy policy in its versions."""


@policy.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--effective", type=click.DateTime(["%Y-%m-%d"]), help="First day on which it applies (UTC); default: at once.")
def publish(file: Path, effective: datetime | None) -> None:
    """Publish a text as the next version. The same text again changes nothing."""
    text = file.read_text(encoding="utf-8")
    sections = version.read_sections(text)
    if not sections:
        raise click.ClickException("No section was found: each begins with a line like `# What we collect {what}`.")
    with db.transaction():
        published = version.publish(text, effective_at=effective.replace(tzinfo=UTC) if effective else None)
        click.echo(f"Version {published.number}, {len(sections)} sections, applies from {published.effective_at:%Y-%m-%d}.")
