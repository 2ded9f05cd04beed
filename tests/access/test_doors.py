"""The door of every page: declarations, tokens of forms, headers, cookies, and pages that change nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint

from portal import app as portal_app
from portal.access.page import Door
from portal.app import Portal, create_app
from portal.core.web import CSP, HEADERS
from portal.settings import Settings
from tests.access import belongings
from tests.access.asking import Answer, Asker
from tests.access.conftest import Route, Town
from tests.access.rehearsal import Rehearsal
from tests.people import Person

WITHOUT_TOKEN = {
    "preferences.one_click": "mail programs post here, from anywhere and without cookies (RFC 8058)",
    "preferences.narrow": "the signed link is the right to act; no cookie is read",
    "preferences.take_back": "the signed link is the right to act; no cookie is read",
    "preferences.stop_email_now": "anybody may ask; limits decide, no cookie is read",
    "preferences.stop_post_now": "anybody may ask; limits decide, no cookie is read",
    "entrance.lock": "the one-time link is the right to act; no cookie is read",
    "entrance.take_back_email": "the one-time link is the right to act; no cookie is read",
    "rights.take_back_deletion": "the one-time link is the right to act; no cookie is read",
    "demo_processor.pick": "plays another company's page, in the demo only",
}
"""Pages that act without a token of a form, each with its reason."""


def _unsafe(routes: list[Route]) -> list[Route]:
    return [route for route in routes if route.method != "GET"]


# --- declarations


def test_a_page_that_does_not_say_who_may_come_stops_the_start(
    house: Portal, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = portal_app._configure

    def with_an_open_door(app: Portal, own: Settings) -> None:
        real(app, own)
        stray = Blueprint("stray", __name__)
        stray.get("/stray")(lambda: "nobody said who may come")  # type: ignore[type-var]
        app.register_blueprint(stray)

    monkeypatch.setattr(portal_app, "_configure", with_an_open_door)
    with pytest.raises(LookupError, match=r"the route stray\.<lambda> does not declare who may open it|does not declare"):
        create_app(settings)


def test_every_page_asks_for_proof_before_the_form_and_not_only_after_it(routes: list[Route]) -> None:
    fresh = {(route.rule.rule, route.method): route.page.fresh for route in routes}
    for (rule, method), minutes in fresh.items():
        if method == "POST" and minutes is not None and (rule, "GET") in fresh:
            shown = fresh[rule, "GET"]
            has_form_elsewhere = rule in SHOWN_ELSEWHERE
            assert has_form_elsewhere or (shown is not None and shown <= minutes), rule


SHOWN_ELSEWHERE = {
    "/me/delete": "the plan is shown to everybody who is signed in; its button leads to the check, which asks first",
    "/me/payment/complete/<handle>": "who comes back from the processor proved themselves before they left",
    "/me/security/devices": "the list is only looked at; ending a session asks first",
}


# --- tokens of forms


def test_without_its_token_no_form_that_reads_a_cookie_does_anything(town: Town, routes: list[Route], rehearsal: Rehearsal) -> None:
    rehearsal.begin()
    asked = [route for route in _unsafe(routes) if route.rule.endpoint not in WITHOUT_TOKEN]
    for route in asked:
        for data in ({}, {"csrf_token": "forged"}):
            answer = town.adas_browser.ask(route.method, town.adas.path(route.rule), data, signed=False)
            assert answer.status == 400, route.name
    assert rehearsal.changed == set()
    assert len(asked) > 25


def test_only_listed_pages_act_without_a_token_and_those_read_no_cookie(routes: list[Route]) -> None:
    exempt = {route.rule.endpoint for route in _unsafe(routes) if not route.page.reads_cookie}
    assert exempt == set(WITHOUT_TOKEN)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_cannot_post_here_except_to_unsubscribe(town: Town, routes: list[Route], rehearsal: Rehearsal, site: str) -> None:
    rehearsal.begin()
    for route in _unsafe(routes):
        if route.page.door == Door.MAIL:
            continue
        answer = town.adas_browser.ask(route.method, town.adas.path(route.rule), headers={"Sec-Fetch-Site": site})
        assert answer.status == 403, route.name
    assert rehearsal.changed == set()


def test_a_mail_program_may_post_from_anywhere(town: Town, rehearsal: Rehearsal) -> None:
    path = f"/u/{town.adas.of_name['token']}"
    answer = town.adas_browser.ask("POST", path, {"List-Unsubscribe": "One-Click"}, signed=False, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 200


# --- looking changes nothing


def test_looking_at_every_page_twice_changes_no_row(town: Town, routes: list[Route], rehearsal: Rehearsal) -> None:
    rehearsal.begin()
    for asker in (town.adas_browser, Asker(town.adas_browser.house)):
        for route in routes:
            if route.method == "GET":
                for method in ("GET", "HEAD", "GET"):
                    asker.ask(method, town.adas.path(route.rule))
                    assert rehearsal.changed == set(), f"{method} {route.name}"


def test_a_head_answers_like_a_get_without_the_page(town: Town, routes: list[Route], rehearsal: Rehearsal) -> None:
    for route in routes:
        if route.method == "GET":
            path = town.adas.path(route.rule)
            head, get = (town.adas_browser.ask(method, path) for method in ("HEAD", "GET"))
            assert (head.status, head.body) == (get.status, b""), route.name


def test_a_method_that_a_page_does_not_know_is_refused_with_those_it_knows(town: Town, routes: list[Route]) -> None:
    known: dict[str, set[str]] = {}
    for route in routes:
        known.setdefault(town.adas.path(route.rule), set()).add(route.method)
    for path, methods in known.items():
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - methods:
            answer = town.adas_browser.ask(method, path, signed=False)
            assert answer.status == 405, f"{method} {path}"
            assert methods <= set(answer.headers["Allow"].split(", ")), f"{method} {path}"


# --- headers and cookies


@pytest.fixture
def answers(house: Portal, town: Town, routes: list[Route], rehearsal: Rehearsal) -> dict[str, tuple[Route | None, Answer]]:
    """Every page as a visitor and as Ada gets it, and every kind of error."""
    found: dict[str, tuple[Route | None, Answer]] = {}
    for who, asker in {"visitor": Asker(house), "ada": town.adas_browser}.items():
        for route in routes:
            found[f"{who} {route.name}"] = route, asker.ask(route.method, town.adas.path(route.rule))
        for name, path in {"404": "/nowhere", "404 static": "/static/nothing.css?v=1", "404 of a link": "/u/nonsense"}.items():
            found[f"{who} {name}"] = None, asker.ask("GET", path)
        found[f"{who} 405"] = None, asker.ask("DELETE", "/help", signed=False)
        found[f"{who} 413"] = None, asker.ask("POST", "/sign-in", {"email": "a" * 2_000_000}, signed=False)
        found[f"{who} 500"] = None, _fault(house, asker)
    return found


def _fault(house: Portal, asker: Asker) -> Answer:
    real = house.view_functions["dashboard.front"]

    def broken() -> Any:
        raise ValueError("ada@example.com")

    broken.__page__ = real.__page__  # type: ignore[attr-defined]
    house.view_functions["dashboard.front"] = broken
    answer = asker.ask("GET", "/")
    house.view_functions["dashboard.front"] = real
    assert answer.status == 500
    return answer


def test_every_answer_carries_every_header(answers: dict[str, tuple[Route | None, Answer]]) -> None:
    for name, (_route, answer) in answers.items():
        for header, value in HEADERS.items():
            assert answer.headers.get(header) == value, f"{name}: {header}"


def test_every_text_says_its_characters(answers: dict[str, tuple[Route | None, Answer]]) -> None:
    for name, (_route, answer) in answers.items():
        kind = answer.headers.get("Content-Type", "")
        if kind.startswith("text/"):
            assert "charset=utf-8" in kind, name


def test_nothing_that_is_somebodys_own_is_kept_by_browsers_or_proxies(answers: dict[str, tuple[Route | None, Answer]]) -> None:
    for name, (route, answer) in answers.items():
        is_look = route is not None and route.rule.endpoint in {"static", "dashboard.brand_css", "dashboard.logo"}
        said = answer.headers.get("Cache-Control", "")
        assert "no-store" in said or (is_look and answer.status == 200), f"{name}: {said}"


def test_pages_for_everybody_and_of_links_set_no_cookie(answers: dict[str, tuple[Route | None, Answer]]) -> None:
    for name, (route, answer) in answers.items():
        if route is None or not route.page.reads_cookie:
            assert answer.cookies == [], name
            assert "Cookie" not in answer.headers.get("Vary", ""), name


def test_the_one_cookie_is_for_this_site_alone_and_out_of_reach_of_scripts(answers: dict[str, tuple[Route | None, Answer]]) -> None:
    set_cookies = [cookie for _route, answer in answers.values() for cookie in answer.cookies]
    assert set_cookies
    for cookie in set_cookies:
        assert cookie.startswith("session=")
        assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        assert len(cookie) < 4096


def test_an_error_page_says_no_word_of_what_went_wrong(answers: dict[str, tuple[Route | None, Answer]]) -> None:
    for name, (_route, answer) in answers.items():
        assert b"ada@example.com" not in answer.body or "ada " in name, name
        assert b"Traceback" not in answer.body, name
    fault = answers["visitor 500"][1].body.decode()
    assert re.search(r"\b[0-9a-f]{8}\b", fault), "a reference to tell the shop"
    assert "ValueError" not in fault


def test_a_fault_is_logged_by_its_reference_without_anybodys_data(
    house: Portal, town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    page = _fault(house, town.adas_browser).body.decode()
    reference = re.search(r"\b[0-9a-f]{8}\b", page)
    said = capsys.readouterr().out
    assert reference is not None
    assert reference.group() in said
    assert "ValueError" in said
    assert "test_doors.py" in said
    assert "ada@example.com" not in said


def test_the_policy_for_scripts_lets_nothing_in_from_outside() -> None:
    rules = dict(part.strip().split(" ", 1) for part in CSP.split(";"))
    assert rules.pop("default-src") == "'none'"
    assert rules.pop("require-trusted-types-for") == "'script'"
    assert set(rules.values()) == {"'self'", "'none'"}


@pytest.fixture
def public(house: Portal, settings: Settings, tmp_path: Path) -> Iterator[Portal]:
    """The same shop behind https."""
    ring = tmp_path / "keys" / "ring"
    ring.parent.mkdir()
    ring.write_bytes(settings.keyring.read_bytes())
    ring.chmod(0o600)
    changes = {"base_url": "https://privacy.shop.example", "demo": False, "keyring": ring, "processor": "none"}
    app = create_app(settings.model_copy(update=changes))
    yield app
    app.extensions["engine"].dispose()


def test_behind_https_the_cookie_is_bound_to_the_host_and_browsers_never_go_back(public: Portal) -> None:
    answer = Asker(public).ask("GET", "/sign-in", base_url="https://privacy.shop.example")
    [cookie] = answer.cookies
    assert cookie.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_a_form_works_behind_https_although_browsers_send_no_referrer(public: Portal) -> None:
    client = public.test_client()
    where = {"base_url": "https://privacy.shop.example"}
    page = client.get("/sign-in", **where).get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    data = {"csrf_token": token.group(1), "email": "ada@example.com"}
    sent = client.post("/sign-in", data=data, headers={"Sec-Fetch-Site": "same-origin"}, **where)
    assert sent.status_code == 302


@pytest.mark.parametrize("host", ["evil.example", "privacy.shop.example.evil.example", "privacy.shop.example:evil"])
def test_a_request_for_another_host_is_refused(public: Portal, host: str) -> None:
    assert Asker(public).ask("GET", "/", headers={"Host": host}).status == 400


def test_a_forwarded_host_is_not_believed(house: Portal, ada: Person) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"}
    for path in ("/", "/me", "/help", "/nowhere"):
        answer = Asker(house, ada).ask("GET", path, headers=headers)
        assert b"evil.example" not in answer.body
        assert "evil.example" not in answer.headers.get("Location", "")


# --- where a page leads on to


EVIL = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/%09/evil.example",
    "javascript:alert(1)",
    "http:evil.example",
    "///evil.example",
    "/\n/evil.example",
    "@evil.example",
    "https:evil.example",
    "/..//evil.example",
]


@pytest.mark.parametrize("target", EVIL)
def test_nobody_is_led_out_of_the_shop(house: Portal, ada: Person, target: str) -> None:
    for path in ("/sign-in", "/me/confirm", "/welcome"):
        answer = Asker(house, ada).ask("GET", path, query_string={"next": target})
        where = answer.headers.get("Location", "")
        assert not where or re.fullmatch(r"/(?![/\\]).*", where), where


def test_belongings_cover_every_part_of_an_address(routes: list[Route], town: Town) -> None:
    for route in routes:
        assert town.adas.path(route.rule).startswith("/"), belongings.__doc__
