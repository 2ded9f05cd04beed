"""The demo shop as a newcomer starts it: `make run`, wait for the page, Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent
PATIENCE = 180.0
"""Seconds a first start may take, the import of the shop included; setting up comes on top."""

SIGN_IN = re.compile(r"^sign-in: (?P<role>.+?) (?P<email>\S+@\S+) (?P<password>.+)$", re.MULTILINE)


@dataclass
class Demo:
    """A running demo shop: where it is, where its data are, and who may sign in."""

    url: str
    data: Path
    started_in: float
    output: Path
    people: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def running(data: Path) -> Iterator[Demo]:
    """Start the demo over the data folder, give it once it answers, stop it with Ctrl-C. Raises AssertionError with what it printed."""
    port, output = free_port(), data.with_suffix(".log")
    with output.open("w") as log:
        began = time.monotonic()
        process = subprocess.Popen(
            ["make", "--no-print-directory", "run", f"PORT={port}", f"DATA={data}"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        url = f"http://localhost:{port}"
        wait(url, process, output)
        people = [found.groupdict() for found in SIGN_IN.finditer(output.read_text())]
        yield Demo(url, data, time.monotonic() - began, output, people)
    finally:
        stop(process)


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait(url: str, process: subprocess.Popen[bytes], output: Path) -> None:
    """Wait until the page answers and the sign-ins are printed."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, f"The demo ended by itself:\n{output.read_text()}"
        if is_up(url) and SIGN_IN.search(output.read_text()):
            return
        time.sleep(0.1)
    raise AssertionError(f"The demo was not up in {PATIENCE:.0f} seconds:\n{output.read_text()}")


def is_up(url: str) -> bool:
    """Does the shop answer that it is well?"""
    try:
        return httpx.get(f"{url}/healthz", timeout=5).is_success
    except httpx.TransportError:
        return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """Press Ctrl-C, as a terminal does: everything that was started gets it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise AssertionError("The demo did not stop within 30 seconds of Ctrl-C.") from None
