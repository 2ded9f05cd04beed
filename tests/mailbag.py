"""The mail that left the portal, as its readers get it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from portal.app import Portal

LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True)
class Mail:
    """One mail."""

    raw: bytes
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def to(self) -> str:
        return str(self.message["To"])

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    @property
    def links(self) -> list[str]:
        """Paths of the links in the text, in order."""
        parts = [urlsplit(found) for found in LINK.findall(self.text)]
        return [part.path + (f"?{part.query}" if part.query else "") for part in parts]

    def link(self, start: str) -> str:
        """The one link whose path begins so."""
        found = [path for path in self.links if path.startswith(start)]
        assert len(found) == 1, f"{start} in {self.links}"
        return found[0]

    @property
    def code(self) -> str:
        found = re.search(r"\b\d{6}\b", self.text)
        assert found, self.text
        return found.group()


class Mailbag:
    """Reads the folder that the demo's letters go to; looking into it lets the worker send what is due."""

    def __init__(self, house: Portal, folder: Path) -> None:
        self.house, self.folder = house, folder

    def all(self) -> list[Mail]:
        for _round in range(200):
            if self.house.work() == 0:
                break
        files = sorted(self.folder.glob("*.eml")) if self.folder.exists() else []
        return [Mail(raw, message_from_bytes(raw, policy=policy.default)) for raw in (file.read_bytes() for file in files)]  # type: ignore[arg-type]

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self.all() if mail.to == address]

    def code(self, address: str) -> str:
        """The code of the newest mail that brings one."""
        codes = [found.group() for mail in self.to(address) if (found := re.search(r"^\d{6}\s*$", mail.text, re.MULTILINE))]
        assert codes, f"no code was mailed to {address}"
        return codes[-1].strip()

    def link(self, address: str, start: str) -> str:
        """The newest link that begins so."""
        links = [path for mail in self.to(address) for path in mail.links if path.startswith(start)]
        assert links, f"no mail to {address} has a link {start}"
        return links[-1]

    def last(self, address: str, about: str = "") -> Mail:
        """The latest mail to an address whose subject has these words."""
        found = [mail for mail in self.to(address) if about in mail.subject]
        assert found, f"no mail about {about!r} to {address}"
        return found[-1]
