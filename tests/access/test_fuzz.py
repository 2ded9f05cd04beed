"""Whatever is sent, the answer is a page or a plain refusal, never a fault of ours."""

from __future__ import annotations

import os
import re
from urllib.parse import quote_from_bytes

import pytest
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.access.page import Door
from portal.app import Portal
from tests.access.asking import Asker
from tests.access.conftest import Route, Town
from tests.access.rehearsal import Rehearsal

EXAMPLES = int(os.environ.get("FUZZ", "150"))
POSSIBLE = {200, 302, 303, 400, 403, 404, 405, 409, 410, 413, 415, 422, 429}
HOSTILE = [
    "", " ", "\0", "a\0b", "\r\nBcc: x@evil.example", "\ud800", "\udcff\ud83d", "é" * 300, "\U0001d518\U0001d52b", "\u202e\u200f",
    "e\u0301" * 200, "%00", "%", "<script>alert(1)</script>", "{{7*7}}", "${7*7}", "' OR 1=1 --", "../../etc/passwd", "a" * 20_000,
    "0", "-1", "1e999", "NaN", "9" * 400, "4242 4242 4242 4242", "\u0664\u0662", "a@b", "@", "a@@b.example", "a@" + "x." * 400,
    '"a b"@example.com', "a@[127.0.0.1]", "ada@exa\u0301mple.com", "xn--\xff", "2026-13-45", "true", "null", "[]", "US", "DE", "ZZ",
    "+1 512 555 0142", "00000000-0000-0000-0000-000000000000", "newsletter:email",
]  # fmt: skip
EXTRA = ["is_staff", "id", "person_id", "subject", "next", "form_key", "carry-next", "carry-name", "version", "__class__", "choice"]
WORDS = st.sampled_from(HOSTILE) | st.text(max_size=60) | st.text(st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF), max_size=3)


@pytest.fixture
def fields(house: Portal, town: Town, routes: list[Route], rehearsal: Rehearsal) -> list[str]:
    """Every field name of every form that a page shows."""
    names: set[str] = set(EXTRA)
    for asker in (town.adas_browser, Asker(house)):
        for route in routes:
            if route.method == "GET":
                page = BeautifulSoup(asker.ask("GET", town.adas.path(route.rule)).body, "html.parser")
                names |= {str(field["name"]) for field in page.select("form [name]")}
    assert len(names) > 40
    return sorted(names - {"csrf_token"})


def _body(pairs: list[tuple[str, str]]) -> bytes:
    return "&".join("=".join(quote_from_bytes(part.encode("utf-8", "surrogatepass")) for part in pair) for pair in pairs).encode()


def _unsafe(routes: list[Route]) -> list[Route]:
    return [route for route in routes if route.method == "POST"]


def test_no_form_can_be_made_to_fail(house: Portal, town: Town, routes: list[Route], fields: list[str]) -> None:
    askers = [town.adas_browser, Asker(house)]
    choices = st.lists(st.tuples(st.sampled_from(fields), WORDS), max_size=12)

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(_unsafe(routes)), st.sampled_from(askers), choices)
    def fuzz(route: Route, asker: Asker, pairs: list[tuple[str, str]]) -> None:
        answer = asker.ask_raw(town.adas.path(route.rule), _body(pairs))
        assert answer.status in POSSIBLE, f"{route.name}: {answer.status}"

    fuzz()


def test_every_form_stands_every_hostile_word_in_every_field(
    house: Portal, town: Town, routes: list[Route], rehearsal: Rehearsal
) -> None:
    """The fields of each form, all filled with the same word."""
    for route in _unsafe(routes):
        asker = town.adas_browser if route.page.is_signed_in else Asker(house)
        shown = asker.ask("GET", town.adas.path(route.rule))
        names = {str(field["name"]) for field in BeautifulSoup(shown.body, "html.parser").select("main form [name]")} - {"csrf_token"}
        for word in HOSTILE:
            answer = asker.ask_raw(town.adas.path(route.rule), _body([(name, word) for name in sorted(names) or EXTRA]))
            assert answer.status in POSSIBLE, f"{route.name}: {word[:40]!r} {answer.status}"


def test_no_address_can_be_made_to_fail(house: Portal, town: Town, routes: list[Route], rehearsal: Rehearsal) -> None:
    """Every part of a path, and every question behind it, in hostile words."""
    for route in routes:
        asker = town.adas_browser if route.page.is_signed_in else Asker(house)
        paths = {re.sub(r"<[^>]+>", lambda _part, w=word: _quoted(w), route.rule.rule) for word in HOSTILE} if route.has_id else set()
        here = town.adas.path(route.rule)
        questions = {f"{here}?{name}={_quoted(word)}" for name in ("next", "before", "level", "choice") for word in HOSTILE[2:9]}
        for path in sorted(paths | (questions if route.method == "GET" else set())):
            answer = asker.ask(route.method, path, signed=False)
            assert answer.status in POSSIBLE | {308}, f"{route.name}: {path[:100]} {answer.status}"


def _quoted(word: str) -> str:
    return quote_from_bytes(word[:2000].encode("utf-8", "surrogatepass"), safe="")


def test_a_body_that_is_no_form_is_refused_politely(house: Portal, town: Town, routes: list[Route], rehearsal: Rehearsal) -> None:
    bodies = {
        "application/json": b'{"email": "ada@example.com"}',
        "multipart/form-data; boundary=x": b"--x\r\nbroken",
        "multipart/form-data": b"no boundary",
        "text/xml": b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>",
        "application/x-www-form-urlencoded; charset=utf-16": b"\xff\xfe",
        "": b"\0\1\2",
    }
    for route in _unsafe(routes):
        for kind, body in bodies.items():
            answer = town.adas_browser.ask_raw(town.adas.path(route.rule), body, content_type=kind, signed=False)
            assert answer.status in POSSIBLE, f"{route.name}: {kind} {answer.status}"


def test_a_form_of_too_many_fields_or_too_many_bytes_is_refused(town: Town, routes: list[Route], rehearsal: Rehearsal) -> None:
    """Mail programs are the exception: whatever they send along with a link is left unread."""
    many, large = _body([(f"field{n}", "x") for n in range(600)]), b"email=" + b"a" * 2_000_000
    for route in _unsafe(routes):
        for body in (many, large):
            answer = town.adas_browser.ask_raw(town.adas.path(route.rule), body, signed=not body.startswith(b"email"))
            assert answer.status == 413 or route.page.door == Door.MAIL, f"{route.name}: {answer.status}"
            assert answer.status in POSSIBLE


def test_a_form_of_many_fields_is_read_as_long_as_people_could_have_filled_it(town: Town, rehearsal: Rehearsal) -> None:
    answer = town.adas_browser.ask_raw("/me/details", _body([("name", "Ada"), *((f"field{n}", "x") for n in range(400))]))
    assert answer.status == 302
