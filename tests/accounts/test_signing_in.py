"""Signing in: by password or by a mailed code, alike for people we know and people we do not."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event

from portal.accounts import account
from portal.app import Portal
from portal.core import db
from portal.customers import customer
from portal.policy import version
from tests.accounts.answers import bare
from tests.browsing import Browser
from tests.mailbag import Mailbag
from tests.people import PASSWORD, Person, add_customer

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "//evil.example/%2f..",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "http:evil.example",
    "https:/evil.example",
    "javascript:alert(1)",
    "evil.example",
    "@evil.example",
    "%2f%2fevil.example",
    "/\tevil",
    "/\n/evil.example",
    "",
]


def to_password(browser: Browser, email: str, start: str = "/sign-in") -> None:
    browser.get(start)
    browser.submit("Continue", email=email)


def to_code(browser: Browser, email: str) -> None:
    to_password(browser, email)
    browser.submit("Send me a code instead")


def test_ada_signs_in_by_password_and_arrives_where_she_wanted_to_go(visitor: Browser, ada: Person) -> None:
    visitor.get("/me/security")
    assert visitor.page.h1 == "Sign in"
    visitor.submit("Continue", email=ada.email)
    visitor.submit("Sign in", password=PASSWORD)
    assert visitor.path == "/me/security"


def test_ada_signs_in_by_a_mailed_code(visitor: Browser, ada: Person, mailbag: Mailbag) -> None:
    to_code(visitor, ada.email)
    visitor.submit("code", code=mailbag.last(ada.email).code)
    assert visitor.path == "/me"


def test_the_code_stands_alone_on_a_line_and_the_letter_offers_to_lock(visitor: Browser, ada: Person, mailbag: Mailbag) -> None:
    to_code(visitor, ada.email)
    mail = mailbag.last(ada.email)
    assert mail.code in mail.text.splitlines()
    assert mail.code not in mail.subject
    assert mail.link("/not-me/")


def test_an_imported_customer_gets_in_by_code_accepts_the_policy_and_may_set_a_password(
    house: Portal, visitor: Browser, mailbag: Mailbag
) -> None:
    person_id = add_customer(house, "carol@example.net", "Carol")
    visitor.get("/me/security")
    visitor.submit("Continue", email="carol@example.net")
    visitor.submit("Send me a code instead")
    visitor.submit("code", code=mailbag.last("carol@example.net").code)
    assert visitor.path == "/welcome"
    assert "version 1" in visitor.page.words
    visitor.get("/me/data")
    assert visitor.path == "/welcome", "nothing is open before the policy is accepted"
    visitor.get("/welcome?next=/me/security")
    visitor.submit("I accept the policy")
    assert visitor.path == "/me/security"
    assert "No password yet" in visitor.page.words
    with house.app_context(), db.reading():
        assert [said.number for said in version.accepted_by(person_id)] == ["1"]
        person = customer.get(person_id)
        assert person is not None
        assert account.guarded_until(person) is None
    visitor.get("/me/security/password")
    visitor.submit("Send me a code")
    visitor.submit("code", code=mailbag.last("carol@example.net", "confirm").code)
    visitor.submit("Save", password=PASSWORD)
    assert mailbag.last("carol@example.net", "Your password was changed")
    assert "A password was set. With your sign-in" in visitor.get("/me/activity").words, "no other device was signed out"
    with house.app_context(), db.reading():
        person = customer.get(person_id)
        assert person is not None
        assert account.guarded_until(person) is None, "a first password is no change"
    desk = Browser(house)
    to_password(desk, "carol@example.net")
    desk.submit("Sign in", password=PASSWORD)
    assert desk.path == "/me"


def walk(house: Portal, address: str) -> list[tuple[int, str | None, str]]:
    """Every answer on the way in with a wrong password, a wrong code and a forgotten password."""
    client, answers = house.test_client(), []
    token = Browser(house)

    def say(path: str, **fields: str) -> None:
        token.client = client
        fields["csrf_token"] = str(token.get("/sign-in").soup.select_one("input[name=csrf_token]")["value"])  # type: ignore[index]
        response = client.post(path, data=fields)
        answers.append((response.status_code, response.location, bare(response, address)))
        if response.location:
            answers.append((200, None, bare(client.get(response.location), address)))

    say("/sign-in", email=address)
    say("/sign-in/password", email=address, password="not the right one")
    say("/sign-in/code/send", email=address)
    say("/sign-in/code", code="not it")
    say("/forgot-password", email=address)
    return answers


def test_known_imported_and_unknown_addresses_get_the_same_bytes(house: Portal, ada: Person) -> None:
    add_customer(house, "carol@example.net", "Carol")
    known, imported, unknown = (walk(house, address) for address in (ada.email, "carol@example.net", "nobody@example.net"))
    assert len(known) > 7
    assert known == unknown
    assert imported == unknown


def test_a_strangers_letters_are_written_and_dropped(house: Portal, visitor: Browser, mailbag: Mailbag) -> None:
    to_code(visitor, "nobody@example.net")
    visitor.get("/forgot-password")
    visitor.submit("Send the link", email="nobody@example.net")
    assert mailbag.all() == []


def test_after_five_wrong_codes_even_the_right_one_is_refused(visitor: Browser, ada: Person, mailbag: Mailbag) -> None:
    to_code(visitor, ada.email)
    code = mailbag.last(ada.email).code
    wrong = "000000" if code != "000000" else "111111"
    for _try in range(5):
        visitor.submit("code", 422, code=wrong)
        assert "This code is not right" in visitor.page.words
    visitor.submit("code", 422, code=code)
    visitor.submit("Send a new code")
    visitor.submit("code", code=mailbag.last(ada.email).code)
    assert visitor.path == "/me"


def test_a_code_ends_after_ten_minutes(visitor: Browser, ada: Person, mailbag: Mailbag, later: Callable[..., None]) -> None:
    to_code(visitor, ada.email)
    code = mailbag.last(ada.email).code
    later(minutes=10, seconds=1)
    visitor.submit("code", 422, code=code)


def test_a_new_code_ends_the_one_before(visitor: Browser, ada: Person, mailbag: Mailbag) -> None:
    to_code(visitor, ada.email)
    first = mailbag.last(ada.email).code
    visitor.submit("Send a new code")
    second = mailbag.last(ada.email).code
    if first != second:
        visitor.submit("code", 422, code=first)
    visitor.submit("code", code=second)


def test_a_code_works_once_and_only_in_the_browser_that_asked(house: Portal, visitor: Browser, ada: Person, mailbag: Mailbag) -> None:
    to_code(visitor, ada.email)
    code = mailbag.last(ada.email).code
    thief = Browser(house)
    to_code(thief, ada.email)
    other = mailbag.last(ada.email).code
    if other != code:
        thief.submit("code", 422, code=code)
    form, page = visitor.page.form("code"), visitor.page
    assert form
    visitor.submit("code", code=code)
    visitor.page = page
    visitor.submit("code", 400, code=code)


def test_a_code_is_good_for_signing_in_only(
    browser: Browser, house: Portal, ada: Person, mailbag: Mailbag, later: Callable[..., None]
) -> None:
    later(minutes=16)
    browser.get("/me/details/email")
    browser.submit("Confirm", password=PASSWORD)
    proof = mailbag.last(ada.email).code
    thief = Browser(house)
    to_code(thief, ada.email)
    if proof != mailbag.last(ada.email).code:
        thief.submit("code", 422, code=proof)


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_leads_nowhere_else(visitor: Browser, ada: Person, target: str) -> None:
    to_password(visitor, ada.email, f"/sign-in?{urlencode({'next': target})}")
    form = visitor.page.form("password")
    data = {field["name"]: field.get("value", "") for field in form.select("input[name]")} | {"password": PASSWORD}
    answer = visitor.client.post("/sign-in/password", data=data)
    assert answer.status_code == 302
    assert answer.location == "/me"


def test_the_sign_in_page_asks_the_store_nothing(house: Portal, visitor: Browser) -> None:
    asked: list[str] = []
    event.listen(house.extensions["engine"], "before_cursor_execute", lambda *said: asked.append(said[2]))
    visitor.get("/sign-in")
    assert asked == []


def test_nobody_waits_for_the_store_while_a_password_is_hashed(
    house: Portal,
    visitor: Browser,
    browser: Browser,
    ada: Person,
    mailbag: Mailbag,
    monkeypatch: pytest.MonkeyPatch,
    later: Callable[..., None],
) -> None:
    if house.extensions["engine"].dialect.name != "sqlite":
        pytest.skip("PostgreSQL has no lock on the whole store")
    place = house.extensions["engine"].url.database
    hashed = []

    class Watched(PasswordHasher):
        """Takes the write lock for a moment whenever it works; refused if somebody holds it."""

        def _look(self) -> None:
            other = sqlite3.connect(place, timeout=0, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
            other.close()
            hashed.append(1)

        def verify(self, *args: object) -> bool:
            self._look()
            return super().verify(*args)  # type: ignore[arg-type]

        def hash(self, *args: object, **how: object) -> str:
            self._look()
            return super().hash(*args, **how)  # type: ignore[arg-type]

    later(minutes=16)
    monkeypatch.setattr(account, "_hasher", Watched(time_cost=1, memory_cost=46 * 1024, parallelism=1))
    to_password(visitor, ada.email)
    visitor.submit("Sign in", password=PASSWORD)
    visitor.get("/register")
    visitor.submit("Create account", email="grace@example.com", password=PASSWORD, age="adult", accept="y")
    desk = Browser(house)
    desk.get(mailbag.last("grace@example.com").link("/verify/"))
    desk.submit("Yes, confirm", password=PASSWORD)
    desk.get("/forgot-password")
    desk.submit("Send the link", email="grace@example.com")
    desk.get(mailbag.last("grace@example.com", "Set a new password").link("/reset/"))
    desk.submit("Set password", password=PASSWORD[::-1])
    seen = len(hashed)
    assert seen >= 4
    browser.get("/me/security/password")
    browser.submit("Confirm", password=PASSWORD)
    browser.submit("Confirm", code=mailbag.last(ada.email).code)
    browser.submit("Save", password=PASSWORD[::-1])
    assert len(hashed) == seen + 2


def test_strangers_cost_the_same_hash(house: Portal, visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    account.fit(None, "the first one makes the hash of nobody")
    compared = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", lambda self, *args: compared.append(args[0]) or verify(self, *args))
    to_password(visitor, "nobody@example.net")
    visitor.submit("Sign in", 422, password="a password of nobody at all")
    assert len(compared) == 1


def test_a_hash_is_renewed_when_our_parameters_rise(house: Portal, visitor: Browser, ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_hasher", PasswordHasher(time_cost=2, memory_cost=46 * 1024, parallelism=1))
    to_password(visitor, ada.email)
    visitor.submit("Sign in", password=PASSWORD)
    with house.app_context(), db.reading():
        own = account.of(ada.id)
        assert own is not None
        assert "t=2" in own.password_hash


def test_a_new_device_is_told_about_and_a_known_one_is_not(house: Portal, ada: Person, mailbag: Mailbag) -> None:
    phone = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1"}
    for agent in ({}, {}, phone, phone):
        desk = Browser(house)
        desk.client.environ_base.update({"HTTP_USER_AGENT": agent.get("User-Agent", "Firefox/140 Windows")})
        to_password(desk, ada.email)
        desk.submit("Sign in", password=PASSWORD)
    told = [mail for mail in mailbag.to(ada.email) if "new device" in mail.subject]
    assert len(told) == 1
    assert "Safari on iPhone" in told[0].text
