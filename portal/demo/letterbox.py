"""The demo's letters: each one that left lies here as a file and can be read, links and all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path

from markupsafe import Markup

from portal import settings
from portal.demo import plain_html

SIZE = 20
STAMP = "%Y%m%dT%H%M%S.%f"
LINK = re.compile(r"(https?://[^\s<>\"]*[^\s<>\".,;:!?)])")


@dataclass(frozen=True)
class Mail:
    """One letter as it went out."""

    file: Path

    @property
    def name(self) -> str:
        return self.file.stem

    @property
    def at(self) -> datetime:
        """When it left."""
        return datetime.strptime(self.name.partition("-")[0], STAMP).replace(tzinfo=UTC)

    @cached_property
    def raw(self) -> bytes:
        return self.file.read_bytes()

    @cached_property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)

    @property
    def to(self) -> str:
        return str(self.message["To"])

    @property
    def sender(self) -> str:
        return str(self.message["From"])

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def one_click(self) -> Markup:
        """The header that mail programs unsubscribe by (RFC 8058), or nothing."""
        return linked(str(self.message["List-Unsubscribe"] or ""))

    @property
    def paragraphs(self) -> list[list[Markup]]:
        """The text, line by line, with links to click."""
        blocks = re.split(r"\n\s*\n", self._part("plain").strip())
        return [[linked(line) for line in block.splitlines()] for block in blocks]

    @property
    def html(self) -> Markup:
        """The HTML without its own looks, so that it may stand in a page of the portal."""
        return plain_html.of(self._part("html"))

    def as_json(self) -> dict[str, str]:
        return {"to": self.to, "subject": self.subject, "at": self.at.isoformat(), "raw": self.raw.decode(errors="replace")}

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part else ""


def linked(text: str) -> Markup:
    """The text with every web address in it as a link."""
    pieces = LINK.split(text)
    return Markup("").join(Markup('<a href="{0}">{0}</a>').format(piece) if at % 2 else piece for at, piece in enumerate(pieces))


@dataclass(frozen=True)
class Shelf:
    """One page of the list: its letters, and how many there are in all."""

    mails: Sequence[Mail]
    count: int
    number: int

    @property
    def has_older(self) -> bool:
        return self.number * SIZE < self.count


def everything() -> list[Mail]:
    """Every letter, newest first."""
    return [Mail(file) for file in sorted(_folder().glob("*.eml"), reverse=True)]


def shelf(number: int) -> Shelf:
    """The page with this number; the first is 1."""
    mails, number = everything(), max(1, number)
    return Shelf(mails[(number - 1) * SIZE : number * SIZE], len(mails), number)


def find(name: str) -> Mail | None:
    """The letter in the file of this name."""
    return next((mail for mail in everything() if mail.name == name), None)


def _folder() -> Path:
    return settings.current().data_dir / "mail"
