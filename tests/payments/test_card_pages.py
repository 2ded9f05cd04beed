"""Customers save cards at the processor and remove them there, too; the shop never sees a number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from portal.addresses import address
from portal.app import Portal
from portal.core import db, jobs, keyring
from portal.core.jobs import Job, JobState
from portal.payments import demo_processor, method
from portal.payments.demo_processor import DemoProcessor
from portal.payments.processor import Card, Unreachable
from portal.payments.saved import remove_all
from portal.settings import Settings
from tests.browsing import Browser
from tests.conftest import work
from tests.mailbag import Mailbag
from tests.people import Person

VISA = Card("card_1", "cus_1", "Visa", "4242", "2030-04")


@pytest.fixture
def processor(place: Path) -> DemoProcessor:
    """What the processor knows."""
    return DemoProcessor(place / demo_processor.FILE)


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make the processor stop answering a question."""
    return lambda question: monkeypatch.setattr(DemoProcessor, question, unanswered)


def unanswered(*_question: Any) -> Any:
    raise Unreachable


def follow(browser: Browser, label: str) -> None:
    """Follow the link with this label, as a person does."""
    link = next(tag for tag in browser.page.soup.select("main a") if label in " ".join(tag.get_text(" ").split()))
    browser.get(urlsplit(str(link["href"])).path)


def enter(browser: Browser, sample: str = "visa") -> None:
    """Leave for the processor, pick a card there, and come back."""
    browser.get("/me/payment/new")
    browser.submit("Continue")
    follow(browser, "Go to Demo Pay")
    browser.submit(f'value="{sample}"')
    follow(browser, "Go back to the shop")


def save(browser: Browser, sample: str = "visa") -> None:
    enter(browser, sample)
    browser.submit("Save card")


def cards(house: Portal, person: Person) -> list[tuple[str, str]]:
    with house.app_context(), db.reading():
        return [(row.title, str(row.state)) for row in method.of(person.id)]


def remove(browser: Browser) -> None:
    browser.get("/me/payment")
    follow(browser, "Remove")
    browser.submit("Remove card")


def test_nobody_is_shown_an_empty_list_without_a_word(browser: Browser) -> None:
    browser.get("/me/payment")
    assert "No card saved" in browser.page.words
    assert "We never hold the number" in browser.page.words


def test_a_card_is_entered_at_the_processor_and_saved_here(browser: Browser, house: Portal, ada: Person, mailbag: Mailbag) -> None:
    save(browser)
    assert cards(house, ada) == [("Visa ending 4242", "saved")]
    assert "Visa ending 4242 Expires 04/2030" in browser.page.words
    mail = mailbag.last(ada.email)
    assert mail.subject == "A card was saved in your account"
    assert "Visa ending 4242" in mail.text
    assert mail.link("/not-me/")


def test_no_page_of_ours_has_a_field_for_a_number(browser: Browser) -> None:
    for path in ("/me/payment", "/me/payment/new"):
        assert not browser.get(path).soup.select("main input:not([type=hidden])")
    browser.submit("Continue")
    assert not browser.page.soup.select("main input")
    follow(browser, "Go to Demo Pay")
    assert not browser.page.soup.select("main input:not([type=hidden])")


def test_the_way_to_the_processor_is_a_link_and_never_a_redirect(browser: Browser) -> None:
    browser.get("/me/payment/new")
    data = {str(field["name"]): str(field["value"]) for field in browser.page.form("Continue").select("input")}
    answer = browser.client.post("/me/payment/new", data=data)
    assert answer.status_code == 302
    assert answer.location.startswith("/me/payment/leave/")


def test_coming_back_without_a_card_saves_nothing(browser: Browser, house: Portal, ada: Person) -> None:
    browser.get("/me/payment/new")
    browser.submit("Continue")
    follow(browser, "Go to Demo Pay")
    follow(browser, "Go back without a card")
    assert browser.page.h1 == "No card was entered yet"
    assert cards(house, ada) == []


def test_a_double_click_adds_one_card(browser: Browser, house: Portal, ada: Person) -> None:
    enter(browser)
    path = browser.path
    data = {str(field["name"]): str(field["value"]) for field in browser.page.form("Save card").select("input")}
    browser.post(path, data)
    browser.post(path, data)
    browser.post(path, {**data, "form_key": "another"})
    assert cards(house, ada) == [("Visa ending 4242", "saved")]
    browser.get(path)
    assert browser.path == "/me/payment"


def test_nobody_can_save_the_card_that_somebody_else_entered(browser: Browser, house: Portal, bob: Person) -> None:
    enter(browser)
    path = browser.path
    stranger = Browser(house).signed_in_as(bob)
    stranger.get(path, 404)
    stranger.get("/me/payment/new")
    data = {str(field["name"]): str(field["value"]) for field in stranger.page.form("Continue").select("input")}
    stranger.post(path, data, 404)
    assert cards(house, bob) == []


def test_a_removed_card_is_gone_once_the_processor_confirms(
    browser: Browser, house: Portal, ada: Person, processor: DemoProcessor, mailbag: Mailbag
) -> None:
    save(browser)
    save(browser, "amex")
    browser.get("/me/payment")
    follow(browser, "Remove Visa ending 4242")
    assert "This cannot be undone" in browser.page.words
    browser.submit("Remove card")
    assert "Being removed" in browser.page.words
    assert cards(house, ada) == [("Visa ending 4242", "being_removed"), ("American Express ending 0005", "saved")]
    mails = [mail.subject for mail in mailbag.to(ada.email)]
    assert mails[-1] == "A card was removed from your account"
    assert cards(house, ada) == [("American Express ending 0005", "saved")]
    assert len(processor.cards()) == 1


def test_with_the_last_card_the_processor_forgets_the_customer(browser: Browser, house: Portal, processor: DemoProcessor) -> None:
    save(browser)
    before = processor.file.read_text()
    remove(browser)
    work(house)
    assert "cus_" in before
    assert "cus_" not in processor.file.read_text()


def test_while_the_processor_is_down_the_card_is_being_removed_and_asked_about_again(
    browser: Browser, house: Portal, ada: Person, monkeypatch: pytest.MonkeyPatch, later: Callable[..., None], mailbag: Mailbag
) -> None:
    save(browser)
    with monkeypatch.context() as down:
        down.setattr(DemoProcessor, "detach", unanswered)
        remove(browser)
        later(minutes=10)
        assert cards(house, ada) == [("Visa ending 4242", "being_removed")]
        assert "A card was removed from your account" not in [mail.subject for mail in mailbag.to(ada.email)]
    later(hours=1)
    assert cards(house, ada) == []
    assert mailbag.last(ada.email).subject == "A card was removed from your account"


def test_a_processor_that_is_away_for_a_week_is_still_asked_when_it_is_back(
    browser: Browser, house: Portal, ada: Person, monkeypatch: pytest.MonkeyPatch, later: Callable[..., None]
) -> None:
    save(browser)
    with monkeypatch.context() as down:
        down.setattr(DemoProcessor, "detach", unanswered)
        remove(browser)
        for _wait in range(14):
            later(hours=12)
        with house.app_context(), db.reading() as store:
            assert JobState.DEAD in store.scalars(select(Job.state).where(Job.kind == method.DETACH)).all()
        assert cards(house, ada) == [("Visa ending 4242", "being_removed")]
    later(days=2)
    assert cards(house, ada) == []


def test_asking_the_processor_again_carries_the_same_key(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, later: Callable[..., None]
) -> None:
    save(browser)
    keys: list[str] = []

    def lost_answer(_processor: DemoProcessor, _token: str, key: str) -> None:
        keys.append(key)
        if len(keys) < 3:
            raise Unreachable

    monkeypatch.setattr(DemoProcessor, "detach", lost_answer)
    remove(browser)
    for _wait in range(4):
        later(minutes=5)
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_removing_twice_asks_once(browser: Browser, house: Portal, ada: Person) -> None:
    save(browser)
    remove(browser)
    with house.app_context(), db.reading():
        [row] = method.of(ada.id)
        path = f"/me/payment/{row.id}/remove"
    browser.get(path)
    assert "being removed already" in browser.page.words
    key = browser.page.soup.find("input", attrs={"name": "csrf_token"})
    assert key
    browser.post(path, {"csrf_token": str(key["value"])})
    with house.app_context(), db.reading() as store:
        assert len(store.scalars(select(Job).where(Job.kind == method.DETACH)).all()) == 1


def test_a_silent_processor_is_told_in_a_sentence_and_nothing_is_saved(
    browser: Browser, house: Portal, ada: Person, silence: Callable[[str], None]
) -> None:
    enter(browser)
    back = browser.path
    silence("complete")
    browser.submit("Save card", 409)
    assert "does not answer right now, so nothing was saved" in browser.page.words
    browser.get(back, 409)
    silence("begin_setup")
    browser.get("/me/payment/new")
    browser.submit("Continue", 409)
    assert cards(house, ada) == []


def test_adding_a_card_asks_for_a_proof_of_the_last_five_minutes(house: Portal, ada: Person, later: Callable[..., None]) -> None:
    idle = Browser(house).signed_in_as(ada)
    later(minutes=6)
    answer = idle.client.get("/me/payment/new")
    assert (answer.status_code, answer.location.partition("?")[0]) == (302, "/me/confirm")


def test_somebody_else_s_card_answers_exactly_like_a_missing_one(browser: Browser, house: Portal, ada: Person, bob: Person) -> None:
    save(browser)
    with house.app_context(), db.reading():
        [row] = method.of(ada.id)
        mine = str(row.id)
    stranger = Browser(house).signed_in_as(bob)
    answers = [stranger.client.get(f"/me/payment/{name}/remove") for name in (mine, "01900000-0000-7000-8000-000000000000", "no-id")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert len({answer.data for answer in answers}) == 1


def test_a_visit_is_forgotten_after_a_day(browser: Browser, house: Portal, ada: Person, later: Callable[..., None]) -> None:
    enter(browser)
    path = browser.path
    later(hours=25)
    Browser(house).signed_in_as(ada).get(path, 404)


def test_everything_saved_goes_in_one_go(browser: Browser, house: Portal, ada: Person, mailbag: Mailbag) -> None:
    with house.app_context(), db.transaction():
        address.add(ada.id, "US", {"line1": "12 Elm Street", "city": "Miami"})
    save(browser)
    browser.get("/me/remove-saved")
    words = browser.page.words
    assert "12 Elm Street, Miami" in words
    assert "Visa ending 4242" in words
    assert "Cards do not come back" in words
    assert "This does not delete your account." in words
    browser.submit("Remove all")
    mails = [mail.subject for mail in mailbag.to(ada.email)]
    assert mails[1:] == ["Your saved addresses and cards were removed", "A card was removed from your account"]
    assert cards(house, ada) == []
    assert "12 Elm Street" in browser.get("/me/addresses").words
    browser.submit("/restore")
    with house.app_context(), db.reading():
        assert [row.city for row in address.of(ada.id)] == ["Miami"]


def test_removing_nothing_writes_no_letter(house: Portal, ada: Person, mailbag: Mailbag) -> None:
    with house.app_context(), db.transaction():
        remove_all(ada.id)
    assert mailbag.to(ada.email) == []


def test_an_erasure_makes_the_processor_forget_cards_and_customer(
    browser: Browser, house: Portal, ada: Person, processor: DemoProcessor
) -> None:
    save(browser)
    save(browser, "amex")
    with house.app_context(), db.transaction():
        [payload] = method.errands(ada.id)
        assert len(payload["methods"]) == 2
        jobs.queue("forget_at_processor", person_id=keyring.mint(keyring.TRANSIENT), payload=payload, key_kind=keyring.TRANSIENT)
        keyring.destroy(ada.id, keyring.PROFILE)
    work(house)
    assert processor.cards() == []
    assert payload["customer_token"] not in processor.file.read_text()


def test_a_removal_that_an_erasure_overtakes_ends_quietly(browser: Browser, house: Portal, ada: Person) -> None:
    save(browser)
    remove(browser)
    with house.app_context(), db.transaction():
        keyring.destroy(ada.id, keyring.PROFILE)
    work(house)
    with house.app_context(), db.reading() as store:
        assert [task.state for task in store.scalars(select(Job).where(Job.kind == method.DETACH))] == [JobState.DONE]


def test_whoever_never_saved_a_card_gives_the_processor_nothing_to_forget(house: Portal, ada: Person) -> None:
    with house.app_context(), db.reading():
        assert method.errands(ada.id) == []


def test_the_store_holds_no_word_of_a_card(house: Portal, ada: Person, store: str, place: Path) -> None:
    if store != "sqlite":
        pytest.skip("reads the files of SQLite")
    with house.app_context(), db.transaction():
        method.add(ada.id, Card("token-unmistakable", "customer-unmistakable", "Brand unmistakable", "4242", "2030-04"))
    assert not [file for file in place.glob("portal.db*") if b"unmistakable" in file.read_bytes()]


def test_without_a_processor_the_page_says_that_cards_cannot_be_saved(browser: Browser, house: Portal, settings: Settings) -> None:
    house.extensions["settings"] = settings.model_copy(update={"processor": "none"})
    assert "Cards cannot be saved here." in browser.get("/me/payment").words
    assert not browser.page.soup.find("a", href="/me/payment/new")
    browser.get("/me/payment/new", 409)


def test_outside_the_demo_the_sample_cards_do_not_exist(browser: Browser, visitor: Browser, house: Portal, settings: Settings) -> None:
    browser.get("/me/payment/new")
    browser.submit("Continue")
    follow(browser, "Go to Demo Pay")
    house.extensions["settings"] = settings.model_copy(update={"demo": False})
    visitor.get(browser.path, 404)
    visitor.post(browser.path, {"card": "visa"}, 404)
