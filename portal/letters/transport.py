"""How letters leave: over SMTP to the shop's mail server, or into a folder in the demo."""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from portal.core import clock, durable
from portal.letters.message import Envelope
from portal.settings import LOOPBACK, Settings

TIMEOUT_SECONDS = 30
PERMANENT = 500
ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


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
        durable.write(self.folder / f"{stamp}-{envelope.sender.partition('@')[0]}.eml", envelope.message)


class SmtpRelay:
    """One connection to the mail server, opened again when it was closed. TLS is required off loopback."""

    def __init__(self, url: str, rate: int) -> None:
        self.url, self.pause = urlsplit(url), 1 / rate
        self.connection: smtplib.SMTP | None = None

    def send(self, envelope: Envelope) -> None:
        """Hand over one mail. A connection that the server closed meanwhile is opened again, once, before it counts as an attempt."""
        time.sleep(self.pause)
        try:
            self._send_once(envelope)
        except smtplib.SMTPServerDisconnected:
            self._hang_up()
            self._send_again(envelope)

    def _send_again(self, envelope: Envelope) -> None:
        try:
            self._send_once(envelope)
        except smtplib.SMTPServerDisconnected as gone:
            self._hang_up()
            raise TryLater("disconnected") from gone

    def _send_once(self, envelope: Envelope) -> None:
        connection = self._connected()
        try:
            connection.sendmail(envelope.sender, [envelope.recipient], envelope.message)
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPRecipientsRefused as refused:
            code, answer = refused.recipients[envelope.recipient]
            raise (Bounced if code >= PERMANENT else TryLater)(_codes(code, answer)) from None
        except smtplib.SMTPResponseException as refused:
            raise (Failed if refused.smtp_code >= PERMANENT else TryLater)(_codes(refused.smtp_code, refused.smtp_error)) from None
        except (OSError, smtplib.SMTPException) as error:
            self._hang_up()
            raise TryLater(type(error).__name__) from error

    def _hang_up(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def _connected(self) -> smtplib.SMTP:
        if self.connection is None:
            try:
                self.connection = self._connect()
            except (OSError, smtplib.SMTPException) as error:  # a greeting, certificate or password that is wrong is no fault of the letter
                raise TryLater(type(error).__name__) from error
        return self.connection

    def _connect(self) -> smtplib.SMTP:
        host, port = self.url.hostname or "localhost", self.url.port or (465 if self.url.scheme == "smtps" else 587)
        context = ssl.create_default_context()
        if self.url.scheme == "smtps":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            connection = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
        try:
            if self.url.scheme != "smtps" and host not in LOOPBACK:
                connection.starttls(context=context)
            if self.url.username:
                connection.login(unquote(self.url.username), unquote(self.url.password or ""))
        except BaseException:
            connection.close()
            raise
        return connection


def _codes(code: int, answer: bytes | str) -> str:
    """`550 5.1.1`: what the server means (RFC 3463). Its words are left out, for they repeat the address."""
    words = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    precise = ENHANCED.match(words)
    return f"{code} {precise.group()}" if precise else str(code)


def make(settings: Settings) -> Transport:
    """The way that the settings name."""
    if settings.smtp_url:
        return SmtpRelay(settings.smtp_url, settings.mail_rate)
    return FileSink(settings.data_dir / "mail")
