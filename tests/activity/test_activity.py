"""What was done with a person's data, as that person reads it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from sqlalchemy import update

from portal.addresses import address
from portal.app import Portal
from portal.contacts import choice, contact
from portal.contacts.topics import Channel
from portal.core import acting, audit, clock, db, digests
from portal.core.acting import Actor, Kind, Scene
from portal.letters import letter
from portal.letters.letter import Letter, State
from tests.browsing import Browser
from tests.dashboard.statements import asked
from tests.people import Person


def signs_in(house: Portal, person: Person, times: int = 1) -> None:
    with house.app_context(), acting.acting(Scene(Actor(Kind.CUSTOMER, str(person.id)), person.id)), db.transaction():
        for _time in range(times):
            audit.record("signed_in", person.id)


def says_yes(person: Person) -> None:
    with acting.acting(Scene(Actor(Kind.CUSTOMER, str(person.id)), person.id)), db.transaction():
        choice.say_yes(digests.email_digest(person.email), "newsletter", Channel.EMAIL, via="test")


def gets_letter(person: Person, template: str = "welcome") -> None:
    with db.transaction():
        to = contact.email_of(person.id)
        assert to is not None
        letter.post(template, to, {"url": "/"})


def lines(browser: Browser) -> list[str]:
    return [" ".join(item.get_text(" ").split()) for item in browser.page.soup.select(".timeline li")]


def test_acts_choices_and_letters_stand_in_one_list_the_newest_first(house: Portal, ada: Person, browser: Browser) -> None:
    signs_in(house, ada)
    says_yes(ada)
    gets_letter(ada)
    browser.get("/me/activity")
    told = lines(browser)
    assert "“Welcome”" in told[0]
    assert "“Newsletter” by e-mail was turned on. With your sign-in" in told[1]
    assert "Signed in to the account. With your sign-in" in told[2]
    assert "accepted" in told[-1]
    assert "4 entries in all." in browser.page.words


def test_a_long_list_is_read_page_by_page_and_back_without_losing_an_entry(house: Portal, ada: Person, browser: Browser) -> None:
    signs_in(house, ada, 45)
    browser.get("/me/activity")
    seen = [lines(browser)]
    while link := browser.page.soup.find("a", rel="next"):
        browser.get(str(link["href"]))
        seen.append(lines(browser))
        assert "46 entries in all." in browser.page.words
    assert [len(page) for page in seen] == [20, 20, 6]
    back = browser.page.soup.find("a", rel="prev")
    assert back
    browser.get(str(back["href"]))
    assert lines(browser) == seen[1]
    first = browser.page.soup.find("a", rel="prev")
    assert first
    browser.get(str(first["href"]))
    assert lines(browser) == seen[0]
    assert browser.page.soup.find("a", rel="prev") is None


def test_nobody_reads_the_activity_of_somebody_else(house: Portal, bob: Person, browser: Browser) -> None:
    signs_in(house, bob, 3)
    says_yes(bob)
    gets_letter(bob)
    browser.get("/me/activity")
    assert len(lines(browser)) == 1
    assert "1 entry in all." in browser.page.words
    browser.get("/me/mail")
    assert "sent you no letter yet" in browser.page.words


def test_a_place_in_the_list_that_is_none_reads_like_a_missing_page(browser: Browser) -> None:
    browser.get("/me/activity?before=nowhere", expect=404)


def test_the_list_costs_the_same_however_long_it_is(house: Portal, ada: Person, browser: Browser) -> None:
    with asked(house) as few:
        browser.get("/me/activity")
    signs_in(house, ada, 60)
    with asked(house) as many:
        browser.get("/me/activity")
    assert len(few) == len(many) == 4, many


def test_a_change_of_address_names_both_addresses_as_long_as_the_key_lives(house: Portal, ada: Person, browser: Browser) -> None:
    with db.transaction():
        audit.record("email_changed", ada.id, details={"old": "ada@example.com", "new": "ada@lovell.example"})
    browser.get("/me/activity")
    assert "from ada@example.com to ada@lovell.example" in browser.page.words


def test_what_others_do_is_told_apart_from_what_i_do(house: Portal, ada: Person, browser: Browser) -> None:
    for kind, said in [(Kind.OPERATOR, "By the shop"), (Kind.LINK, "Through a link"), (Kind.SYSTEM, "By this portal, on its own")]:
        with acting.acting(Scene(Actor(kind, "x"), ada.id)), db.transaction():
            audit.record("account_locked", ada.id)
        browser.get("/me/activity")
        assert said in lines(browser)[0]


def test_a_pause_is_not_told_as_an_end(ada: Person, browser: Browser) -> None:
    says_yes(ada)
    with db.transaction():
        choice.pause(digests.email_digest(ada.email), "newsletter", Channel.EMAIL, days=30, via="test")
    browser.get("/me/activity")
    assert "“Newsletter” by e-mail was paused." in lines(browser)[0]


def test_the_list_can_be_taken_as_a_table_that_no_spreadsheet_runs(house: Portal, ada: Person, browser: Browser) -> None:
    signs_in(house, ada, 25)
    with db.transaction():
        audit.record("email_changed", ada.id, details={"old": "a@example.com", "new": "b@example.com"})
        audit.record("=2+3", ada.id)
    response = browser.get("/me/activity.csv").response
    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"] == "attachment; filename=activity.csv"
    rows = list(csv.reader(io.StringIO(response.get_data(as_text=True))))
    assert rows[0] == ["at", "act", "what", "by"]
    assert len(rows) == 1 + 28
    assert rows[1][1] == "'=2+3"
    assert rows[2][2] == "The e-mail address was changed from a@example.com to b@example.com."


def test_a_new_customer_finds_the_beginning_of_the_account_at_the_end_of_the_list(house: Portal, ada: Person, browser: Browser) -> None:
    browser.get("/me/activity")
    assert "privacy policy was accepted" in lines(browser)[-1]


def test_every_letter_is_listed_with_what_became_of_it(house: Portal, ada: Person, browser: Browser) -> None:
    became = {
        "welcome": State.WAITING,
        "new_device": State.SENT,
        "password_changed": State.BOUNCED,
        "erasure_soon": State.CANCELLED,
        "newsletter": State.SKIPPED,
    }
    for template in became:
        gets_letter(ada, template)
    with db.transaction() as session:
        for template, state in became.items():
            session.execute(update(Letter).where(Letter.template == template).values(state=state, sent_at=clock.now()))
    page = browser.get("/me/mail")
    rows = page.soup.select(".body [role=row]")
    cells = [[" ".join(cell.get_text(" ").split()) for cell in row.select("[role=rowheader], [role=cell] > div")] for row in rows]
    assert [(row[0], row[2]) for row in cells] == [
        ("Newsletter", "Not sent: you had said no"),
        ("Your account will be deleted in a few days", "Not sent: it was no longer needed"),
        ("Your password was changed", "Came back: your mailbox did not take it"),
        ("A sign-in from a new device", "Sent"),
        ("Welcome", "Waiting to be sent"),
    ]


def test_many_letters_are_read_page_by_page(ada: Person, browser: Browser) -> None:
    for _time in range(23):
        gets_letter(ada)
    page = browser.get("/me/mail")
    assert len(page.soup.select(".body [role=row]")) == 20
    assert "23 entries in all." in page.words
    browser.get(str(page.soup.find("a", rel="next")["href"]))  # type: ignore[index]
    assert len(browser.page.soup.select(".body [role=row]")) == 3


def test_a_customer_whose_mail_comes_back_is_asked_for_a_better_address(ada: Person, browser: Browser) -> None:
    with db.transaction():
        own = contact.email_of(ada.id)
        assert own is not None
        own.bounce_state = contact.BounceState.UNDELIVERABLE
    page = browser.get("/me/mail")
    assert page.soup.find("a", href="/me/details/email")


def test_looking_at_activity_changes_nothing(house: Portal, ada: Person, browser: Browser) -> None:
    with asked(house) as statements:
        for path in ("/me/activity", "/me/activity.csv", "/me/mail"):
            browser.get(path)
    assert not [text for text in statements if not text.lstrip().upper().startswith(("SELECT", "WITH"))]


def test_a_choice_can_be_undone_from_activity_for_a_day_and_no_longer(
    ada: Person, house: Portal, browser: Browser, later: Callable[..., None]
) -> None:
    says_yes(ada)
    browser.get("/me/activity")
    browser.submit("Undo")
    assert "as they were before" in browser.page.words
    browser.get("/me/activity")
    assert "turned off" in lines(browser)[0] or "turned off" in lines(browser)[1]
    assert not browser.page.soup.select(".timeline form")
    says_yes(ada)
    later(hours=25)
    assert not Browser(house).signed_in_as(ada).get("/me/activity").soup.select(".timeline form")


def test_only_the_latest_word_on_a_topic_can_be_undone(ada: Person, browser: Browser) -> None:
    says_yes(ada)
    with acting.acting(Scene(Actor(Kind.CUSTOMER, str(ada.id)), ada.id)), db.transaction():
        choice.say_no(digests.email_digest(ada.email), "newsletter", Channel.EMAIL, via="test")
    browser.get("/me/activity")
    assert len(browser.page.soup.select(".timeline form")) == 1
    assert "Undo" in lines(browser)[0]


def test_a_removed_address_comes_back_from_activity(ada: Person, browser: Browser) -> None:
    with acting.acting(Scene(Actor(Kind.CUSTOMER, str(ada.id)), ada.id)), db.transaction():
        row = address.enter(ada.id, "US", {"name": "Ada Lovell", "line1": "9 Elm Street", "city": "Austin", "postal_code": "78701"})
        address.remove(row)
    browser.get("/me/activity")
    browser.submit("/restore")
    assert "9 Elm Street" in browser.page.words
    browser.get("/me/activity")
    assert not browser.page.soup.select(".timeline form")
