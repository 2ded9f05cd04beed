"""The copy of one's data."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import html5lib
import pytest

from portal.app import Portal
from portal.contacts import choice, contact
from portal.contacts.topics import Channel
from portal.core import db, keyring
from portal.orders.order import Order
from portal.rights import export, records
from portal.rights.records import ErasedMeanwhile
from tests.browsing import Browser
from tests.mailbag import Mailbag
from tests.people import Person
from tests.rights.purchases import buy, fill_with_orders, give


def opened(body: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(body))
    assert archive.testzip() is None
    return archive


def copy_of(house: Portal, person: Person) -> zipfile.ZipFile:
    with house.test_request_context():
        with db.reading():
            archive = export.Archive(records.subject(person.id))
        return opened(b"".join(archive.stream()))


def held(archive: zipfile.ZipFile) -> dict[str, Any]:
    return {one["name"]: one for one in json.loads(archive.read("data.json"))["holdings"]}


def test_ada_downloads_everything_we_hold_about_her_at_once(house: Portal, ada: Person, browser: Browser, mailbag: Mailbag) -> None:
    buy(house, ada.id)
    browser.get("/me/export")
    browser.submit("Download my data")
    response = browser.page.response
    assert response.mimetype == "application/zip"
    assert response.headers["Content-Disposition"].startswith("attachment; filename=my-data-")
    archive = opened(response.get_data())
    assert archive.namelist()[:2] == ["index.html", "data.json"]
    assert archive.namelist()[-1] == "manifest.json"
    found = held(archive)
    assert found["customer"]["records"][0]["name"] == "Ada Lovell"
    assert found["purchase"]["records"][0]["billing"]["line1"] == "Lindenstraße 9"
    assert found["contact"]["records"][0]["address"] == "ada@example.com"
    assert mailbag.last("ada@example.com").subject == "A copy of your data was downloaded"


def test_every_member_is_named_in_the_manifest_with_its_size_hash_and_count(house: Portal, ada: Person) -> None:
    buy(house, ada.id)
    archive = copy_of(house, ada)
    lines = {line["name"]: line for line in json.loads(archive.read("manifest.json"))["members"]}
    assert set(lines) == set(archive.namelist()) - {"manifest.json"}
    for name, line in lines.items():
        content = archive.read(name)
        assert line["bytes"] == len(content)
        assert line["sha256"] == hashlib.sha256(content).hexdigest()
    assert lines["csv/purchase.csv"]["records"] == 1


def test_the_pages_of_the_copy_can_be_read_without_a_network(house: Portal, ada: Person) -> None:
    buy(house, ada.id)
    page = copy_of(house, ada).read("index.html").decode()
    html5lib.HTMLParser(strict=True).parse(page)
    assert "Linden Parlor Guitar" in page
    assert "<script" not in page
    assert "http" not in page


def test_a_name_that_looks_like_a_formula_stays_harmless_in_the_tables_and_exact_in_the_json(house: Portal, ada: Person) -> None:
    with db.transaction() as session:
        found = session.get(Order, buy(house, ada.id))
        assert found is not None
        found.note = '=HYPERLINK("http://evil.example")'
    archive = copy_of(house, ada)
    rows = list(csv.DictReader(io.StringIO(archive.read("csv/purchase.csv").decode("utf-8-sig"), newline="")))
    assert rows[0]["note"] == '\'=HYPERLINK("http://evil.example")'
    assert held(archive)["purchase"]["records"][0]["note"] == '=HYPERLINK("http://evil.example")'


def test_the_copy_holds_nothing_of_anybody_else(house: Portal, ada: Person, bob: Person) -> None:
    order_id = buy(house, ada.id)
    buy(house, bob.id, "#1002")
    give(house, ada.id, order_id, "June Quietly")
    with db.transaction():
        own = contact.email_of(bob.id)
        assert own is not None
        choice.say_yes(own.digest, "newsletter", Channel.EMAIL, via="page")
    archive = copy_of(house, ada)
    everything = b"".join(archive.read(name) for name in archive.namelist()).decode()
    assert "Bob" not in everything
    assert "bob@example.org" not in everything
    assert "#1002" not in everything
    assert "June" not in everything


def test_no_hash_of_a_password_and_no_digest_leaves_the_house(house: Portal, ada: Person) -> None:
    everything = b"".join(copy_of(house, ada).read(name) for name in ("data.json", "index.html"))
    assert b"argon2" not in everything
    assert b"digest" not in everything


def test_a_copy_under_way_ends_broken_when_its_owner_is_erased(house: Portal, ada: Person) -> None:
    buy(house, ada.id)
    with house.test_request_context():
        with db.reading():
            archive = export.Archive(records.subject(ada.id))
        pieces = archive.stream()
        next(pieces)
        with db.transaction():
            keyring.destroy(ada.id, keyring.PROFILE)
        with pytest.raises(ErasedMeanwhile):
            list(pieces)


def test_rows_written_after_the_start_are_not_in_the_copy(house: Portal, ada: Person) -> None:
    with house.test_request_context():
        with db.reading():
            archive = export.Archive(records.subject(ada.id))
        buy(house, ada.id)
        found = held(opened(b"".join(archive.stream())))
    assert found.get("purchase", {"records": []})["records"] == []


def memory() -> int:
    """Bytes that this process holds now, as Linux counts them."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_orders_by_the_ten_thousands_are_copied_in_flat_memory(house: Portal, ada: Person, store: str) -> None:
    number = 100_000 if store == "sqlite" else 20_000
    fill_with_orders(ada.id, buy(house, ada.id), number)
    with house.test_request_context():
        with db.reading():
            archive = export.Archive(records.subject(ada.id))
        before, peak, size = memory(), 0, 0
        for piece in archive.stream():
            size, peak = size + len(piece), max(peak, memory())
    assert size > 30 * number
    assert peak - before < 16 * 1024 * 1024
