"""Customers keep their addresses: the form follows the country, warns without blocking, and loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.addresses import address
from portal.addresses.address import MOST, PARTS, Address, Use
from portal.app import Portal
from portal.core import db
from tests.browsing import Browser
from tests.conftest import SHARED
from tests.mailbag import Mailbag
from tests.people import Person
from tests.shared_data import shared as shared_file

MIAMI = {"country": "US", "name": "Ada Lovell", "line1": "12 Elm Street", "city": "Miami", "region": "FL", "postal_code": "33144"}
BERLIN = {"country": "DE", "name": "Ada Lovell", "line1": "Lindenweg 1", "postal_code": "10115", "city": "Berlin"}
CARD_IN_FULL_WIDTH = " ".join(["\uff14\uff12\uff14\uff12"] * 4)
SAVE = "Save address"
TICKED = "y"
WORLD: list[dict[str, str]] = shared_file("addresses/opencage_addresses.json") if SHARED.is_dir() else []


def add(browser: Browser, typed: dict[str, str], expect: int = 200, **more: Any) -> None:
    """Choose the country, let the form follow, fill it in, save it."""
    browser.get("/me/addresses/new")
    browser.submit(SAVE, country=typed["country"], update="country")
    browser.submit(SAVE, expect, **{**typed, **more})


def kept(house: Portal, person: Person) -> list[dict[str, str]]:
    with house.app_context(), db.reading():
        return [row.typed for row in address.of(person.id)]


def only(house: Portal, person: Person) -> str:
    with house.app_context(), db.reading():
        [row] = address.of(person.id)
        return str(row.id)


def full(typed: dict[str, str]) -> dict[str, str]:
    return dict.fromkeys(PARTS, "") | typed


def test_nobody_is_shown_an_empty_list_without_a_word(browser: Browser) -> None:
    browser.get("/me/addresses")
    assert "No address saved" in browser.page.words
    assert browser.page.soup.find("a", href="/me/addresses/new")


def test_an_american_and_a_german_address_are_saved_as_typed(browser: Browser, house: Portal, ada: Person) -> None:
    add(browser, MIAMI)
    assert "The address is saved." in browser.page.words
    add(browser, BERLIN)
    assert kept(house, ada) == [full(MIAMI), full(BERLIN)]
    words = browser.page.words
    assert "Miami, FL 33144 United States" in words
    assert "10115 Berlin Germany" in words


def test_the_form_follows_the_country(browser: Browser) -> None:
    browser.get("/me/addresses/new")
    assert "ZIP code" in browser.page.words
    assert len(browser.page.soup.select("select[name=region] option")) > 50
    browser.submit(SAVE, country="DE", update="country")
    names = [field["name"] for field in browser.page.soup.select("form.form input[autocomplete]")]
    assert names == ["name", "company", "line1", "line2", "postal_code", "city", "phone"]
    assert not browser.page.soup.select("[name=region]")


def test_changing_the_country_loses_nothing_that_was_typed(browser: Browser, house: Portal, ada: Person) -> None:
    browser.get("/me/addresses/new")
    browser.submit(SAVE, **{**MIAMI, "phone": "305 555 0199", "country": "DE", "update": "country"})
    values = {field["name"]: field.get("value") for field in browser.page.soup.select("form.form input[autocomplete]")}
    assert values["line1"] == "12 Elm Street"
    assert values["region"] == "FL"
    assert values["phone"] == "305 555 0199"
    assert kept(house, ada) == []


def test_each_question_says_why_it_is_asked(browser: Browser) -> None:
    browser.get("/me/addresses/new")
    for field in browser.page.soup.select("form.form [autocomplete]"):
        notes = str(field.get("aria-describedby", ""))
        assert "-why" in notes or field["name"] == "phone", field["name"]
    assert "Only so the carrier can reach you" in browser.page.words


def test_an_unusual_postal_code_only_warns(browser: Browser, house: Portal, ada: Person) -> None:
    add(browser, MIAMI, 422, postal_code="3314")
    assert browser.page.soup.title
    assert browser.page.soup.title.text.startswith("Error: ")
    assert "ZIP code looks unusual for this country." in browser.page.words
    assert browser.page.soup.find(id="postal_code-error")
    assert kept(house, ada) == []
    browser.submit(SAVE, anyway=TICKED)
    assert kept(house, ada) == [full(MIAMI) | {"postal_code": "3314"}]


def test_a_zip_code_of_another_state_only_warns(browser: Browser, house: Portal, ada: Person) -> None:
    add(browser, {**MIAMI, "postal_code": "10001"}, 422)
    assert "ZIP code looks unusual for Florida." in browser.page.words
    browser.submit(SAVE, anyway=TICKED)
    assert kept(house, ada)[0]["postal_code"] == "10001"


def test_a_missing_city_only_warns(browser: Browser, house: Portal, ada: Person) -> None:
    add(browser, MIAMI, 422, city="")
    browser.submit(SAVE, anyway=TICKED)
    assert kept(house, ada)[0]["city"] == ""


def test_saving_anyway_is_offered_only_beside_a_warning_and_never_chosen_beforehand(browser: Browser) -> None:
    browser.get("/me/addresses/new")
    assert not browser.page.soup.find(id="anyway")
    browser.submit(SAVE, 422, **{**MIAMI, "postal_code": "3314"})
    box = browser.page.soup.find(id="anyway")
    assert box
    assert not box.has_attr("checked")


def test_an_empty_form_is_no_address(browser: Browser, house: Portal, ada: Person) -> None:
    browser.get("/me/addresses/new")
    browser.submit(SAVE, 422, anyway=TICKED)
    assert "Enter the address." in browser.page.words
    assert kept(house, ada) == []


@pytest.mark.parametrize("part", ["name", "company", "line1", "line2", "city", "region", "postal_code", "phone"])
def test_a_card_number_typed_into_an_address_is_refused_and_not_repeated(
    browser: Browser, house: Portal, ada: Person, place: Path, part: str, capfd: pytest.CaptureFixture[str]
) -> None:
    add(browser, MIAMI, 422, **{part: f"my card {CARD_IN_FULL_WIDTH}", "anyway": TICKED})
    assert "This looks like a card number." in browser.page.words
    assert CARD_IN_FULL_WIDTH not in browser.page.text
    assert browser.page.soup.find(id=part)
    browser.submit(SAVE, 422, country="DE", update="country", **{part: CARD_IN_FULL_WIDTH})
    assert CARD_IN_FULL_WIDTH not in browser.page.text
    assert kept(house, ada) == []
    assert CARD_IN_FULL_WIDTH not in "".join(capfd.readouterr())
    assert not [file for file in place.rglob("*") if file.is_file() and CARD_IN_FULL_WIDTH.encode() in file.read_bytes()]


@pytest.mark.parametrize("sample", WORLD[::7], ids=lambda sample: sample["id"])
def test_addresses_of_the_world_go_through_the_form_unchanged(browser: Browser, house: Portal, ada: Person, sample: dict[str, str]) -> None:
    street = " ".join(filter(None, (sample["street"], sample["house_number"])))
    place = {"line1": street, "city": sample["city"], "region": sample["region"], "postal_code": sample["postcode"]}
    given = {"country": sample["country_code"], "name": "Ada"} | {name: value for name, value in place.items() if value}
    browser.get("/me/addresses/new")
    browser.submit(SAVE, **given, update="country")
    browser.submit(SAVE, **given, anyway=TICKED)
    assert kept(house, ada) == [full(given)]
    browser.get(f"/me/addresses/{only(house, ada)}")
    browser.submit(SAVE, anyway=TICKED)
    assert kept(house, ada) == [full(given)]


def test_the_first_address_serves_for_parcels_and_bills_and_each_use_has_one_address(browser: Browser, house: Portal, ada: Person) -> None:
    add(browser, MIAMI)
    add(browser, BERLIN, is_delivery_default=TICKED)
    with house.app_context(), db.reading():
        uses = {row.country: row.uses for row in address.of(ada.id)}
    assert uses == {"US": {Use.BILLING}, "DE": {Use.DELIVERY}}


def test_an_address_is_headed_by_its_name_where_the_postal_code_is_printed_first(browser: Browser) -> None:
    tokyo = {"name": "山田花子", "line1": "千代田1-1", "city": "千代田区", "region": "東京都", "postal_code": "100-0001"}
    add(browser, {"country": "JP", **tokyo})
    card = browser.page.soup.select_one(".cards > .card")
    assert card is not None
    assert card.h2 is not None
    assert card.h2.get_text(strip=True) == "山田花子"
    assert card.get_text().count("山田花子,") == 2
    assert "〒100-0001" in card.get_text()


def test_a_correction_is_saved_and_told_without_the_whole_address(browser: Browser, house: Portal, ada: Person, mailbag: Mailbag) -> None:
    add(browser, MIAMI)
    browser.get(f"/me/addresses/{only(house, ada)}")
    browser.submit(SAVE, line1="77 Oak Avenue")
    assert kept(house, ada)[0]["line1"] == "77 Oak Avenue"
    added, changed = mailbag.to(ada.email)
    assert added.subject == "An address was added to your account"
    assert changed.subject == "An address in your account was changed"
    for mail in (added, changed):
        assert "Miami" in mail.text
        assert not any(part in mail.raw.decode() for part in ("Elm Street", "Oak Avenue", "33144", "Lovell"))
        assert mail.link("/not-me/")


def test_saving_without_a_change_writes_no_letter(browser: Browser, house: Portal, ada: Person, mailbag: Mailbag) -> None:
    add(browser, MIAMI)
    browser.get(f"/me/addresses/{only(house, ada)}")
    browser.submit(SAVE)
    assert len(mailbag.to(ada.email)) == 1


def test_what_another_window_saved_meanwhile_is_shown_beside_what_was_typed(browser: Browser, house: Portal, ada: Person) -> None:
    add(browser, MIAMI)
    path = f"/me/addresses/{only(house, ada)}"
    other = Browser(house).signed_in_as(ada)
    browser.get(path)
    other.get(path)
    other.submit(SAVE, line1="1 Other Window Road")
    browser.submit(SAVE, 422, line1="2 This Window Road")
    assert "This address was changed in another window" in browser.page.words
    assert "1 Other Window Road" in browser.page.words
    assert browser.page.soup.find(id="line1", value="2 This Window Road")
    assert kept(house, ada)[0]["line1"] == "1 Other Window Road"
    browser.submit(SAVE)
    assert kept(house, ada)[0]["line1"] == "2 This Window Road"


def test_what_another_window_removed_meanwhile_can_still_be_saved(browser: Browser, house: Portal, ada: Person) -> None:
    add(browser, MIAMI)
    browser.get(f"/me/addresses/{only(house, ada)}")
    other = Browser(house).signed_in_as(ada)
    other.get("/me/addresses")
    other.submit("/remove")
    browser.submit(SAVE, 422, line1="2 This Window Road")
    assert "This address was removed in another window" in browser.page.words
    browser.submit(SAVE)
    assert kept(house, ada)[0]["line1"] == "2 This Window Road"


def test_a_removal_acts_at_once_and_can_be_undone(browser: Browser, house: Portal, ada: Person, mailbag: Mailbag) -> None:
    add(browser, MIAMI)
    browser.get("/me/addresses")
    browser.submit("/remove")
    assert "The address is removed." in browser.page.words
    assert kept(house, ada) == []
    browser.submit("/restore")
    assert kept(house, ada) == [full(MIAMI)]
    removed, added = [mail.subject for mail in mailbag.to(ada.email)][1:]
    assert removed == "An address was removed from your account"
    assert added == "An address was added to your account"


def test_a_removal_can_be_undone_for_24_hours_and_not_longer(
    browser: Browser, house: Portal, ada: Person, later: Callable[..., None]
) -> None:
    add(browser, MIAMI)
    browser.get("/me/addresses")
    browser.submit("/remove")
    later(hours=23, minutes=50)
    Browser(house).signed_in_as(ada).get("/me/addresses").form("/restore")
    later(minutes=20)
    late = Browser(house).signed_in_as(ada)
    late.get("/me/addresses")
    assert not late.page.soup.select("form[action*=restore]")
    later(hours=1)
    with house.app_context(), db.reading() as store:
        assert store.scalar(select(func.count()).select_from(Address)) == 0


def test_an_address_that_is_past_undoing_answers_like_a_missing_one_even_before_it_is_swept(
    browser: Browser, house: Portal, ada: Person, later: Callable[..., None]
) -> None:
    add(browser, MIAMI)
    path = f"/me/addresses/{only(house, ada)}"
    browser.get("/me/addresses")
    browser.submit("/remove")
    undo = {field["name"]: field["value"] for field in browser.page.form("/restore").select("input")}
    with house.app_context(), db.transaction() as store:
        [row] = store.scalars(select(Address))
        row.removed_at -= address.UNDO
    browser.post(f"{path}/restore", undo, 404)


def test_an_undone_removal_takes_no_use_away_from_another_address(browser: Browser, house: Portal, ada: Person) -> None:
    add(browser, MIAMI)
    browser.get("/me/addresses")
    browser.submit("/remove")
    add(browser, BERLIN)
    browser.get("/me/addresses")
    browser.submit("/restore")
    with house.app_context(), db.reading():
        assert {row.country: len(row.uses) for row in address.of(ada.id)} == {"DE": 2, "US": 0}


def test_somebody_else_s_address_answers_exactly_like_a_missing_one(browser: Browser, house: Portal, ada: Person, bob: Person) -> None:
    add(browser, MIAMI)
    mine, missing = only(house, ada), "01900000-0000-7000-8000-000000000000"
    stranger = Browser(house).signed_in_as(bob)
    stranger.get("/me/addresses/new")
    key = stranger.page.soup.find("input", attrs={"name": "csrf_token"})
    assert key
    for method, path in (("get", ""), ("post", ""), ("post", "/remove"), ("post", "/restore")):
        urls = [f"/me/addresses/{name}{path}" for name in (mine, missing, "no-id")]
        answers = [stranger.client.open(url, method=method, data={"csrf_token": key["value"]}) for url in urls]
        assert [answer.status_code for answer in answers] == [404, 404, 404]
        assert len({answer.data for answer in answers}) == 1
    assert kept(house, ada) == [full(MIAMI)]


def test_an_address_is_changed_only_after_a_recent_proof(house: Portal, ada: Person, later: Callable[..., None]) -> None:
    idle = Browser(house).signed_in_as(ada)
    later(minutes=16)
    assert idle.client.get("/me/addresses").status_code == 200
    answer = idle.client.get("/me/addresses/new")
    assert (answer.status_code, answer.location.partition("?")[0]) == (302, "/me/confirm")


def test_a_removal_waits_for_the_proof_and_is_then_carried_out(
    browser: Browser, house: Portal, ada: Person, later: Callable[..., None]
) -> None:
    add(browser, MIAMI)
    later(minutes=20)
    browser.get("/me/addresses")
    later(minutes=15)
    browser.submit("/remove", 422)
    browser.submit("carry-")
    browser.submit("password", password=ada.password)
    assert kept(house, ada) == [full(MIAMI)]
    browser.submit("/remove")
    assert kept(house, ada) == []
    assert "The address is removed." in browser.page.words


def test_a_form_sent_twice_adds_one_address(browser: Browser, house: Portal, ada: Person) -> None:
    browser.get("/me/addresses/new")
    fields = {field["name"]: field.get("value", "") for field in browser.page.form(SAVE).select("input[type=hidden]")}
    browser.post("/me/addresses/new", {**fields, **MIAMI})
    browser.post("/me/addresses/new", {**fields, **MIAMI})
    assert kept(house, ada) == [full(MIAMI)]


def test_an_import_keeps_unknown_countries_and_regions_and_tells_nobody(
    house: Portal, ada: Person, browser: Browser, mailbag: Mailbag
) -> None:
    odd = {"country": "XX", "name": "Ada", "line1": "1 Lost Road", "city": "Nowhere", "region": "Far Away"}
    with house.app_context(), db.transaction():
        address.add(ada.id, odd["country"], odd)
    browser.get(f"/me/addresses/{only(house, ada)}")
    browser.submit(SAVE, city="Somewhere")
    assert kept(house, ada) == [full(odd) | {"city": "Somewhere"}]
    assert [mail.subject for mail in mailbag.to(ada.email)] == ["An address in your account was changed"]


def test_beyond_twenty_addresses_a_sentence_says_what_to_do(house: Portal, ada: Person, browser: Browser) -> None:
    with house.app_context(), db.transaction():
        for number in range(MOST):
            address.add(ada.id, "US", {**MIAMI, "line1": f"{number} Elm Street"})
    browser.get("/me/addresses/new")
    browser.submit(SAVE, 409, **MIAMI)
    assert "You can keep 20 addresses here. Remove one first" in browser.page.words


def test_the_store_holds_no_word_of_an_address(browser: Browser, house: Portal, ada: Person, store: str, place: Path) -> None:
    if store != "sqlite":
        pytest.skip("reads the files of SQLite")
    add(browser, {**MIAMI, "line1": "Unmistakable Street", "city": "Unmistakable Town", "phone": "305 555 0123"})
    stored = b"".join(file.read_bytes() for file in place.glob("portal.db*"))
    assert b"Unmistakable" not in stored
    assert b"305 555 0123" not in stored
