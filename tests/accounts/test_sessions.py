"""Sessions: how long, how many, on which devices, and what the cookie holds."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select

from portal.access.session import Session
from portal.app import Portal
from portal.core import db
from portal.core.audit import Entry
from tests.browsing import Browser
from tests.mailbag import Mailbag
from tests.people import PASSWORD, Person


def sign_in(browser: Browser, person: Person) -> None:
    browser.get("/sign-in")
    browser.submit("Continue", email=person.email)
    browser.submit("Sign in", password=PASSWORD)


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/me/security").h1 == "Security"


def live(house: Portal, person: Person) -> int:
    with house.app_context(), db.reading() as store:
        return store.scalar(select(func.count()).where(Session.person_id == person.id, Session.ended_at.is_(None))) or 0


def test_a_session_ends_after_thirty_idle_minutes(browser: Browser, later: Callable[..., None]) -> None:
    later(minutes=29)
    assert is_signed_in(browser)
    later(minutes=29)
    assert is_signed_in(browser)
    later(minutes=30, seconds=1)
    assert not is_signed_in(browser)


def test_a_session_ends_after_twelve_hours_however_busy(browser: Browser, later: Callable[..., None]) -> None:
    for _look in range(28):
        later(minutes=25)
        assert is_signed_in(browser)
    later(minutes=21)
    assert not is_signed_in(browser)


def test_the_eleventh_session_ends_the_oldest(house: Portal, ada: Person, later: Callable[..., None]) -> None:
    browsers = [Browser(house) for _device in range(11)]
    for browser in browsers:
        sign_in(browser, ada)
        later(seconds=1)
    assert live(house, ada) == 10
    assert not is_signed_in(browsers[0])
    assert is_signed_in(browsers[1])


def test_signing_in_again_ends_the_session_before(house: Portal, browser: Browser, bob: Person) -> None:
    with browser.client.session_transaction() as cookie:
        old = dict(cookie)
    sign_in(browser, bob)
    thief = Browser(house)
    with thief.client.session_transaction() as cookie:
        cookie.update(old)
    assert not is_signed_in(thief)


def test_signing_out_ends_the_session_and_clears_the_browser(house: Portal, browser: Browser) -> None:
    browser.get("/me/security")
    with browser.client.session_transaction() as cookie:
        old = dict(cookie)
    form = browser.page.form("Sign out")
    data = {field["name"]: field["value"] for field in form.select("input")}
    answer = browser.client.post("/sign-out", data=data)
    assert answer.location == "/signed-out"
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert browser.client.get_cookie("session") is None
    with browser.client.session_transaction() as cookie:
        cookie.update(old)
    assert not is_signed_in(browser)


def test_ada_sees_her_devices_and_signs_one_out(house: Portal, browser: Browser, ada: Person) -> None:
    browser.get("/me/security/devices")
    assert "Only this device" in browser.page.words
    phone = Browser(house)
    phone.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Android 15; Mobile) Firefox/140.0"
    sign_in(phone, ada)
    browser.get("/me/security/devices")
    assert "Firefox on Android" in browser.page.words
    browser.submit("Sign out<span")
    assert "This device is signed out" in browser.page.words
    assert not is_signed_in(phone)
    assert is_signed_in(browser)


def test_ada_signs_out_everywhere_else(house: Portal, browser: Browser, ada: Person, mailbag: Mailbag) -> None:
    others = [Browser(house) for _device in range(3)]
    for other in others:
        sign_in(other, ada)
    browser.get("/me/security/devices")
    browser.submit("Sign out everywhere")
    assert not any(is_signed_in(other) for other in others)
    assert is_signed_in(browser)
    assert mailbag.last(ada.email).subject == "All other devices are signed out"


def test_without_a_fresh_proof_the_devices_page_asks_first(
    house: Portal, browser: Browser, ada: Person, later: Callable[..., None]
) -> None:
    later(minutes=6)
    sign_in(Browser(house), ada)
    browser.get("/me/security/devices")
    assert not [form for form in browser.page.soup.find_all("form") if "devices" in form["action"]]
    assert browser.page.soup.find("a", string="Go on")


def test_nobody_signs_out_somebody_elses_device(house: Portal, browser: Browser, bob: Person) -> None:
    Browser(house).signed_in_as(bob)
    with house.app_context(), db.reading() as store:
        bobs = store.scalars(select(Session.id).where(Session.person_id == bob.id)).one()
    browser.get("/me/security")
    data = {field["name"]: field["value"] for field in browser.page.form("Sign out").select("input")}
    browser.post(f"/me/security/devices/{bobs}", data, 404)
    browser.post("/me/security/devices/nothing", data, 404)
    assert live(house, bob) == 1


def test_the_cookie_names_a_session_and_nothing_about_the_person(house: Portal, visitor: Browser, ada: Person) -> None:
    sign_in(visitor, ada)
    with visitor.client.session_transaction() as cookie:
        assert set(cookie) <= {"_user_id", "csrf_token", "_flashes"}
        assert str(ada.id) not in str(dict(cookie))
        cookie["_user_id"] = "a token that was never given out"
    assert not is_signed_in(visitor)


def test_on_this_machine_the_cookie_is_called_session(visitor: Browser) -> None:
    cookie = visitor.client.get("/sign-in").headers["Set-Cookie"]
    assert cookie.startswith("session=")
    assert "Secure" not in cookie
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}


def test_pages_of_information_set_no_cookie(visitor: Browser) -> None:
    for path in ("/", "/privacy-policy", "/signed-out", "/register/sent", "/forgot-password/sent", "/healthz"):
        assert "Set-Cookie" not in visitor.client.get(path).headers, path


def test_a_form_that_is_sent_twice_acts_once(house: Portal, browser: Browser, ada: Person, mailbag: Mailbag) -> None:
    browser.get("/me/details")
    page = browser.page
    first = browser.submit("Save", name="Ada Lovelace").response
    browser.page = page
    second = browser.submit("Save", name="Ada Lovelace, again").response
    assert (first.request.path, second.request.path) == ("/me/details", "/me/details")
    with house.app_context(), db.reading() as store:
        assert store.scalar(select(func.count()).where(Entry.act == "details_changed")) == 1
    assert len([mail for mail in mailbag.to(ada.email) if "details" in mail.subject]) == 1


def test_saving_what_stood_there_before_tells_nobody(browser: Browser, mailbag: Mailbag) -> None:
    browser.get("/me/details")
    browser.submit("Save")
    assert mailbag.all() == []


def test_the_letter_about_new_details_says_which(browser: Browser, ada: Person, mailbag: Mailbag) -> None:
    browser.get("/me/details")
    browser.submit("Save", phone="12", time_zone="Europe/Berlin")
    assert "This phone number looks unusual" in browser.page.words
    lines = mailbag.last(ada.email).text.splitlines()
    assert "- Phone" in lines
    assert "- Time zone" in lines
    assert "- Name" not in lines
    assert any(line.startswith("Time: ") and "M +0" in line for line in lines), "in the reader's time zone, and with its name"
