"""Opening an account: the address is proven first, and nothing is known about strangers."""

from __future__ import annotations

from sqlalchemy import func, select

from portal.access.ticket import Ticket
from portal.app import Portal
from portal.contacts import choice, contact
from portal.contacts.contact import Contact
from portal.contacts.topics import Channel
from portal.core import db
from portal.customers import customer
from portal.customers.customer import Customer
from portal.policy import version
from tests.accounts.answers import bare
from tests.browsing import Browser
from tests.mailbag import Mailbag
from tests.people import PASSWORD, Person, add_customer

NEW = {"email": "grace@example.com", "name": "Grace", "password": PASSWORD, "age": "adult", "accept": "y"}


def register(browser: Browser, expect: int = 200, **fields: object) -> None:
    browser.get("/register")
    browser.submit("Create account", expect, **{**NEW, **fields})


def people(house: Portal) -> int:
    with house.app_context(), db.reading() as store:
        return store.scalar(select(func.count()).select_from(Customer)) or 0


def test_somebody_registers_confirms_the_mailed_link_and_signs_in(house: Portal, visitor: Browser, mailbag: Mailbag) -> None:
    register(visitor, topics=["newsletter"])
    assert visitor.page.h1 == "Look into your mail"
    visitor.get(mailbag.last("grace@example.com").link("/verify/"))
    assert "grace@example.com" in visitor.page.words
    visitor.submit("Yes, confirm")
    assert visitor.page.h1 == "Your account is ready"
    visitor.get("/sign-in")
    visitor.submit("Continue", email="Grace@Example.com")
    visitor.submit("Sign in", password=PASSWORD)
    assert visitor.path == "/me"
    assert [mail.subject for mail in mailbag.to("grace@example.com")] == ["Confirm your e-mail address", "Welcome to Halyard Music"]
    with db.reading():
        address = contact.find("grace@example.com")
        person = customer.find_by_email("grace@example.com")
        assert address is not None
        assert address.verified_at
        assert person is not None
        assert person.name == "Grace"
        assert person.policy_version == "1"
        assert choice.standing(address.digest).wants("newsletter", Channel.EMAIL)
        assert not choice.standing(address.digest).wants("offers", Channel.EMAIL)
        assert [said.number for said in version.accepted_by(person.id)] == ["1"]


def test_nothing_about_a_person_is_kept_before_the_address_is_proven(house: Portal, visitor: Browser) -> None:
    register(visitor)
    assert people(house) == 0
    with house.app_context(), db.reading() as store:
        assert store.scalar(select(func.count()).select_from(Contact)) == 0


def test_what_was_typed_is_forgotten_once_the_account_is_open(house: Portal, visitor: Browser, mailbag: Mailbag) -> None:
    register(visitor)
    visitor.get(mailbag.last("grace@example.com").link("/verify/"))
    visitor.submit("Yes, confirm")
    with house.app_context(), db.reading() as store:
        assert [row.payload for row in store.scalars(select(Ticket).where(Ticket.purpose == "verify"))] == ["(erased)"]


def test_no_box_is_ticked_before_the_customer_ticks_it(visitor: Browser) -> None:
    visitor.get("/register")
    assert not visitor.page.soup.select("input[checked]")
    assert "Privacy policy, version 1" in visitor.page.words
    assert visitor.page.words.count("Why we ask") >= 4


def test_a_known_and_an_unknown_address_get_the_same_answer(ada: Person, house: Portal, mailbag: Mailbag) -> None:
    answers = []
    for address in (ada.email, "grace@example.com"):
        browser = Browser(house)
        browser.get("/register")
        form = browser.page.form("Create account")
        data = {**NEW, "email": address} | {tag["name"]: tag["value"] for tag in form.select("input[type=hidden]")}
        first = browser.client.post("/register", data=data)
        answers.append((first.status_code, first.location, bare(first, address), bare(browser.client.get(first.location), address)))
    assert answers[0] == answers[1]
    assert mailbag.last(ada.email).subject == "You already have an account"
    assert mailbag.last("grace@example.com").subject == "Confirm your e-mail address"


def test_a_child_is_kindly_refused_and_only_a_mark_in_the_browser_is_kept(house: Portal, visitor: Browser, mailbag: Mailbag) -> None:
    register(visitor, 422, age="child")
    assert "13 years" in visitor.page.words
    with visitor.client.session_transaction() as cookie:
        assert set(cookie) == {"young", "csrf_token"}
    visitor.get("/register")
    assert not visitor.page.soup.select("form input[name=email]")
    assert people(house) == 0
    assert mailbag.all() == []
    with house.app_context(), db.reading() as store:
        assert store.scalar(select(func.count()).select_from(Ticket)) == 0


def test_a_stranger_who_registers_with_adas_address_gets_nothing_when_ada_clicks(house: Portal, visitor: Browser, mailbag: Mailbag) -> None:
    register(visitor, email="ada@example.com")
    ada_at_home = Browser(house)
    ada_at_home.get(mailbag.last("ada@example.com").link("/verify/"))
    assert "another browser" in ada_at_home.page.words
    ada_at_home.submit("Yes, confirm", 422)
    ada_at_home.submit("Yes, confirm", 422, password="what Ada would have chosen")
    assert people(house) == 0


def test_who_registered_on_the_phone_may_confirm_on_the_desk_with_the_password(house: Portal, visitor: Browser, mailbag: Mailbag) -> None:
    register(visitor)
    desk = Browser(house)
    desk.get(mailbag.last("grace@example.com").link("/verify/"))
    desk.submit("Yes, confirm", password=PASSWORD)
    assert desk.page.h1 == "Your account is ready"


def test_a_link_confirms_once_and_within_a_day(house: Portal, visitor: Browser, mailbag: Mailbag, later: object) -> None:
    register(visitor)
    link = mailbag.last("grace@example.com").link("/verify/")
    visitor.get(link)
    visitor.submit("Yes, confirm")
    visitor.get(link, 410)
    assert visitor.page.soup.find("a", href="/register")
    register(visitor, email="bob@example.org")
    link = mailbag.last("bob@example.org").link("/verify/")
    later(hours=25)  # type: ignore[operator]
    visitor.get(link, 410)


def test_a_customer_of_the_shop_who_registers_keeps_what_the_shop_knew(house: Portal, visitor: Browser, mailbag: Mailbag) -> None:
    person_id = add_customer(house, "grace@example.com", "Grace M. Alvarez")
    register(visitor)
    visitor.get(mailbag.last("grace@example.com").link("/verify/"))
    visitor.submit("Yes, confirm")
    with house.app_context(), db.reading():
        person = customer.get(person_id)
        assert person is not None
        assert person.is_registered
        assert person.name == "Grace M. Alvarez"


def test_a_mistake_in_the_form_keeps_what_was_typed_but_the_password(visitor: Browser) -> None:
    register(visitor, 422, password="short", email="not an address")
    assert visitor.page.soup.select_one("#email")["value"] == "not an address"  # type: ignore[index]
    assert not visitor.page.soup.select_one("#password").get("value")  # type: ignore[union-attr]
    assert "There is a problem" in visitor.page.words
    assert visitor.page.soup.title
    assert visitor.page.soup.title.text.startswith("Error: ")
