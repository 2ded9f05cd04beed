"""Where the demo shop lives: a folder that is its own, on this machine alone, with settings that every other command finds there."""

from __future__ import annotations

import socket
from pathlib import Path

from portal import settings
from portal.core import durable
from portal.settings import LOOPBACK, Settings, SettingsRefused

OWN = {
    "PORTAL_DEMO": "true",
    "PORTAL_PROCESSOR": "demo",
    "PORTAL_RATE_LIMITS": "off",  # all the demo's people share one network, and whoever tries things out tries them often
}


class PortTaken(Exception):
    """Nobody can listen on that port now; the text says why."""


def prepare(folder: Path, host: str, port: int) -> Settings:
    """The demo's settings, kept in the folder for later starts and other commands; what the environment says wins.

    Raises SettingsRefused for a host that others can reach, a folder of another shop, or a way for letters to leave;
    PortTaken if the port is not free.
    """
    if host not in LOOPBACK:
        raise SettingsRefused(f"The demo shop runs on this machine alone: the host must be localhost, 127.0.0.1 or ::1, not {host}.")
    _refuse_taken(host, port)
    _keep(folder, {**OWN, "PORTAL_BASE_URL": f"http://localhost:{port}"})
    own = settings.load(folder)
    if not own.demo or own.smtp_url:
        raise SettingsRefused("The demo keeps its letters to itself: take PORTAL_DEMO and PORTAL_SMTP_URL out of the environment.")
    return own


def _refuse_taken(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"Port {port} cannot be used: {error.strerror}. Choose another one: make run PORT={port + 1}") from None


def _keep(folder: Path, wanted: dict[str, str]) -> None:
    file = folder / "portal.env"
    is_new = not file.exists()
    settings.load(folder)
    lines = file.read_text().splitlines()
    if not is_new and "PORTAL_DEMO=true" not in lines:
        raise SettingsRefused(f"{folder} belongs to a shop that is not the demo. Name another folder: make run DATA=demo")
    others = [line for line in lines if line.partition("=")[0] not in wanted]
    text = "".join(f"{line}\n" for line in [*others, *(f"{name}={value}" for name, value in wanted.items())])
    durable.write(file, text.encode())
