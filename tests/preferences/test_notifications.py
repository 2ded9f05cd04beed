"""E-mail Notifications: a signed-in customer sees and changes all that may be sent to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from portal.app import Portal
from portal.contacts import choice
from portal.contacts.topics import ALL, BY_SLUG, TOPICS, Channel
from portal.core import acting, clock, db
from portal.core.acting import Actor, Kind, Scene
from tests.browsing import Browser
from tests.mailbag import Mailbag
from tests.people import Person
from tests.preferences.conftest import Reader, counted

PAGE = "/me/notifications"


def ticked(browser: Browser) -> set[str]:
    return {str(box["value"]) for box in browser.page.soup.select("input[name=on][checked]")}


def test_the_page_bears_the_names_that_customers_were_promised(browser: Browser, reader: Reader) -> None:
    page = browser.get(PAGE)
    assert page.h1 == "E-mail Notifications"
    assert page.soup.find("a", href="/me", string="My Account")
    assert ticked(browser) == {f"{topic.slug}:email" for topic in TOPICS}


def test_a_fresh_customer_has_nothing_ticked(browser: Browser) -> None:
    browser.get(PAGE)
    assert ticked(browser) == set()
    assert "You never said yes or no." in browser.page.words


def test_what_is_changed_is_saved_and_told_by_letter(browser: Browser, reader: Reader, mailbag: Mailbag) -> None:
    browser.get(PAGE)
    browser.submit("shown", on=["newsletter:email", "clinics:post"])
    assert "Your choices are saved." in browser.page.words
    assert ticked(browser) == {"newsletter:email", "clinics:post"}
    letter = mailbag.last("ada@example.com")
    assert letter.subject == "Your E-mail Notifications were changed"
    assert "- E-mail: Newsletter" in letter.text
    assert "- Post: Clinics and events" in letter.text
    assert "/not-me/" in " ".join(letter.links)
    assert "List-Unsubscribe" not in letter.message


def test_saving_without_a_change_writes_nothing(browser: Browser, reader: Reader, mailbag: Mailbag) -> None:
    browser.get(PAGE)
    browser.submit("shown")
    assert reader.said() == []
    assert mailbag.all() == []


def test_a_page_left_open_does_not_turn_on_what_a_mail_link_stopped_meanwhile(house: Portal, browser: Browser, reader: Reader) -> None:
    browser.get(PAGE)
    house.test_client().post(reader.link("newsletter"))
    browser.submit("shown", on=[f"{topic.slug}:email" for topic in TOPICS if topic.slug != "offers"])
    assert not reader.wants("newsletter")
    assert not reader.wants("offers")
    assert reader.wants("clinics")


def test_neither_on_nor_off_asks_for_a_fresh_proof(house: Portal, ada: Person, reader: Reader, later: Callable[..., None]) -> None:
    browser = Browser(house).signed_in_as(ada, strong=False)
    later(minutes=20)
    browser.get(PAGE)
    browser.submit("shown", on=["offers:post"])
    assert browser.page.h1 == "E-mail Notifications"
    assert ticked(browser) == {"offers:post"}


def test_stop_everything_comes_first_and_is_one_click_for_every_channel(browser: Browser, reader: Reader) -> None:
    reader.says("offers", yes=True, channel=Channel.POST)
    reader.says("offers", yes=True, channel=Channel.SMS)
    main = browser.get(PAGE).soup.main
    assert main is not None
    assert main.find_all("button")[0].text == "Stop everything"
    browser.submit("/stop")
    assert ticked(browser) == set()
    assert not any(reader.wants(topic.slug, channel) for topic in TOPICS for channel in Channel)
    assert [said[0] for said in reader.said()[-3:]] == [ALL] * 3


def test_stopping_everything_can_be_undone_from_the_message(browser: Browser, reader: Reader) -> None:
    browser.get(PAGE)
    browser.submit("/stop")
    browser.submit("/undo")
    assert "Your choices are as they were before." in browser.page.words
    assert ticked(browser) == {f"{topic.slug}:email" for topic in TOPICS}


def test_one_yes_after_a_stop_revives_no_other(browser: Browser, reader: Reader) -> None:
    browser.get(PAGE)
    browser.submit("/stop")
    browser.submit("shown", on=["clinics:email"])
    assert ticked(browser) == {"clinics:email"}


def test_undo_is_over_after_a_day(browser: Browser, reader: Reader, later: Callable[..., None], house: Portal, ada: Person) -> None:
    browser.get(PAGE)
    browser.submit("/stop")
    undo = str(browser.page.form("/undo")["action"])
    later(hours=25)
    browser = Browser(house).signed_in_as(ada)
    browser.get(PAGE)
    token = browser.page.form("/stop").find("input", attrs={"name": "csrf_token"})["value"]  # type: ignore[index]
    browser.post(undo, {"csrf_token": token})
    assert "It is too late to undo this." in browser.page.words
    assert not reader.wants()


def test_a_pause_is_shown_with_its_end_and_ends(house: Portal, ada: Person, reader: Reader, later: Callable[..., None]) -> None:
    browser = Browser(house).signed_in_as(ada)
    browser.get(PAGE)
    browser.submit("Pause for 30 days")
    assert "Paused until" in browser.page.words
    assert not reader.wants()
    later(days=31)
    Browser(house).signed_in_as(ada).get(PAGE)
    assert reader.wants()


def test_text_messages_are_shown_only_to_who_said_yes_to_one(browser: Browser, reader: Reader) -> None:
    assert "Text message" not in [cell.text for cell in browser.get(PAGE).soup.select("[role=columnheader]")]
    reader.says("offers", yes=True, channel=Channel.SMS)
    assert "Text message" in [cell.text for cell in browser.get(PAGE).soup.select("[role=columnheader]")]


def test_when_and_how_each_list_was_last_set_is_shown(house: Portal, browser: Browser, reader: Reader) -> None:
    house.test_client().post(reader.link("offers"), data=b"List-Unsubscribe=One-Click")
    words = browser.get(PAGE).words
    assert "the unsubscribe button of a mail program" in words
    assert "when the account was opened" in words


def test_what_cannot_be_stopped_is_named_with_its_reason(browser: Browser, visitor: Browser, reader: Reader) -> None:
    for page in (browser.get(PAGE), visitor.get("/stop-email"), visitor.get("/stop-post"), visitor.post(reader.link(), {"confirm": "1"})):
        for sentence in ("Letters about your orders", "Letters about your account", "Letters about your safety"):
            assert sentence in page.words


def test_the_history_tells_when_what_how_who_and_the_words(house: Portal, browser: Browser, reader: Reader) -> None:
    house.test_client().post(reader.link("offers"), data=b"List-Unsubscribe=One-Click")
    words = browser.get(f"{PAGE}/history").words
    assert "Special offers, E-mail" in words
    assert "Someone with the link in your mail, with the unsubscribe button of a mail program." in words
    assert "Send me the newsletter with stories and tips about music." in words
    assert "You, when the account was opened." in words
    assert "6 answers in all" in words


def test_a_yes_that_came_without_its_time_is_marked_unproven(house: Portal, browser: Browser, ada: Person, reader: Reader) -> None:
    with house.app_context(), acting.acting(Scene(Actor(Kind.SYSTEM, "import"), source="shopify", channel="import")), db.transaction():
        choice.say_imported_yes(reader.digest, "newsletter", Channel.POST, at=None)
        choice.say_imported_yes(reader.digest, "offers", Channel.POST, at=clock.now())
    words = browser.get(f"{PAGE}/history").words
    assert words.count("Not proven") == 1
    assert words.count("The shop's system, from the shop's own records.") == 2


def test_nobody_said_anything_yet(browser: Browser) -> None:
    assert "You never agreed to advertising." in browser.get(f"{PAGE}/history").words


def test_each_yes_that_counts_can_be_withdrawn(browser: Browser, reader: Reader) -> None:
    page = browser.get(f"{PAGE}/history")
    assert len(page.soup.select("form[action$='/withdraw']")) == len(TOPICS)
    browser.submit("Clinics and events")
    assert "Your yes is withdrawn." in browser.page.words
    assert not reader.wants("clinics")
    assert len(browser.page.soup.select("form[action$='/withdraw']")) == len(TOPICS) - 1


def test_nobody_withdraws_for_somebody_else(house: Portal, reader: Reader, bob: Person, browser: Browser) -> None:
    browser.get(f"{PAGE}/history")
    path = str(browser.page.form("Clinics and events")["action"])
    other = Browser(house).signed_in_as(bob)
    token = other.get(PAGE).form("/stop").find("input", attrs={"name": "csrf_token"})["value"]  # type: ignore[index]
    other.post(path, {"csrf_token": token}, expect=404)
    assert reader.wants("clinics")
    assert reader.said() == []


def test_a_long_history_is_shown_in_parts(browser: Browser, reader: Reader) -> None:
    for turn in range(60):
        reader.says("newsletter", yes=turn % 2 == 1)
    first = browser.get(f"{PAGE}/history")
    assert len(first.soup.select(".body [role=row]")) == 20
    seen, page = 20, first
    while older := page.soup.find("a", string="Older answers"):
        page = browser.get(str(older["href"]))
        seen += len(page.soup.select(".body [role=row]"))
    assert seen == 65


def test_pages_ask_the_store_no_more_however_much_was_said(house: Portal, browser: Browser, reader: Reader) -> None:
    browser.get(PAGE)
    asked = []
    for _round in range(2):
        for path in (PAGE, f"{PAGE}/history"):
            with counted(house) as seen:
                browser.get(path)
            asked.append(len(seen["statements"]))
        for turn in range(40):
            reader.says("newsletter", yes=turn % 2 == 1)
    assert asked[:2] == asked[2:]


def test_a_yes_keeps_the_fingerprint_of_its_words(browser: Browser, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    told = BY_SLUG["newsletter"]
    monkeypatch.setitem(BY_SLUG, "newsletter", replace(told, wording="Send me whatever you like."))
    words = browser.get(f"{PAGE}/history").words
    assert f"Earlier words, of which we keep the fingerprint {told.wording_sha[:12]}" in words
    assert "whatever you like" not in words
