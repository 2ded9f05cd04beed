"""Web and worker beside each other: they start together, and when one stops, all stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

PATIENCE = 60.0
"""Seconds that the pages may take to answer for the first time."""

LAST_SECONDS = 12.0
"""Seconds that a process may take to end what it is doing; the web server gives its own workers ten."""

ENOUGH = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(Exception):
    """A process ended that should have gone on; the text says which, and where its words are."""


@dataclass(frozen=True)
class Part:
    """One of the processes, and where it writes what it has to say."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]


class Crew:
    """The processes, and whether somebody asked them to stop."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.asked: list[int] = []
        for number in ENOUGH:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup lets it outlive its terminal
                signal.signal(number, lambda got, _frame: self.asked.append(got))

    def is_open(self, url: str) -> bool:
        """Wait until the pages answer; False when somebody asked to stop before. Raises Ended."""
        until = time.monotonic() + PATIENCE
        with httpx.Client(trust_env=False, timeout=5) as client:
            while not self.asked and time.monotonic() < until:
                self._refuse_ended()
                if _answers(client, url):
                    return True
                time.sleep(0.1)
        if not self.asked:
            raise Ended(f"The pages did not answer within {PATIENCE:.0f} seconds. See {self.parts[0].log}")
        return False

    def watch(self) -> None:
        """Wait until somebody asks to stop. Raises Ended when a process stops by itself."""
        while not self.asked:
            self._refuse_ended()
            time.sleep(0.2)

    def _refuse_ended(self) -> None:
        for part in self.parts:
            if part.process.poll() is not None and not self.asked:
                raise Ended(f"The {part.name} process of the demo ended by itself. See {part.log}")

    def stop(self) -> None:
        """Ask every process to end, and make it end when it takes too long."""
        for part in self.parts:
            part.process.terminate()
        until = time.monotonic() + LAST_SECONDS
        for part in self.parts:
            try:
                part.process.wait(timeout=max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                part.process.kill()
                part.process.wait()


@contextmanager
def running(commands: Mapping[str, Sequence[str]], data: Path, logs: Path) -> Iterator[Crew]:
    """Run commands of the portal over the data folder, each with a log file of its own, until the block ends."""
    crew = Crew()
    try:
        for name, words in commands.items():
            crew.parts.append(_start(name, words, data, logs / f"{name}.log"))
        yield crew
    finally:
        crew.stop()


def _start(name: str, words: Sequence[str], data: Path, log: Path) -> Part:
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            [sys.executable, "-m", "portal", *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, "PORTAL_DATA_DIR": str(data)},
        )
    return Part(name, log, process)


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).is_success
    except httpx.TransportError:
        return False
