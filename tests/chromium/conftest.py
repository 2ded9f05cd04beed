"""A real browser, and the portal served in the test's own process so that both travel in time."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from portal.app import Portal
from portal.settings import Settings
from tests.conftest import make_settings

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECOND = 1000


def find_chromium() -> str:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.fail("there is no Chromium on this machine: run `make test`, which installs it, or apt-get install chromium")
    return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def port() -> int:
    """A port that is free now."""
    with socket.create_server(("localhost", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def settings(place: Path, store_url: str, port: int) -> Settings:
    """As elsewhere, but links lead to the running server."""
    return make_settings(place, store_url).model_copy(update={"base_url": f"http://localhost:{port}"})


@pytest.fixture
def address(house: Portal, port: int) -> Iterator[str]:
    """The URL of the running portal."""
    server = make_server("localhost", port, house, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(
    params=[(1280, True), (375, True), (1280, False), (375, False)],
    ids=["desktop", "phone", "desktop without scripts", "phone without scripts"],
)
def screen(request: pytest.FixtureRequest, chromium: Chromium, address: str, tmp_path: Path) -> Iterator[Page]:
    """A page of the browser at one width, with or without scripts."""
    width, scripts = request.param
    context = new_context(chromium, address, width=width, java_script_enabled=scripts, accept_downloads=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.screenshot(path=str(tmp_path / "last.png"), full_page=True)
    context.close()
    assert [text for text in complaints if "status of 4" not in text] == []


def new_context(chromium: Chromium, address: str, *, width: int, **options: Any) -> BrowserContext:
    """A fresh browser that starts at the portal and waits ten seconds at most."""
    context = chromium.new_context(base_url=address, viewport={"width": width, "height": 900}, **options)
    context.set_default_timeout(10 * SECOND)
    return context
