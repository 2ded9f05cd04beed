"""Tests reach nobody but this machine: any other connection fails the test that tries it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import pytest

from portal.settings import LOOPBACK


class Outside(AssertionError):
    """Somebody was to be reached outside of this machine."""


@contextmanager
def only_this_machine() -> Iterator[None]:
    """Inside: Python's sockets connect to this machine only, and no other name is looked up."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        patch.setattr(socket, "getaddrinfo", _looked_up(socket.getaddrinfo))
        yield


def _guarded(real: Any) -> Any:
    def connect(self: socket.socket, *args: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            _refuse_outside(args[-1][0])
        return real(self, *args)

    return connect


def _looked_up(real: Any) -> Any:
    def getaddrinfo(host: Any, *args: Any, **how: Any) -> Any:
        _refuse_outside(host)
        return real(host, *args, **how)

    return getaddrinfo


def _refuse_outside(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    try:
        is_here = ip_address(name).is_loopback or ip_address(name).is_unspecified
    except ValueError:
        is_here = name in LOOPBACK
    if not is_here:
        raise Outside(f"a test may reach this machine only, not {name}")
