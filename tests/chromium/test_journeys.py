"""What a customer does, from the first click to the day the account is gone."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from portal.app import Portal
from portal.contacts import contact
from portal.contacts.may_send import may_send
from portal.core import db, keyring
from portal.core.keyring import Dek
from portal.rights import records
from tests.mailbag import Mailbag
from tests.people import add_customer
from tests.rights.purchases import buy

pytestmark = pytest.mark.browser
ADDRESS = "nina@example.com"
PASSWORD = "seven brass trumpets at dawn"


def no_sideways_scroll(screen: Page) -> None:
    assert screen.evaluate("document.documentElement.scrollWidth") <= screen.viewport_size["width"] if _scripts(screen) else True


def _scripts(screen: Page) -> bool:
    try:
        return bool(screen.evaluate("1") == 1)
    except Exception:  # noqa: BLE001 - scripts are off
        return False


def register(screen: Page, mailbag: Mailbag) -> None:
    screen.goto("/register")
    screen.get_by_label("E-mail address").fill(ADDRESS)
    screen.get_by_label("Name (optional)").fill("Nina Frets")
    screen.get_by_label("Password").fill(PASSWORD)
    screen.get_by_label("18 or older").check()
    screen.get_by_label("Send me the newsletter", exact=False).check()
    screen.get_by_label("I have read and accept", exact=False).check()
    screen.get_by_role("button", name="Create account").click()
    expect(screen.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    screen.goto(mailbag.last(ADDRESS).link("/verify/"))
    screen.get_by_role("main").get_by_role("button").first.click()


def sign_in(screen: Page) -> None:
    screen.goto("/sign-in")
    screen.get_by_label("E-mail address").fill(ADDRESS)
    screen.get_by_role("button", name="Continue").click()
    screen.get_by_label("Password").fill(PASSWORD)
    screen.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(screen.get_by_role("heading", level=1)).to_have_text("My Account")


def prove(screen: Page, mailbag: Mailbag) -> None:
    """The proof that dangerous acts ask for: the password unless it was just given, then a mailed code."""
    if screen.get_by_label("Password").count():
        screen.get_by_label("Password").fill(PASSWORD)
        screen.get_by_role("main").get_by_role("button").first.click()
    if not screen.get_by_label("Code from our mail").count():
        screen.get_by_role("main").get_by_role("button").first.click()
    screen.get_by_label("Code from our mail").fill(mailbag.code(ADDRESS))
    screen.get_by_role("button", name="Confirm").first.click()


def add_address(screen: Page, country: str, fields: dict[str, str]) -> None:
    screen.goto("/me/addresses")
    screen.get_by_role("link", name="Add an address").click()
    screen.get_by_label("Country").select_option(country)
    if screen.get_by_role("button", name="Update").is_visible():
        screen.get_by_role("button", name="Update").click()
    for label, value in fields.items():
        field = screen.get_by_label(label, exact=True)
        if field.evaluate("e => e.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)
    screen.get_by_role("button", name="Save address").click()
    expect(screen.get_by_role("heading", level=1)).to_have_text("Addresses")


def ask_for_deletion(screen: Page, mailbag: Mailbag) -> None:
    screen.goto("/me/delete")
    screen.get_by_role("link", name="Continue").click()
    if screen.get_by_role("heading", level=1).inner_text() != "Check and delete":
        prove(screen, mailbag)
    screen.get_by_role("button", name="Delete my account").click()
    expect(screen.get_by_role("heading", level=1)).to_have_text("Your account is going to be deleted")


def test_nina_does_everything_the_portal_promises_from_register_to_gone(
    house: Portal, screen: Page, mailbag: Mailbag, later: Callable[..., None], tmp_path: Path
) -> None:
    register(screen, mailbag)
    sign_in(screen)
    with db.reading():
        nina = contact.find(ADDRESS)
        assert nina is not None
        assert may_send(nina, "newsletter").allowed

    screen.goto("/me/notifications")
    screen.get_by_role("button", name="Stop everything").first.click()
    with db.reading():
        assert not may_send(nina, "newsletter").allowed

    add_address(
        screen,
        "US",
        {"Full name": "Nina Frets", "Street address": "12 Walnut Street", "City": "Austin", "State": "Texas", "ZIP code": "78701"},
    )
    add_address(screen, "DE", {"Full name": "Nina Frets", "Street address": "Lindenstraße 9", "City": "Berlin", "Postal code": "10969"})
    expect(screen.get_by_role("main")).to_contain_text("Lindenstraße 9")

    screen.goto("/me/payment")
    screen.get_by_role("link", name="Add a card").click()
    prove(screen, mailbag)
    add_card(screen)
    expect(screen.get_by_role("main")).to_contain_text("4242")
    screen.get_by_role("main").get_by_role("link", name="Remove Visa").click()
    screen.get_by_role("button", name="Remove card").click()
    mailbag.all()
    screen.goto("/me/payment")
    expect(screen.get_by_role("main")).not_to_contain_text("4242")

    screen.goto("/me/export")
    if screen.get_by_role("heading", level=1).inner_text() != "Get a copy of your data":
        prove(screen, mailbag)
    with screen.expect_download() as download:
        screen.get_by_role("button", name="Download my data").click()
    file = tmp_path / "copy.zip"
    download.value.save_as(file)
    with zipfile.ZipFile(file) as archive:
        copied = json.loads(archive.read("data.json"))
    assert "Lindenstraße 9" in json.dumps(copied, ensure_ascii=False)

    ask_for_deletion(screen, mailbag)
    screen.goto(mailbag.link(ADDRESS, "/undo/deletion/"))
    screen.get_by_role("button", name="Keep my account").click()
    expect(screen.get_by_role("heading", level=1)).to_have_text("Your account stays")
    ask_for_deletion(screen, mailbag)
    later(days=15)

    screen.goto("/sign-in")
    screen.get_by_label("E-mail address").fill(ADDRESS)
    screen.get_by_role("button", name="Continue").click()
    screen.get_by_label("Password").fill(PASSWORD)
    screen.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(screen.get_by_role("main")).to_contain_text("not right")
    with db.reading() as session:
        assert set(records.counts(records.subject(nina.person_id))) <= {"entry", "erasure"}
        assert session.scalars(select(Dek.kind).where(Dek.owner == nina.person_id)).all() == []


def add_card(screen: Page) -> None:
    """Prepare here, leave by a link, choose a sample card at the processor, come back."""
    screen.get_by_role("main").get_by_role("button").first.click()
    screen.get_by_role("link", name="Go to").click()
    screen.get_by_role("button", name="Visa ending 4242").click()
    screen.get_by_role("link", name="Go back to the shop").click()
    screen.get_by_role("button", name="Save card").click()


def test_walter_whom_an_import_brought_gets_in_by_a_mailed_code_and_leaves_for_good(
    house: Portal, screen: Page, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    walter = add_customer(house, ADDRESS, "Walter Quill")
    order_id = buy(house, walter)
    screen.goto("/sign-in")
    screen.get_by_label("E-mail address").fill(ADDRESS)
    screen.get_by_role("button", name="Continue").click()
    screen.get_by_role("button", name="code").first.click()
    screen.get_by_label("Code from our mail").fill(mailbag.code(ADDRESS))
    screen.get_by_role("main").get_by_role("button", name="Sign in").click()
    screen.get_by_role("main").get_by_role("button").first.click()
    expect(screen.get_by_role("heading", level=1)).to_have_text("My Account")
    ask_for_deletion(screen, mailbag)
    later(days=15)
    with db.reading():
        left = records.counts(records.subject(walter))
        assert set(left) == {"purchase", "entry", "erasure"}
        kept = records.read(records.named("purchase"), records.Subject(walter, (), is_living=False))  # type: ignore[arg-type]
        assert kept[0]["id"] == str(order_id)
        assert kept[0]["number"] == "#1001"
        assert "billing" not in kept[0]
        assert keyring.dek_of(walter, keyring.PROFILE) is None
