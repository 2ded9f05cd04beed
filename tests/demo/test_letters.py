"""In the demo every letter can be read and its links followed; outside of it nobody sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from email import message_from_string, policy
from pathlib import Path

import pytest

from portal.app import Portal, create_app
from portal.contacts import choice, contact
from portal.contacts.may_send import may_send
from portal.contacts.topics import Channel
from portal.core import db
from portal.demo import letterbox, plain_html
from portal.letters import letter
from tests.browsing import Browser
from tests.conftest import make_settings
from tests.mailbag import Mailbag
from tests.people import Person


@pytest.fixture
def newsletter(house: Portal, ada: Person, mailbag: Mailbag) -> str:
    """Ada wants the newsletter and gets one; the name of its file."""
    with db.transaction():
        to = contact.find(ada.email)
        assert to is not None
        choice.say_yes(to.digest, "newsletter", Channel.EMAIL, via="test")
        letter.post("newsletter", to, topic="newsletter")
    mailbag.last(ada.email)
    return letterbox.everything()[0].name


def test_programs_read_every_letter_newest_first(visitor: Browser, newsletter: str, ada: Person) -> None:
    with db.transaction():
        letter.post_to_stranger("unsubscribe_link", "zoe@example.com", {"url": "http://localhost/u/x"})
    Mailbag(visitor.house, Path()).all()

    letters = visitor.client.get("/dev/mail.json").get_json()

    assert [one["to"] for one in letters] == ["zoe@example.com", ada.email]
    assert set(letters[0]) == {"to", "subject", "at", "raw"}
    assert datetime.fromisoformat(letters[0]["at"]) >= datetime.fromisoformat(letters[1]["at"])
    read = message_from_string(letters[1]["raw"], policy=policy.default)
    assert read["Subject"] == letters[1]["subject"] == "How to keep a guitar in tune through the winter"
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_reader_goes_from_the_list_through_a_letter_to_the_end_of_the_newsletter(visitor: Browser, newsletter: str, ada: Person) -> None:
    listed = visitor.get("/dev/mail")
    assert listed.soup.select_one("main .table a")["href"] == f"/dev/mail/{newsletter}"  # type: ignore[index]
    assert ada.email in listed.words

    shown = visitor.get(f"/dev/mail/{newsletter}")
    link = shown.soup.find("a", href=re.compile("/u/"))
    assert link is not None
    visitor.get(str(link["href"]).removeprefix("http://localhost"))
    visitor.submit("confirm")

    to = contact_of(ada)
    with db.reading():
        assert not may_send(to, "newsletter").allowed


def contact_of(person: Person) -> contact.Contact:
    with db.reading():
        found = contact.find(person.email)
    assert found is not None
    return found


def test_a_letter_can_be_seen_as_a_page_and_as_it_was_sent(visitor: Browser, newsletter: str) -> None:
    shown = visitor.get(f"/dev/mail/{newsletter}/html")
    assert shown.soup.find("a", href=re.compile("^http://localhost/u/"))
    assert "luthier" in shown.words

    raw = visitor.client.get(f"/dev/mail/{newsletter}/raw")
    assert raw.mimetype == "text/plain"
    assert raw.data.startswith(b"From: ")


def test_the_list_has_pages_of_twenty(house: Portal, visitor: Browser, place: Path) -> None:
    (place / "mail").mkdir()
    for number in range(41):
        mail = f"To: <a@example.com>\r\nSubject: Letter {number}\r\n\r\nHello".encode()
        (place / "mail" / f"20261125T0800{number:02}.000000-b-x.eml").write_bytes(mail)

    first = visitor.get("/dev/mail")
    assert "41 entries in all" in first.words
    assert len(first.soup.select("main .body [role=row]")) == 20
    last = visitor.get("/dev/mail?page=3")
    assert "Letter 0 " in last.words
    assert not last.soup.find("a", rel="next")


def test_an_empty_letterbox_says_how_to_fill_it(visitor: Browser) -> None:
    assert "No letter was written yet" in visitor.get("/dev/mail").words


def test_reading_letters_sets_no_cookie_and_needs_none(visitor: Browser, newsletter: str) -> None:
    for path in ("/dev/mail", "/dev/mail.json", f"/dev/mail/{newsletter}"):
        assert "Set-Cookie" not in visitor.client.get(path).headers


@pytest.mark.parametrize("name", ["..", "20261125T080000.000000-b-x", "%00", "....eml"])
def test_only_letters_are_found(visitor: Browser, name: str) -> None:
    visitor.get(f"/dev/mail/{name}", expect=404)


@pytest.fixture
def real_shop(place: Path, store_url: str) -> Iterator[Portal]:
    """A shop that is no demo."""
    app = create_app(make_settings(place, store_url).model_copy(update={"demo": False}))
    yield app
    app.extensions["engine"].dispose()


@pytest.mark.parametrize("path", ["/dev/mail", "/dev/mail.json", "/dev/mail/x", "/dev/mail/x/html", "/dev/mail/x/raw", "/dev/parts"])
def test_a_real_shop_shows_no_letters(real_shop: Portal, path: str) -> None:
    assert real_shop.test_client().get(path).status_code == 404


@pytest.mark.parametrize("host", ["letters.example", "letters.example:5000", "localhost.letters.example"])
def test_a_foreign_name_for_this_machine_opens_no_letters(house: Portal, host: str) -> None:
    assert house.test_client().get("/dev/mail.json", headers={"Host": host}).status_code == 404


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000"])
def test_this_machine_opens_them_under_all_its_names(house: Portal, host: str) -> None:
    assert house.test_client().get("/dev/mail.json", headers={"Host": host}).status_code == 200


def test_links_in_a_text_end_before_the_full_stop() -> None:
    assert letterbox.linked("See <http://localhost/u/a.b-c>.") == 'See &lt;<a href="http://localhost/u/a.b-c">http://localhost/u/a.b-c</a>&gt;.'
    assert letterbox.linked("Go to http://localhost:5000/me.") == 'Go to <a href="http://localhost:5000/me">http://localhost:5000/me</a>.'


def test_a_web_page_in_a_letter_brings_words_and_links_alone() -> None:
    html = (
        '<head><style>p {color: red}</style><title>T</title></head><h1 style="color: red" onclick="x()">A &lt;b&gt;</h1>'
        '<script>bad()</script><img src="http://pixel.example/"><p><a href="javascript:x()">in</a><br></p>'
    )

    assert plain_html.of(html) == '<h2>A &lt;b&gt;</h2><p><a href="#main">in</a><br></p>'


def test_all_parts_stand_on_one_page_and_say_what_is_wrong(visitor: Browser) -> None:
    visitor.get("/dev/parts")
    wrong = visitor.submit("A longer text", note="", expect=422)

    assert wrong.soup.title is not None
    assert wrong.soup.title.text.startswith("Error: ")
    fields = ["#name", "#email", "#password", "#country", "#note", "#kind-0", "#topics-0", "#gift"]
    assert [link["href"] for link in wrong.soup.select(".summary li a")] == fields
