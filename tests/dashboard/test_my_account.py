"""My Account at a glance."""

from __future__ import annotations

from portal.app import Portal
from portal.contacts import choice, contact
from portal.contacts.topics import TOPICS, Channel
from portal.core import acting, audit, db, digests
from portal.core.acting import Actor, Kind, Scene
from portal.customers import customer
from portal.customers.customer import Customer
from portal.letters import letter
from portal.rights import erasure
from tests.browsing import Browser, Page
from tests.dashboard.statements import asked
from tests.people import Person, sign_up
from tests.rights.purchases import buy


def cards(page: Page) -> dict[str, str]:
    return {card.h2.get_text(): " ".join(card.get_text(" ").split()) for card in page.soup.select(".cards > .card") if card.h2}


def held(page: Page) -> dict[str, str]:
    return {row.dt.get_text(): " ".join(row.dd.get_text(" ").split()) for row in page.soup.select(".rows > div") if row.dt and row.dd}


def customer_of(person: Person) -> Customer:
    found = customer.get(person.id)
    assert found is not None
    return found


def test_four_equal_cards_stand_on_my_account(browser: Browser) -> None:
    page = browser.get("/me")
    assert page.h1 == "My Account"
    assert list(cards(page)) == ["E-mail Notifications", "Addresses and payment", "Get a copy of your data", "Delete your account"]
    buttons = page.soup.select(".cards > .card > a.button")
    assert [button["href"] for button in buttons] == ["/me/notifications", "/me/addresses", "/me/export", "/me/delete"]
    assert {tuple(button["class"]) for button in buttons} == {("button",)}


def test_what_we_may_send_is_told_in_words(ada: Person, browser: Browser) -> None:
    assert "You get no news or offers by e-mail. You get none by post." in cards(browser.get("/me"))["E-mail Notifications"]
    with db.transaction():
        choice.say_yes(digests.email_digest(ada.email), "newsletter", Channel.EMAIL, via="test")
        choice.say_yes(digests.email_digest(ada.email), "clinics", Channel.POST, via="test")
    told = cards(browser.get("/me"))["E-mail Notifications"]
    assert "You get by e-mail: Newsletter. You get by post: Clinics and events. Last changed on" in told


def test_a_sign_in_from_elsewhere_is_shown_with_a_way_to_say_it_was_not_me(house: Portal, ada: Person, browser: Browser) -> None:
    assert "This is the first sign-in that we know of (Browser)." in browser.get("/me").words.replace("( ", "(").replace(" )", ")")
    Browser(house).signed_in_as(ada)
    page = browser.get("/me")
    assert "Last sign-in before this one:" in page.words
    found = page.soup.find("a", string="That wasn't me")
    assert found
    assert found["href"] == "/me/security/devices"


def test_orders_are_named_with_the_day_until_which_the_law_keeps_them(house: Portal, ada: Person, browser: Browser) -> None:
    assert "Orders" not in held(browser.get("/me"))
    buy(house, ada.id, "#1", days_ago=400)
    buy(house, ada.id, "#2", days_ago=20)
    row = held(browser.get("/me"))["Orders"]
    assert row.startswith("2 orders, the first on")
    assert "until" in row


def test_somebody_of_whom_only_an_address_is_known_reads_just_that(house: Portal) -> None:
    june = sign_up(house, "june@example.com", "")
    page = Browser(house).signed_in_as(june).get("/me")
    assert "We hold only your e-mail address." in page.words
    assert not held(page)


def test_the_five_latest_acts_stand_on_the_page(ada: Person, browser: Browser) -> None:
    with acting.acting(Scene(Actor(Kind.CUSTOMER, str(ada.id)), ada.id)), db.transaction():
        for _time in range(7):
            audit.record("signed_in", ada.id)
    assert len(browser.get("/me").soup.select(".timeline li")) == 5


def test_my_account_asks_four_things_of_the_store_however_much_is_held(house: Portal, ada: Person, browser: Browser) -> None:
    with asked(house) as few:
        browser.get("/me")
    for number in range(30):
        buy(house, ada.id, f"#{number}")
    for _time in range(3):
        Browser(house).signed_in_as(ada)
    with acting.acting(Scene(Actor(Kind.CUSTOMER, str(ada.id)), ada.id)), db.transaction():
        own = contact.email_of(ada.id)
        assert own is not None
        for topic in TOPICS:
            choice.say_yes(own.digest, topic.slug, Channel.EMAIL, via="test")
        for _time in range(30):
            audit.record("email_changed", ada.id, details={"old": "a@example.com", "new": "b@example.com"})
            letter.post("welcome", own, {"url": "/"})
    with asked(house) as many:
        browser.get("/me")
    assert len(few) == len(many) <= 4, many


def test_a_planned_deletion_is_named_on_every_page_of_mine(house: Portal, ada: Person, browser: Browser) -> None:
    assert not browser.get("/me").soup.select("main > .note.warn")
    with acting.acting(Scene(Actor(Kind.CUSTOMER, str(ada.id)), ada.id)), db.transaction():
        erasure.request(customer_of(ada), by="test")
    for path in ("/me", "/me/activity", "/me/mail"):
        banner = browser.get(path).soup.select("main > .note.warn")
        assert "Your account will be deleted on" in banner[0].get_text()
        assert banner[0].a
        assert banner[0].a["href"] == "/me/delete/status"


def test_nobody_sees_the_planned_deletion_of_somebody_else(house: Portal, bob: Person, browser: Browser) -> None:
    with acting.acting(Scene(Actor(Kind.CUSTOMER, str(bob.id)), bob.id)), db.transaction():
        erasure.request(customer_of(bob), by="test")
    assert "will be deleted on" not in browser.get("/me").words


def test_a_name_with_signs_of_html_stays_a_name(house: Portal) -> None:
    eve = sign_up(house, "eve@example.com", "<b>Eve</b> & Co")
    page = Browser(house).signed_in_as(eve).get("/me")
    assert held(page)["Name"] == "<b>Eve</b> & Co"


def test_the_way_that_is_marked_is_the_one_the_reader_is_on(browser: Browser) -> None:
    marked = {
        "/me": "Overview",
        "/me/details": "Overview",
        "/me/details/email": "Overview",
        "/me/addresses/new": "Addresses",
        "/me/remove-saved": "Payment",
        "/me/export": "Your data",
        "/me/delete": "Your data",
        "/me/data/purchase": "Your data",
        "/me/security/devices": "Security",
        "/me/mail": "Activity",
        "/me/confirm?next=/me/payment/new&level=5": "Payment",
    }
    for path, title in marked.items():
        assert [way.get_text() for way in browser.get(path).soup.select("nav.ways [aria-current]")] == [title], path
