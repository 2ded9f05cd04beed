"""Mail scanners open every link: looking must never act."""

from __future__ import annotations

import re
from pathlib import Path

from portal import ROOT
from portal.app import Portal
from portal.contacts import choice, contact
from portal.contacts.topics import Channel
from portal.core import acting, db
from portal.core.acting import Actor, Kind, Scene
from portal.letters import letter
from tests.browsing import Browser
from tests.connections.shops import fingerprint
from tests.mailbag import Mailbag
from tests.people import Person

LINK = re.compile(r"https?://localhost(/[^\s<>\"')]*)")
POSTED = re.compile(r"(?:post|post_to_address|post_to_stranger|tell)\(\s*(?:[\w.]+,\s*)?\"([a-z_]+)\"")
WRITTEN_BY_LOOKING = {"session", "rate_limit", "job"}


def busy_days(house: Portal, ada: Person, browser: Browser) -> None:
    """Ada does what makes letters with links."""
    browser.get("/me/details/email")
    browser.submit("email", email="ada.new@example.com")
    browser.get("/me/addresses/new")
    browser.submit("line1", name="Ada Lovell", line1="12 Walnut Street", city="Austin", region="TX", postal_code="78701")
    browser.get("/me/export")
    browser.submit("Download my data")
    visitor = Browser(house)
    visitor.get("/forgot-password")
    visitor.submit("email", email=ada.email)
    visitor.get("/stop-email")
    visitor.submit("email", email=ada.email)
    visitor.get("/register")
    visitor.submit("password", email="new@example.com", password="seven silent trombones", age="adult", accept="y")
    with acting.acting(Scene(Actor(Kind.CUSTOMER, str(ada.id)), ada.id)), db.transaction():
        own = contact.email_of(ada.id)
        assert own is not None
        choice.say_yes(own.digest, "newsletter", Channel.EMAIL, via="page")
        letter.post("newsletter", own, topic="newsletter")
    browser.get("/me/delete/check")
    browser.submit("Delete my account")


def test_opening_every_link_of_every_letter_changes_nothing(house: Portal, ada: Person, browser: Browser, mailbag: Mailbag) -> None:
    busy_days(house, ada, browser)
    found = {path for mail in mailbag.all() for path in LINK.findall(mail.raw.decode().replace("=\r\n", "").replace("=3D", "="))}
    kinds = {re.sub(r"/[\w.~-]{30,}", "/…", path) for path in found}
    assert {"/verify/…", "/reset/…", "/not-me/…", "/undo/deletion/…", "/u/…", "/stop-email"} <= kinds
    before = fingerprint(house, without=WRITTEN_BY_LOOKING)
    scanner = house.test_client()
    for path in sorted(found):
        for method in ("GET", "HEAD", "GET"):
            answer = scanner.open(path, method=method, headers={"Purpose": "prefetch"})
            assert answer.status_code in {200, 302, 410}, f"{method} {path} answered {answer.status_code}"
    assert fingerprint(house, without=WRITTEN_BY_LOOKING) == before


def test_every_letter_that_the_code_posts_has_its_text_in_both_forms() -> None:
    posted = set()
    for file in Path(ROOT / "portal").rglob("*.py"):
        posted |= set(POSTED.findall(file.read_text(encoding="utf-8")))
    texts = {file.stem for file in Path(ROOT / "templates" / "letters").glob("*.txt")}
    pages = {file.stem for file in Path(ROOT / "templates" / "letters").glob("*.html")}
    assert len(posted) > 15
    assert posted <= texts
    assert texts == pages
