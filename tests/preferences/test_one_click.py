"""The link in every marketing mail: a POST with a good link always stops the mail, and nothing else ever does."""

from __future__ import annotations

import string
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from itsdangerous import Signer
from sqlalchemy.orm import Session as Store

from portal.app import Portal, create_app
from portal.contacts import choice, contact
from portal.core import db, tokens
from portal.preferences import unsubscribe
from portal.settings import Settings
from tests.browsing import Browser
from tests.people import Person
from tests.preferences.conftest import Reader, counted

ONE_CLICK = b"List-Unsubscribe=One-Click"
MULTIPART = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--'
SECOND, THIRD = "another session key, long and unlike the first", "another key for links, long and unlike the first"
URLENCODED = "application/x-www-form-urlencoded"
ALPHABET = string.ascii_letters + string.digits + "-_."


def test_looking_at_a_link_changes_no_row(house: Portal, reader: Reader, rows: Callable[[], dict[str, str]]) -> None:
    client, before = house.test_client(), rows()
    for path in (reader.link(), f"{reader.link()}/", f"{reader.link()}/choices", f"{reader.link()}/undo"):
        client.get(path)
        client.head(path)
        client.options(path)
        client.get(path, headers={"Purpose": "prefetch", "Sec-Purpose": "prefetch"})
    assert rows() == before
    assert reader.wants()


@pytest.mark.parametrize(
    ("body", "content_type", "via"),
    [
        (ONE_CLICK, URLENCODED, "one_click"),
        (MULTIPART, "multipart/form-data; boundary=b", "one_click"),
        (MULTIPART.replace(b"\r\n", b"\n"), "multipart/form-data; boundary=b", "one_click"),
        (ONE_CLICK, "text/plain", "one_click"),
        (ONE_CLICK + b"\r\n", URLENCODED, "one_click"),
        (ONE_CLICK, None, "one_click"),
        (b"", URLENCODED, "bare_post"),
        (b"", None, "bare_post"),
        (b"{}", "application/json", "bare_post"),
        (b"\xff\x00" * 1000, "multipart/form-data", "bare_post"),
        (ONE_CLICK + b"&" + b"x" * 3_000_000, URLENCODED, "one_click"),
        (b"confirm=1", URLENCODED, "form"),
    ],
)
def test_a_good_link_stops_the_mail_whatever_the_body(
    house: Portal, reader: Reader, body: bytes, content_type: str | None, via: str
) -> None:
    response = house.test_client().post(reader.link(), data=body, content_type=content_type)
    assert response.status_code == 200
    assert not reader.wants("newsletter")
    assert reader.wants("offers")
    assert reader.said() == [("newsletter", "no", via)]


def test_the_answer_sets_no_cookie_and_leads_nowhere(house: Portal, reader: Reader) -> None:
    client = house.test_client()
    for path in (reader.link(), f"{reader.link()}/", f"{reader.link()}//"):
        headers = {"X-Forwarded-Proto": "http", "Accept-Language": "de", "Origin": "null", "Sec-Fetch-Site": "cross-site"}
        for response in (client.post(path, data=ONE_CLICK, headers=headers), client.get(path, headers=headers)):
            assert response.status_code == 200
            assert "Set-Cookie" not in response.headers
            assert "Location" not in response.headers
            assert response.headers["Cache-Control"] == "no-store"
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert response.headers["X-Robots-Tag"] == "noindex"
    assert not reader.wants()


def test_a_mail_program_gets_plain_text_and_a_person_gets_a_page(house: Portal, reader: Reader, visitor: Browser) -> None:
    response = house.test_client().post(reader.link(), data=ONE_CLICK)
    assert response.mimetype == "text/plain"
    assert response.text == "You are unsubscribed from: Newsletter.\n"
    visitor.get(reader.link("offers"))
    visitor.submit("Stop these e-mails")
    assert visitor.page.h1 == "These e-mails are stopped"
    assert "Special offers" in visitor.page.words
    assert "Letters about your orders" in visitor.page.words


def test_somebody_elses_session_is_left_alone(house: Portal, reader: Reader, bob: Person, rows: Callable[[], dict[str, str]]) -> None:
    browser = Browser(house).signed_in_as(bob)
    before = rows()
    response = browser.client.post(reader.link(), data=ONE_CLICK)
    assert "Set-Cookie" not in response.headers
    changed = {name for name, seen in rows().items() if seen != before[name]}
    assert changed == {"choice", "preference"}
    assert not reader.wants()


def test_a_second_click_changes_nothing(house: Portal, reader: Reader) -> None:
    client = house.test_client()
    assert [client.post(reader.link(), data=ONE_CLICK).status_code for _click in range(3)] == [200, 200, 200]
    assert len(reader.said()) == 1


def test_a_hundred_clicks_at_once_leave_one_choice(house: Portal, reader: Reader) -> None:
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _n: house.test_client().post(reader.link(), data=ONE_CLICK).status_code, range(100)))
    assert answers == [200] * 100
    assert reader.said() == [("newsletter", "no", "one_click")]


def test_one_click_costs_three_statements_and_one_commit(house: Portal, reader: Reader) -> None:
    with counted(house) as seen:
        house.test_client().post(reader.link(), data=ONE_CLICK)
    assert len(seen["statements"]) == 3, seen["statements"]
    assert len(seen["commits"]) == 1
    with counted(house) as seen:
        house.test_client().post(reader.link(), data=ONE_CLICK)
    assert len(seen["statements"]) == 2, seen["statements"]


def test_a_link_works_after_ten_years(house: Portal, reader: Reader, later: Callable[..., None]) -> None:
    later(days=3653)
    assert house.test_client().post(reader.link(), data=ONE_CLICK).status_code == 200
    assert not reader.wants()


def test_a_link_outlives_every_change_of_keys(house: Portal, reader: Reader, settings: Settings) -> None:
    fresh = {"secret_key": SECOND, "unsubscribe_keys": (THIRD, *settings.unsubscribe_keys)}
    rotated = create_app(settings.model_copy(update=fresh))
    with rotated.app_context(), db.reading():
        own = contact.by_uid(reader.uid)
        assert own is not None
        assert own.unsubscribe_url("newsletter").rpartition("/")[2] != reader.link().rpartition("/")[2]
    assert rotated.test_client().post(reader.link(), data=ONE_CLICK).status_code == 200
    assert not reader.wants()
    rotated.extensions["engine"].dispose()


def test_no_changed_link_is_believed(house: Portal, reader: Reader, settings: Settings) -> None:
    token = reader.link().removeprefix("/u/")
    last = len(token) - 1  # the last character carries four bits of padding, so sixteen spellings of it mean the same
    flipped = [token[:at] + other + token[at + 1 :] for at in range(last) for other in ALPHABET if other != token[at]]
    cut = [token[:length] for length in range(last)] + [token[at:] for at in range(1, len(token))]
    forged = Signer(settings.unsubscribe_keys[0], salt=b"another purpose").sign(token.partition(".")[0]).decode()
    for text in (*flipped, *cut, token.lower(), token.upper(), token[::-1], token + token, forged):
        assert unsubscribe.read(text) is None, text
    for text in (flipped[0], flipped[-1], cut[10], token.lower(), forged, "%00", "x" * 5000, "\N{SNOWMAN}"):
        assert house.test_client().post(f"/u/{text}", data=ONE_CLICK).status_code == 404
    assert reader.said() == []


def test_other_spellings_of_a_link_are_the_same_wish(house: Portal, reader: Reader) -> None:
    token = reader.link().removeprefix("/u/")
    spellings = [token[:-1] + last for last in ALPHABET] + [f"{token}="]
    good = [text for text in spellings if unsubscribe.read(text)]
    assert len(good) > 1
    for text in good:
        house.test_client().post(f"/u/{text}", data=ONE_CLICK)
    assert len(reader.said()) == 1


@pytest.mark.parametrize("stuck", [">", ")", ".", ",", ";", "'", '"', "%3E", "%253E", ">.", "/"])
def test_signs_that_stuck_to_a_link_do_no_harm(reader: Reader, visitor: Browser, stuck: str) -> None:
    assert visitor.get(reader.link() + stuck).h1 == "Stop these e-mails"


def test_a_broken_link_leads_to_the_form_for_the_address(reader: Reader, visitor: Browser) -> None:
    for path in (reader.link()[:-5], f"{reader.link()[:-5]}/choices", f"{reader.link()[:-5]}/undo"):
        visitor.get(path, expect=404)
        assert visitor.page.h1 == "This link is not complete"
        visitor.post(path, {"confirm": "1"}, expect=404)
    visitor.submit("email", email="ada@example.com")
    assert visitor.page.h1 == "Mail to this address has been stopped."
    assert not reader.wants()


def test_the_link_of_somebody_who_was_forgotten_is_answered_politely(house: Portal, visitor: Browser, settings: Settings) -> None:
    path = f"/u/{tokens.make(settings.unsubscribe_keys, bytes(12), 'n')}"
    for page in (visitor.get(path), visitor.post(path, {"confirm": "1"}), visitor.get(f"{path}/choices"), visitor.get(f"{path}/undo")):
        assert page.h1 == "Nothing is sent to this address any more."
    assert house.test_client().post(path).status_code == 200


def test_the_holder_of_a_link_learns_no_name_and_no_whole_address(reader: Reader, visitor: Browser) -> None:
    pages = [visitor.get(reader.link() + way).text for way in ("", "/choices")]
    pages.append(visitor.post(reader.link(), {"confirm": "1"}).text)
    pages.append(visitor.post(f"{reader.link()}/choices", {"stop": ["offers"]}).text)
    for text in pages:
        assert "a***@e***.com" in text
        assert "Ada" not in text
        assert "ada@" not in text
        assert "Lovell" not in text


def test_the_page_of_choices_does_not_tell_what_is_on(house: Portal, reader: Reader, visitor: Browser) -> None:
    before = visitor.get(f"{reader.link()}/choices").text
    reader.says("offers", yes=False)
    assert visitor.get(f"{reader.link()}/choices").text == before


def test_a_list_that_is_off_already_says_so(reader: Reader, visitor: Browser) -> None:
    visitor.post(reader.link())
    assert "You are already off this list: Newsletter." in visitor.get(reader.link()).words
    assert not visitor.page.soup.find("input", attrs={"name": "confirm"})


def test_the_page_works_with_one_button_and_no_script(reader: Reader, visitor: Browser) -> None:
    forms = visitor.get(reader.link()).soup.main.find_all("form")  # type: ignore[union-attr]
    assert [form.button.text for form in forms] == ["Stop these e-mails"]
    assert "csrf" not in visitor.page.text
    visitor.submit("Stop these e-mails")
    assert not reader.wants()


def test_no_success_is_told_before_it_is_kept(house: Portal, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_store: Store) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Store, "commit", fail)
    response = house.test_client().post(reader.link(), data=ONE_CLICK)
    monkeypatch.undo()
    assert response.status_code == 500
    assert "unsubscribed" not in response.text
    assert reader.wants()


def test_no_log_holds_a_link(house: Portal, reader: Reader, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    token = reader.link().removeprefix("/u/")
    house.test_client().post(f"/u/{token}", data=ONE_CLICK)
    house.test_client().get(f"/u/{token[:-4]}")
    monkeypatch.setattr(choice, "say_no", lambda *_what, **_how: 1 / 0)
    assert house.test_client().post(f"/u/{token}", data=ONE_CLICK).status_code == 500
    logged = "".join(capfd.readouterr())
    assert "request_failed" in logged
    assert token[:20] not in logged


def test_only_false_links_are_limited(settings: Settings, house: Portal, reader: Reader) -> None:
    limited = create_app(settings.model_copy(update={"rate_limits": "on"}))
    client = limited.test_client()
    answers = [client.post("/u/guess").status_code for _try in range(40)]
    assert answers == [404] * 30 + [429] * 10
    assert [client.post(reader.link()).status_code for _try in range(40)] == [200] * 40
    limited.extensions["engine"].dispose()


def test_the_link_is_short_and_holds_no_address(reader: Reader) -> None:
    assert len(f"http://localhost:5000{reader.link()}") <= 75
    assert "ada" not in reader.link()
    assert "YWRh" not in reader.link()  # "ada" in base64
    assert "@" not in reader.link()
