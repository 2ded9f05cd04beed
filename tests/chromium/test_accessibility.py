"""Every page can be read and used by everybody: axe finds nothing, nothing scrolls sideways, the keyboard is enough."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from portal import settings as own_settings
from portal.access import ticket
from portal.access.ticket import Purpose
from portal.addresses import address as addresses
from portal.app import Portal
from portal.contacts import choice, contact
from portal.contacts.topics import Channel
from portal.core import acting, db, tokens
from portal.core.acting import Actor, Kind, Scene
from portal.payments import method
from portal.payments.processor import Card
from tests.browsing import Browser
from tests.chromium.conftest import new_context
from tests.mailbag import Mailbag
from tests.people import Person
from tests.rights.purchases import buy, give

pytestmark = pytest.mark.browser
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (1280, 375, 320)
NOT_PAGES = {
    "static", "dashboard.gpc", "dashboard.security_txt", "dashboard.brand_css", "dashboard.logo", "dashboard.health",
    "entrance.change_password", "activity.download", "dev.mail_json", "dev.letter_raw", "dev.letter_html", "dashboard.metrics",
}  # fmt: skip
ELSEWHERE = {
    "demo_processor.visit",
    "payments.leave",
    "payments.complete",
    "accounts.welcome",
    "dev.letter",
    "rights.delete_status",
}


@pytest.fixture
def rich_ada(house: Portal, ada: Person, mailbag: Mailbag) -> dict[str, str]:
    """Ada with something on every page, and the values that stand in the addresses of the pages."""
    order_id = buy(house, ada.id)
    give(house, ada.id, buy(house, ada.id, "#1002", days_ago=30))
    with acting.acting(Scene(Actor(Kind.CUSTOMER, str(ada.id)), ada.id)), db.transaction():
        own = contact.email_of(ada.id)
        assert own is not None
        choice.say_yes(own.digest, "newsletter", Channel.EMAIL, via="page")
        choice.say_no(own.digest, "offers", Channel.EMAIL, via="page")
        links = {
            purpose: ticket.issue(purpose, ada.id, payload)
            for purpose, payload in {
                Purpose.RESET: {},
                Purpose.NOT_ME: {},
                Purpose.UNDO_EMAIL: {"address": "old@example.com", "instead_of": ada.email},
                Purpose.CHANGE_EMAIL: {"address": "new@example.com"},
            }.items()
        }
        token = tokens.make(own_settings.current().unsubscribe_keys, own.uid, "n")
        lines = {"name": "Ada Lovell", "line1": "Lindenstraße 9", "city": "Berlin", "postal_code": "10969"}
        home = addresses.add(ada.id, "DE", lines)
        card = method.add(ada.id, Card("pm_1", "cus_1", "Visa", "4242", "2030-04"))
        db.session().flush()
    mailbag.all()
    return {
        "address_id": str(home.id), "method_id": str(card.id),
        "order_id": str(order_id), "name": "purchase", "unsubscribe": token,
        "reset": links[Purpose.RESET], "not_me": links[Purpose.NOT_ME],
        "undo_email": links[Purpose.UNDO_EMAIL], "verify": links[Purpose.CHANGE_EMAIL],
    }  # fmt: skip


@pytest.fixture
def ada_at_screen(house: Portal, chromium: Chromium, address: str, ada: Person) -> Iterator[Page]:
    """Ada's own browser, signed in and freshly proven."""
    signed_in = Browser(house).signed_in_as(ada)
    cookie = signed_in.client.get_cookie("session")
    assert cookie is not None
    context = new_context(chromium, address, width=1280)
    context.add_cookies([{"name": "session", "value": cookie.value, "url": address}])
    yield context.new_page()
    context.close()


def faults(screen: Page) -> list[str]:
    """What axe complains about or cannot decide, and whether the page scrolls sideways: in both colors and at three widths."""
    if not screen.evaluate("typeof axe === 'object'"):
        screen.evaluate(AXE)
    found: set[str] = set()
    for scheme in ("light", "dark"):
        screen.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for width in WIDTHS:
            screen.set_viewport_size({"width": width, "height": 900})
            found |= {f"{scheme} {width}: {fault}" for fault in _axe(screen)}
            if screen.evaluate("document.documentElement.scrollWidth") > width:
                found.add(f"{scheme} {width}: scrolls sideways")
    return sorted(found)


def _axe(screen: Page) -> list[str]:
    options = json.dumps({"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations", "incomplete"]})
    result: dict[str, Any] = screen.evaluate(f"axe.run(document, {options})")
    return [f"{rule['id']} {node['target']}" for kind in ("violations", "incomplete") for rule in result[kind] for node in rule["nodes"]]


def paths(house: Portal, known: dict[str, str]) -> list[str]:
    """Every page that can be opened by its address."""
    tokens_of = {
        "entrance.reset": "reset", "entrance.not_me": "not_me", "entrance.undo_email": "undo_email", "entrance.verify": "verify",
        "preferences.unsubscribe": "unsubscribe", "preferences.choices": "unsubscribe",
    }  # fmt: skip
    skipped = NOT_PAGES | ELSEWHERE | {"preferences.undo", "rights.undo_deletion", "rights.delete_check"}
    found = []
    for rule in house.url_map.iter_rules():
        if "GET" not in (rule.methods or set()) or rule.endpoint in skipped:
            continue
        path = rule.rule.replace("<path:token>", "<token>").replace(
            "<token>", known[tokens_of[rule.endpoint]] if rule.endpoint in tokens_of else ""
        )
        found.append(re.sub(r"<(\w+)>", lambda m: known[m[1]], path))
    return sorted(set(found))


def test_axe_finds_a_fault_that_was_put_there(ada_at_screen: Page) -> None:
    ada_at_screen.goto("/me")
    ada_at_screen.evaluate("document.querySelector('main').appendChild(document.createElement('img')).src = '/static/favicon.svg'")
    assert any("image-alt" in fault for fault in faults(ada_at_screen))


def test_no_page_shuts_anybody_out(house: Portal, ada_at_screen: Page, rich_ada: dict[str, str]) -> None:
    wrong: dict[str, list[str]] = {}
    walked = 0
    for path in paths(house, rich_ada):
        response = ada_at_screen.goto(path)
        assert response is not None
        assert response.status == 200, f"{path} answered {response.status}"
        if found := faults(ada_at_screen):
            wrong[path] = found
        walked += 1
    assert wrong == {}
    assert walked > 35


ERRORS: dict[str, Callable[[Page], object]] = {
    "/register": lambda s: s.get_by_role("button", name="Create account").click(),
    "/sign-in": lambda s: s.get_by_role("button", name="Continue").click(),
    "/stop-email": lambda s: s.get_by_role("main").get_by_role("button").first.click(),
    "/me/details/email": lambda s: s.get_by_role("main").get_by_role("button").first.click(),
    "/me/security/password": lambda s: s.get_by_role("main").get_by_role("button").first.click(),
    "/me/addresses/new": lambda s: s.get_by_role("button", name="Save address").click(),
}


@pytest.mark.parametrize("path", ERRORS)
def test_an_error_is_said_where_everybody_notices(ada_at_screen: Page, path: str) -> None:
    ada_at_screen.goto(path)
    ERRORS[path](ada_at_screen)
    assert ada_at_screen.title().startswith("Error: ")
    assert ada_at_screen.evaluate("document.activeElement.querySelector('[role=alert]') !== null")
    assert faults(ada_at_screen) == []
    ada_at_screen.get_by_role("alert").get_by_role("link").first.click()
    assert ada_at_screen.evaluate("['INPUT','SELECT','TEXTAREA'].includes(document.activeElement.tagName)")


def test_a_planned_deletion_shuts_nobody_out(ada_at_screen: Page) -> None:
    ada_at_screen.goto("/me/delete/check")
    assert faults(ada_at_screen) == []
    ada_at_screen.get_by_role("button", name="Delete my account").click()
    assert faults(ada_at_screen) == []
    ada_at_screen.goto("/me")
    assert faults(ada_at_screen) == []


def test_missing_pages_shut_nobody_out(ada_at_screen: Page) -> None:
    for path in ("/nothing-here", "/u/broken", "/me/data/nothing"):
        ada_at_screen.goto(path)
        assert faults(ada_at_screen) == []


def test_the_first_tab_skips_to_the_page_and_focus_can_be_seen(ada_at_screen: Page) -> None:
    ada_at_screen.goto("/me")
    ada_at_screen.keyboard.press("Tab")
    assert ada_at_screen.evaluate("document.activeElement.textContent") == "Skip to the page"
    style = ada_at_screen.evaluate(
        "getComputedStyle(document.activeElement).outlineWidth + getComputedStyle(document.activeElement).boxShadow"
    )
    assert "px" in style
    assert style != "0pxnone"


def test_mail_is_stopped_by_keyboard_alone_and_without_scripts(
    house: Portal, chromium: Chromium, address: str, rich_ada: dict[str, str]
) -> None:
    context = new_context(chromium, address, width=375, java_script_enabled=False)
    screen = context.new_page()
    screen.goto(f"/u/{rich_ada['unsubscribe']}")
    for _step in range(30):
        screen.keyboard.press("Tab")
        focused = screen.locator("button:focus")
        if focused.count() and "Stop" in focused.inner_text():
            break
    screen.keyboard.press("Enter")
    screen.wait_for_load_state()
    assert "stop" in screen.get_by_role("heading", level=1).inner_text().lower()
    context.close()
