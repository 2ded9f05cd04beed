"""`make run` as a newcomer meets it: everything is there after one word, Ctrl-C ends all of it, and the next start goes on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup

from portal.demo.people import DEMO_PEOPLE
from tests import demo_process
from tests.demo_process import Demo

PATIENCE = 30.0
FIRST_START, NEXT_START = 60.0, 30.0
"""Seconds on a busy machine; alone it takes about 5 and 3."""


@pytest.fixture(scope="module", autouse=True)
def _sqlite_only(store: str) -> None:
    if store != "sqlite":
        pytest.skip("make run uses SQLite")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo shop after its first start."""
    with demo_process.running(tmp_path_factory.mktemp("demo") / "shop") as running:
        yield running


@pytest.fixture
def web(demo: Demo) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=demo.url, follow_redirects=True, timeout=10) as client:
        yield client


def letters(web: httpx.Client, to: str, about: str) -> list[dict[str, Any]]:
    """Letters to somebody, waited for."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = [letter for letter in web.get("/dev/mail.json").json() if letter["to"] == to and about in letter["subject"]]
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"no letter to {to} about {about!r}")


def send(web: httpx.Client, page: httpx.Response, field: str, **typed: str) -> httpx.Response:
    """Send the form that has this field, as it stands and with what somebody typed."""
    forms = BeautifulSoup(page.text, "html.parser").find_all("form")
    form = next(one for one in forms if one.find(attrs={"name": field}))
    data = {str(one["name"]): str(one.get("value", "")) for one in form.select("input[name]")}
    return web.post(str(form["action"]), data=data | typed)


def token(page: httpx.Response) -> str:
    """What proves to the portal that a form is its own."""
    field = BeautifulSoup(page.text, "html.parser").find("input", attrs={"name": "csrf_token"})
    return str(field["value"]) if field else ""


def test_the_first_start_takes_seconds_and_shows_whom_one_can_be(demo: Demo) -> None:
    assert demo.started_in < FIRST_START
    assert [(person["role"], person["email"]) for person in demo.people] == [(person.role, person.email) for person in DEMO_PEOPLE]
    assert {person["role"] for person in demo.people if person["password"] == "-"} == {"imported"}
    printed = demo.output.read_text()
    assert f"The demo shop is open: {demo.url}" in printed
    assert f"{demo.url}/dev/mail" in printed
    assert "Ctrl-C" in printed


def test_the_printed_password_opens_my_account(demo: Demo, web: httpx.Client) -> None:
    ada = demo.people[0]
    asked = send(web, web.get("/sign-in"), "email", email=ada["email"])
    send(web, asked, "password", password=ada["password"])

    page = web.get("/me")
    assert page.url.path == "/me"
    assert "10 orders" in page.text


def test_an_imported_customer_gets_in_by_a_mailed_code(demo: Demo, web: httpx.Client) -> None:
    email = next(person["email"] for person in demo.people if person["role"] == "imported")
    asked = send(web, web.get("/sign-in"), "email", email=email)
    asked = web.post("/sign-in/code/send", data={"email": email, "csrf_token": token(asked)})
    code = re.search(r"\b\d{6}\b", letters(web, email, "code")[0]["raw"].partition("\r\n\r\n")[2])
    assert code is not None

    assert send(web, asked, "code", code=code.group()).url.path == "/welcome"


def test_the_newsletter_lies_in_the_mail_and_its_link_ends_it(demo: Demo, web: httpx.Client) -> None:
    (letter,) = letters(web, demo.people[0]["email"], "guitar")
    link = re.search(r"^List-Unsubscribe: <([^>]+)>", letter["raw"], re.MULTILINE)
    assert link is not None
    assert link.group(1).startswith(f"{demo.url}/u/")

    assert "Newsletter" in web.get(link.group(1)).text
    answer = web.post(link.group(1), data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "already" in web.get(link.group(1)).text


def test_another_command_acts_on_the_same_shop(demo: Demo) -> None:
    environment = {**os.environ, "PORTAL_DATA_DIR": str(demo.data)}
    command = [sys.executable, "-m", "portal", "customers", "show", demo.people[0]["email"]]
    told = subprocess.run(command, cwd=demo_process.ROOT, env=environment, capture_output=True, text=True, check=True)

    assert "purchase: 10\n" in told.stdout


def of_the_shop(data: Path) -> list[int]:
    """Processes that were started over this folder and still live."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"PORTAL_DATA_DIR={data}\0".encode() in environment.read_bytes() + b"\0":
                found.append(int(environment.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked up in /proc")
def test_ctrl_c_ends_everything_and_the_next_start_keeps_what_was(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    with demo_process.running(shop) as first, httpx.Client(base_url=first.url, timeout=10) as web:
        assert len(of_the_shop(shop)) >= 3
        before = letters(web, first.people[0]["email"], "Welcome")
        stopped = time.monotonic()
    assert time.monotonic() - stopped < PATIENCE
    assert not of_the_shop(shop)

    with demo_process.running(shop) as second, httpx.Client(base_url=second.url, timeout=10) as web:
        assert second.started_in < NEXT_START
        assert second.people == first.people
        assert "Making" not in second.output.read_text()
        assert letters(web, first.people[0]["email"], "Welcome") == before
    assert not of_the_shop(shop)
