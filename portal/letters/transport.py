"""How letters leave: over SMTP to the shop's mail server, or into a folder in the demo."""

from __future__ import annotations

import smtplib
import ssl
import time
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from portal.core import clock, keyring
from portal.letters.message import Envelope
from portal.settings import LOOPBACK, Settings

TIMEOUT_SECONDS = 30


class TryLater(Exception):
    """The mail server cannot take it now."""


class Bounced(Exception):
    """The mail server says that the mailbox is not there."""


class Failed(Exception):
    """The mail server refuses our mail for a fault of ours."""


class Transport(Protocol):
    """Takes one finished mail or raises TryLater, Bounced or Failed."""

    def send(self, envelope: Envelope) -> None: ...


class FileSink:
    """Writes each mail to a file of its own, as the demo does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, envelope: Envelope) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stamp = clock.now().strftime("%Y%m%dT%H%M%S.%f")
        keyring.write_durably(self.folder / f"{stamp}-{envelope.sender.partition('@')[0]}.eml", envelope.message)


class SmtpRelay:
    """One connection to the mail server, opened again when it was closed. TLS is required off loopback."""

    def __init__(self, url: str, rate: int) -> None:
        self.url, self.pause = urlsplit(url), 1 / rate
        self.connection: smtplib.SMTP | None = None

    def send(self, envelope: Envelope) -> None:
        time.sleep(self.pause)
        try:
            self._send_once(envelope)
        except smtplib.SMTPServerDisconnected:
            self.connection = None
            self._send_again(envelope)

    def _send_again(self, envelope: Envelope) -> None:
        try:
            self._send_once(envelope)
        except smtplib.SMTPServerDisconnected as gone:
            self.connection = None
            raise TryLater("disconnected") from gone

    def _send_once(self, envelope: Envelope) -> None:
        try:
            connection = self._connected()
            connection.sendmail(envelope.sender, [envelope.recipient], envelope.message)
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPRecipientsRefused as refused:
            code, answer = next(iter(refused.recipients.values()))
            raise (Bounced if code >= 500 else TryLater)(f"{code} {answer.decode(errors='replace')}") from None
        except smtplib.SMTPResponseException as refused:
            raise (Failed if refused.smtp_code >= 500 else TryLater)(str(refused.smtp_code)) from None
        except (OSError, smtplib.SMTPException) as error:
            self.connection = None
            raise TryLater(type(error).__name__) from error

    def _connected(self) -> smtplib.SMTP:
        if self.connection is None:
            self.connection = self._connect()
        return self.connection

    def _connect(self) -> smtplib.SMTP:
        host, port = self.url.hostname or "localhost", self.url.port or (465 if self.url.scheme == "smtps" else 587)
        context = ssl.create_default_context()
        if self.url.scheme == "smtps":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            connection = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
            if host not in LOOPBACK:
                connection.starttls(context=context)
        if self.url.username:
            connection.login(unquote(self.url.username), unquote(self.url.password or ""))
        return connection


def make(settings: Settings) -> Transport:
    """The way that the settings name."""
    if settings.smtp_url:
        return SmtpRelay(settings.smtp_url, settings.mail_rate)
    return FileSink(settings.data_dir / "mail")
