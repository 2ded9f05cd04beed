"""The guard around the tests themselves."""

from __future__ import annotations

import socket

import httpx
import pytest

from tests.network import Outside


@pytest.mark.parametrize("host", ["192.0.2.1", "example.com", "2001:db8::1", "10.0.0.1", "localhost.example.com"])
def test_no_test_reaches_anybody_outside(host: str) -> None:
    with pytest.raises(Outside):
        socket.create_connection((host, 80), timeout=1)
    with pytest.raises(Outside):
        httpx.get(f"http://[{host}]/" if ":" in host else f"http://{host}/", timeout=1)


def test_no_name_is_looked_up_and_no_datagram_sent() -> None:
    with pytest.raises(Outside):
        socket.getaddrinfo("example.com", 53)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, pytest.raises(Outside):
        sender.sendto(b"who", ("192.0.2.53", 53))


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, server.getsockname()[1]), timeout=1).close()
