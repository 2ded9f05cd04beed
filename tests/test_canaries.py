"""Nothing that a person types stands anywhere in plain text: words of their own and card numbers, put into every text field."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import Tag
from sqlalchemy import select

from portal.app import Portal
from portal.core import db
from portal.core.db import Base
from tests.browsing import Browser
from tests.core.test_card_numbers import PUBLISHED
from tests.mailbag import Mailbag
from tests.people import Person

FORMS_OF_VISITORS = ("/register", "/sign-in", "/forgot-password", "/stop-email", "/stop-post")
FORMS_OF_ADA = ("/me/details", "/me/addresses/new", "/me/details/email", "/me/notifications")
COUNTRIES = ("DE", "JP", "GB", "BR", "IN")
TEXT = {"text", "email", "tel", "search", None}


class Canaries:
    """Words that nobody else uses; each field gets its own."""

    def __init__(self) -> None:
        self.sung: list[str] = []

    def word(self, field: Tag) -> str:
        word = f"canary{len(self.sung):03d}xq"
        self.sung.append(word)
        kind, name = field.get("type"), str(field.get("name"))
        if kind == "email" or name == "email":
            return f"{word}@example.com"
        return f"555 {len(self.sung):04d} {word}" if kind == "tel" else f"{word} of the field"


def text_fields(form: Tag) -> list[Tag]:
    fields = form.select("input[name]:not([type=hidden]):not([readonly]), textarea[name]")
    return [field for field in fields if field.name == "textarea" or field.get("type") in TEXT]


def biggest_form(browser: Browser) -> Tag:
    forms = browser.page.soup.select("main form")
    return max(forms, key=lambda form: len(form.select("input")))


def fill(browser: Browser, path: str, values: dict[str, str]) -> None:
    """Send the form with these words in its fields, and whatever else it cannot do without."""
    form = biggest_form(browser)
    data = {str(field["name"]): str(field.get("value", "")) for field in form.select("input[type=hidden][name]")}
    data |= {"age": "adult", "accept": "y", "password": "seven silent trombones", "country": "US", "save_anyway": "y", "anyway": "y"}
    browser.client.post(str(form.get("action") or path), data={**data, **values}, follow_redirects=True)


def stored(house: Portal, place: Path) -> bytes:
    """Every byte of the data folder but the letters, and every value of every row."""
    files = [file for file in place.rglob("*") if file.is_file() and "mail" not in file.relative_to(place).parts]
    rows: list[object] = []
    with house.app_context(), db.reading() as session:
        for table in Base.metadata.sorted_tables:
            rows += [bytes(value) if isinstance(value, memoryview) else value for row in session.execute(select(table)) for value in row]
    values = b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in rows)
    return b"\n".join(file.read_bytes() for file in files) + values


@pytest.fixture
def walked(house: Portal, ada: Person, browser: Browser, visitor: Browser, mailbag: Mailbag) -> Canaries:
    """Every text field of every form was filled once, and all that follows was carried out."""
    canaries = Canaries()
    for who, paths in ((visitor, FORMS_OF_VISITORS), (browser, FORMS_OF_ADA)):
        for path in paths:
            who.get(path)
            values = {str(field["name"]): canaries.word(field) for field in text_fields(biggest_form(who))}
            fill(who, path, values)
    for country in COUNTRIES:
        browser.get("/me/addresses/new")
        browser.submit("line1", country=country, update="country")
        values = {str(field["name"]): canaries.word(field) for field in text_fields(biggest_form(browser))}
        fill(browser, "/me/addresses/new", {"country": country, **values})
    mailbag.all()
    return canaries


def test_no_word_that_somebody_typed_can_be_read_on_the_disk(
    house: Portal, place: Path, walked: Canaries, browser: Browser, capfd: pytest.CaptureFixture[str]
) -> None:
    assert len(walked.sung) >= 40
    kept = browser.get("/me/details").text + browser.get("/me/addresses").text
    assert sum(word in kept for word in walked.sung) >= 25, "the words were not even kept"
    everything = stored(house, place)
    assert [word for word in walked.sung if word.encode() in everything] == []
    out, err = capfd.readouterr()
    assert [word for word in walked.sung if word in out + err] == []


@pytest.mark.parametrize("path", [*FORMS_OF_VISITORS, *FORMS_OF_ADA])
def test_a_card_number_in_any_field_is_refused_and_stands_nowhere(
    house: Portal, ada: Person, browser: Browser, place: Path, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    numbers = PUBLISHED[:20]
    browser.get(path)
    fields = text_fields(biggest_form(browser))
    for position, field in enumerate(fields):
        number = numbers[position % len(numbers)]
        value = f"{number}@example.com" if field.get("type") == "email" else f"my card {number}"
        fill(browser, path, {str(field["name"]): value})
        browser.get(path)
    everything = stored(house, place)
    out, err = capfd.readouterr()
    assert [number for number in PUBLISHED if number.encode() in everything or number in out + err] == []
