"""A small mail server for tests: it speaks SMTP as it is told to and keeps what it was handed."""

from __future__ import annotations

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

DROP = "drop"
"""As an answer: close the connection without a word."""


@dataclass
class Script:
    """What the server answers next: one line for each command in `answers`, oldest first, else that all is well."""

    answers: dict[str, list[str]] = field(default_factory=dict)
    mails: list[tuple[str, str, bytes]] = field(default_factory=list)
    connections: int = 0
    commands: list[str] = field(default_factory=list)

    def next(self, command: str, otherwise: str) -> str:
        waiting = self.answers.get(command)
        return waiting.pop(0) if waiting else otherwise


class _Session(socketserver.StreamRequestHandler):
    """One connection (RFC 5321)."""

    def handle(self) -> None:
        self.script: Script = self.server.script  # type: ignore[attr-defined]
        self.script.connections += 1
        self.sender = self.recipient = ""
        if not self._say(self.script.next("CONNECT", "220 mail.test ready")):
            return
        while line := self.rfile.readline():
            command = line.decode("ascii", "replace").strip()
            verb = command.split(" ")[0].upper()
            self.script.commands.append(verb)
            if not self._answer(verb, command):
                return

    def _answer(self, verb: str, command: str) -> bool:
        if verb == "MAIL":
            self.sender = command.partition("<")[2].partition(">")[0]
        if verb == "RCPT":
            self.recipient = command.partition("<")[2].partition(">")[0]
        if verb == "DATA":
            return self._data()
        return self._say(self.script.next(verb, "221 bye" if verb == "QUIT" else "250 fine")) and verb != "QUIT"

    def _data(self) -> bool:
        said = self.script.next("DATA", "354 go on")
        if not self._say(said):
            return False
        if not said.startswith("354"):
            return True
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        answer = self.script.next("END", "250 queued")
        if answer.startswith("250") or answer == DROP:
            self.script.mails.append((self.sender, self.recipient, b"".join(lines)))
        return self._say(answer)

    def _say(self, answer: str) -> bool:
        if answer == DROP:
            return False
        self.wfile.write(f"{answer}\r\n".encode())
        return not answer.startswith("421")


class _Server(socketserver.ThreadingTCPServer):
    """Listens on this machine only."""

    allow_reuse_address = True
    daemon_threads = True
    script: Script


@contextmanager
def listening() -> Iterator[tuple[str, Script]]:
    """The address of a running server (`smtp://127.0.0.1:PORT`) and its script."""
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.script = Script()
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"smtp://127.0.0.1:{server.server_address[1]}", server.script
        finally:
            server.shutdown()
            thread.join()
