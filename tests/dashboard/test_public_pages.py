"""Pages that anyone may open."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from portal.app import create_app
from portal.core import clock, db
from portal.dashboard import cookies
from tests.browsing import Browser
from tests.conftest import Portal, make_settings
from tests.dashboard.statements import asked

PAGES = ["/", "/privacy-policy", "/cookies", "/security", "/help", "/contact", "/accessibility"]
DOORS = ["/stop-email", "/stop-post", "/me/data", "/me/details", "/me/delete", "/sign-in"]
QUESTIONS = {"/privacy-policy": 1, "/security": 1}


def test_the_first_page_has_six_doors_of_one_size(visitor: Browser) -> None:
    page = visitor.get("/")
    cards = page.soup.select("main .cards > .card")
    assert [card.a["href"] for card in cards if card.a] == DOORS
    assert len({tuple(card["class"]) for card in cards}) == 1
    assert not page.soup.select("main .primary, main .danger")


@pytest.mark.parametrize("path", PAGES)
def test_reading_a_page_sets_no_cookie_and_names_no_other_site(visitor: Browser, path: str) -> None:
    page = visitor.get(path)
    assert "Set-Cookie" not in page.response.headers
    assert "Cookie" not in page.response.headers.get("Vary", "")


@pytest.mark.parametrize("path", PAGES)
def test_a_public_page_asks_the_store_as_little_as_it_can(house: Portal, browser: Browser, path: str) -> None:
    with asked(house) as statements:
        browser.get(path)
    assert len(statements) == QUESTIONS.get(path, 0), statements


@pytest.mark.parametrize("path", PAGES)
def test_every_link_of_a_public_page_leads_somewhere(visitor: Browser, path: str) -> None:
    page = visitor.get(path)
    ids = {str(tag["id"]) for tag in page.soup.find_all(id=True)}
    for target in {str(link["href"]) for link in page.soup.select("a[href]")}:
        if target.startswith("#"):
            assert target[1:] in ids, target
        elif target.startswith("/"):
            visitor.get(target)


@pytest.mark.parametrize("path", PAGES)
def test_a_public_page_stays_light(visitor: Browser, path: str) -> None:
    assert len(visitor.get(path).response.data) <= 16 * 1024


def test_the_cookies_page_lists_the_cookies_that_a_visit_meets(house: Portal, visitor: Browser, browser: Browser) -> None:
    for path in ["/", "/sign-in", "/register"]:
        visitor.get(path)
    browser.get("/me")
    met = {key.rpartition("\x1f")[2] if isinstance(key, str) else key[2] for one in (visitor, browser) for key in one.client._cookies}
    with house.test_request_context():
        register = {cookie.name for cookie in cookies.register()}
    assert met == register
    assert all(name in visitor.get("/cookies").words for name in register)


def test_the_security_page_says_what_is_so(visitor: Browser) -> None:
    words = visitor.get("/security").words
    measured = [
        "AES-256-GCM",
        "Argon2id, memory 46 MiB",
        "at least 12 characters",
        "after 30 minutes",
        "12 hours",
        "90 days",
        "Version 1 of",
    ]
    for said in measured:
        assert said in words
    assert "without HTTPS" in words
    assert "What this does not cover" in words


def test_a_shop_on_the_internet_says_that_its_pages_travel_sealed(place: Path, store_url: str) -> None:
    own = make_settings(place, store_url).model_copy(
        update={"base_url": "https://privacy.shop.example", "demo": False, "keyring": place.parent / "keyring", "rate_limits": "on"}
    )
    app = create_app(own)
    words = app.test_client().get("/security", base_url=own.base_url).get_data(as_text=True)
    app.extensions["engine"].dispose()
    assert "HTTPS only" in words
    assert "has to wait a while" in words


def test_whoever_finds_a_weakness_learns_whom_to_tell(visitor: Browser) -> None:
    text = visitor.get("/.well-known/security.txt").text
    fields = dict(line.split(": ", 1) for line in text.splitlines())
    assert fields["Contact"] == "mailto:privacy@halyard-music.example"
    assert clock.now() < datetime.fromisoformat(fields["Expires"])
    visitor.get(fields["Policy"].removeprefix("http://localhost"))


def test_a_browser_that_asks_not_to_sell_learns_that_nothing_is_sold(visitor: Browser) -> None:
    assert visitor.get("/.well-known/gpc.json").response.json == {"gpc": True, "lastUpdate": "2026-11-25"}


def test_the_portal_says_ok_and_nothing_more(visitor: Browser) -> None:
    assert visitor.get("/healthz").text == "ok\n"


def test_the_portal_says_not_ok_when_its_store_is_gone(house: Portal, visitor: Browser) -> None:
    gone = db.make_engine("sqlite:////nowhere/at/all.db")
    whole, house.extensions["engine"] = house.extensions["engine"], gone
    try:
        assert visitor.get("/healthz", expect=503).text == "not ok\n"
    finally:
        house.extensions["engine"] = whole


def test_a_shop_shows_its_own_logo(place: Path, store_url: str) -> None:
    logo = place / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    app = create_app(make_settings(place, store_url).model_copy(update={"logo": logo}))
    client: Any = app.test_client()
    assert '<img src="/logo" alt="">' in client.get("/").get_data(as_text=True)
    with client.get("/logo") as response:
        assert response.data == logo.read_bytes()
    app.extensions["engine"].dispose()


def test_without_a_logo_there_is_none(visitor: Browser) -> None:
    assert not visitor.get("/").soup.select("header img")
    visitor.get("/logo", expect=404)
