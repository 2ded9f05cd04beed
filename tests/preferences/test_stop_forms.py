"""Whoever our mail reaches can stop it with nothing but the address, and nobody learns whom we know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st
from sqlalchemy import func, select

from portal.app import Portal, create_app
from portal.contacts import choice, contact
from portal.contacts.contact import Contact, Kind
from portal.contacts.may_send import may_send
from portal.contacts.topics import ALL, TOPICS, Channel
from portal.core import db, keyring
from portal.core.keyring import Dek
from portal.customers import customer
from portal.preferences.address_stop import postal_digest
from portal.settings import Settings
from tests.browsing import Browser
from tests.conftest import work
from tests.mailbag import Mailbag
from tests.people import Person
from tests.preferences.conftest import Reader, counted
from tests.shared_data import shared as shared_data


def test_a_customer_stops_all_marketing_with_her_address(reader: Reader, visitor: Browser) -> None:
    visitor.get("/stop-email")
    visitor.submit("email", email=" ADA@Example.com ")
    assert visitor.page.h1 == "Mail to this address has been stopped."
    assert not any(reader.wants(topic.slug) for topic in TOPICS)
    assert reader.said() == [(ALL, "no", "stop_email")]


def test_only_the_ticked_lists_are_stopped(reader: Reader, visitor: Browser) -> None:
    page = visitor.get("/stop-email")
    assert not page.soup.select("input[checked]")
    visitor.submit("email", email="ada@example.com", topics=["offers"])
    assert reader.wants("newsletter")
    assert not reader.wants("offers")


def test_nothing_is_filled_in_from_the_address_bar(visitor: Browser) -> None:
    assert "eve@" not in visitor.get("/stop-email?email=eve@example.com").text


def test_known_and_unknown_addresses_get_the_same_answer_for_the_same_work(house: Portal, reader: Reader) -> None:
    answers, work_done = [], []
    for address in ("ada@example.com", "nobody@example.com"):
        with counted(house) as seen:
            response = house.test_client().post("/stop-email", data={"email": address})
        assert "Set-Cookie" not in response.headers
        answers.append((response.status_code, response.data))
        work_done.append([statement.split("VALUES")[0] for statement in seen["statements"]])
    assert answers[0] == answers[1]
    assert work_done[0] == work_done[1]
    asked = [{"email": one, "instead": "1"} for one in ("ada@example.com", "nobody@example.com")]
    assert len({house.test_client().post("/stop-email", data=typed).data for typed in asked}) == 1


def test_an_unknown_address_becomes_a_contact_of_nobody_known(house: Portal, visitor: Browser, mailbag: Mailbag) -> None:
    visitor.post("/stop-email", {"email": "Zoë@Example.com"})
    assert mailbag.all() == []
    with house.app_context(), db.reading() as session:
        found = contact.find("zoë@example.com")
        assert found is not None
        assert found.address == "Zoë@Example.com"
        assert customer.get(found.person_id) is None
        assert not may_send(found, "newsletter").allowed
        assert session.scalar(select(func.count()).select_from(Dek).where(Dek.kind == keyring.TRANSIENT)) == 0


def test_the_typed_address_stands_nowhere_in_plain_text(house: Portal, visitor: Browser, place: Path, store: str) -> None:
    if store != "sqlite":
        pytest.skip("the files of the store are looked at on SQLite")
    visitor.post("/stop-email", {"email": "very.unusual@example.com"})
    visitor.post("/stop-post", {"name": "Ignaz Unusual", "street": "12 Uncommon Way", "postal_code": "78701"})
    work(house)
    for file in place.glob("portal.db*"):
        content = file.read_bytes().lower()
        assert b"unusual" not in content
        assert b"uncommon" not in content


def test_the_owner_is_told_once_a_day_and_can_take_it_back(reader: Reader, visitor: Browser, mailbag: Mailbag) -> None:
    visitor.post("/stop-email", {"email": "ada@example.com"})
    letter = mailbag.last("ada@example.com")
    assert "Stop e-mails" in letter.text
    assert "List-Unsubscribe" not in letter.message
    visitor.get(letter.link("/u/"))
    assert not reader.wants()
    visitor.submit("/undo")
    assert reader.wants()
    visitor.post("/stop-email", {"email": "ada@example.com"})
    assert not reader.wants()
    assert len(mailbag.to("ada@example.com")) == 1


def test_the_next_day_the_owner_is_told_again(reader: Reader, visitor: Browser, mailbag: Mailbag, later: Callable[..., None]) -> None:
    visitor.post("/stop-email", {"email": "ada@example.com", "topics": ["offers"]})
    mailbag.all()
    later(hours=25)
    visitor.post("/stop-email", {"email": "ada@example.com"})
    assert len(mailbag.to("ada@example.com")) == 2


def test_the_link_is_mailed_to_known_addresses_only_and_stops_nothing(reader: Reader, visitor: Browser, mailbag: Mailbag) -> None:
    for address in ("ada@example.com", "ada@example.com", "nobody@example.com"):
        visitor.get("/stop-email")
        visitor.submit("instead", email=address, instead="1")
        assert visitor.page.h1 == "Look into your mail"
    assert reader.wants()
    assert [mail.to for mail in mailbag.all()] == ["ada@example.com"]
    assert visitor.get(mailbag.last("ada@example.com").link("/u/")).h1 == "Stop more of our mail"


def test_every_address_with_a_sign_on_both_sides_of_its_at_is_taken(house: Portal) -> None:
    client = house.test_client()
    for case in shared_data("emails/isemail.json"):
        address = case["address"].strip()
        local, _at, domain = address.rpartition("@")
        has_control = any(ord(char) < 32 or ord(char) == 127 for char in address)
        is_possible = bool(local and domain) and len(address.encode()) <= 320 and not has_control
        status = client.post("/stop-email", data={"email": case["address"]}).status_code
        assert status == (200 if is_possible else 422), case
    work(house)


@pytest.mark.parametrize("address", ["", "   ", "ada", "@example.com", "ada@", "a\x00b@example.com", "a\nb@example.com", "ä" * 160 + "@x"])
def test_what_can_be_no_address_is_asked_for_again(visitor: Browser, address: str) -> None:
    visitor.get("/stop-email")
    visitor.submit("email", email=address, expect=422)
    assert "There is a problem" in visitor.page.words


@given(address=st.text(max_size=330))
@tries(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_breaks_the_form(house: Portal, address: str) -> None:
    typed = address.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    assert house.test_client().post("/stop-email", data={"email": typed}).status_code in {200, 422}


def test_another_sites_page_cannot_use_the_form(house: Portal, reader: Reader) -> None:
    answer = house.test_client().post("/stop-email", data={"email": "ada@example.com"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert reader.wants()


@pytest.mark.parametrize("path", ["/stop-email", "/stop-post"])
def test_ten_an_hour_from_one_network_then_it_says_when_and_whom_to_call(settings: Settings, house: Portal, path: str) -> None:
    limited = create_app(settings.model_copy(update={"rate_limits": "on"}))
    typed = {"email": "ada@example.com", "name": "Ada", "street": "1 Main Street", "postal_code": "78701"}
    answers = [limited.test_client().post(path, data=typed) for _try in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) <= 3600
    assert settings.shop_phone in answers[-1].text
    limited.extensions["engine"].dispose()


def test_a_stranger_stops_post_and_is_remembered_for_that_alone(house: Portal, visitor: Browser) -> None:
    visitor.get("/stop-post")
    visitor.submit("street", name="Mary O'Hara", street="12 Sample St Apt 4", postal_code="78701-1234")
    assert visitor.page.h1 == "Post to this address has been stopped."
    work(house)
    with house.app_context(), db.reading() as session:
        [known] = session.scalars(select(Contact).where(Contact.kind == Kind.POST)).all()
        assert known.digest == postal_digest("MARY O'HARA", "12 Sample Street", "78701")
        assert known.address == "Mary O'Hara\n12 Sample St Apt 4\n78701-1234"
        assert choice.standing(known.digest).refuses("newsletter", Channel.POST)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (("Jürgen Müller", "Hauptstraße 5a", "10115"), ("J. MÜLLER", "Hauptstr. 5 A", "10115 ")),
        (("Ada Lovell", "100 Main St", "SW1A 1AA"), ("Lovell", "100 Main Street", "sw1a1aa")),
        (("José Peña", "Calle Mayor 7", "28013"), ("Jose Pena", "C/ Mayor, 7", "28013")),
    ],
)
def test_an_address_is_known_again_in_another_spelling(house: Portal, one: tuple[str, str, str], same: tuple[str, str, str]) -> None:
    assert postal_digest(*one) == postal_digest(*same)
    assert postal_digest(*one) != postal_digest(one[0], "8 Other Road", one[2])
    assert postal_digest(*one) != postal_digest("Smith", *one[1:])


def test_an_odd_postal_code_is_warned_about_and_taken(house: Portal, visitor: Browser) -> None:
    visitor.post("/stop-post", {"name": "Ada", "street": "Main Street", "postal_code": "none"})
    assert "does not look like a postal code" in visitor.page.words
    assert visitor.page.h1 == "Post to this address has been stopped."


def test_a_form_for_post_that_lacks_something_comes_back_filled(visitor: Browser) -> None:
    visitor.get("/stop-post")
    visitor.submit("street", name="Ada", street="", postal_code="78701", expect=422)
    assert visitor.page.soup.find("input", attrs={"name": "name"})["value"] == "Ada"  # type: ignore[index]


def test_a_customer_whose_postal_address_is_known_is_told(house: Portal, ada: Person, visitor: Browser, mailbag: Mailbag) -> None:
    with house.app_context(), db.transaction() as session:
        digest = postal_digest("Ada Lovell", "1 Main Street", "78701")
        session.add(Contact(person_id=ada.id, kind=Kind.POST, digest=digest, address="Ada Lovell"))
    for _time in range(2):
        visitor.post("/stop-post", {"name": "Ada Lovell", "street": "1 Main St.", "postal_code": "78701"})
    assert ["catalogs" in mail.text for mail in mailbag.to("ada@example.com")] == [True]
