"""Commands for the keys and the audit trail."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from cryptography.exceptions import InvalidSignature

from portal import settings
from portal.core import db, rotation, verdict

BROKEN, CANNOT_TELL = 1, 2


@click.group()
def keys() -> None:
    """The keys: change them, try them."""


@keys.command("rotate")
def keys_rotate() -> None:
    """Change the key-encryption key now: every older copy of the store stops opening people who were erased."""
    version = rotation.rotate()
    click.echo(f"Every data key is under key {version} now, and the keys before it are destroyed.")


@keys.command("verify")
def keys_verify() -> None:
    """Try what a restore would need: one data key of each version, the whole keys.bak, and the copies of the key ring."""
    wrong = rotation.verify()
    for sentence in wrong:
        click.echo(sentence)
    if wrong:
        sys.exit(BROKEN)
    click.echo("The key ring, its copies and keys.bak open what they should.")


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command("verify")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="File of signed heads; default: the portal's own.")
def audit_verify(checkpoint: Path | None) -> None:
    """Hold the trail against its signed heads. Exit 0 intact, 1 broken, 2 cannot tell."""
    try:
        with db.reading():
            found = verdict.verify(checkpoint or settings.current().checkpoints)
    except InvalidSignature:
        click.echo("The signed heads were altered or signed by another key ring, so nothing can be judged.")
        sys.exit(CANNOT_TELL)
    if not found.heads:
        click.echo("There is no signed head yet, so nothing can be judged.")
        sys.exit(CANNOT_TELL)
    if found.broken:
        click.echo(f"Broken at position {found.position}: {found.broken}.")
        sys.exit(BROKEN)
    click.echo(f"Intact: {found.size} entries agree with {found.heads} signed heads; {found.unchained} are newer and not judged yet.")
