"""News goes only to who wants it and carries its way out; letters people need always arrive and carry none."""

from __future__ import annotations

from sqlalchemy import delete, select

from portal.app import Portal
from portal.contacts import choice, contact
from portal.contacts.contact import BounceState, Contact
from portal.contacts.may_send import may_send
from portal.contacts.topics import TOPICS, Channel
from portal.core import acting, clock, db
from portal.core.acting import Actor, Kind, Scene
from portal.letters.letter import Letter
from portal.settings import Settings
from tests.browsing import Browser
from tests.mailbag import Mailbag
from tests.preferences.conftest import Reader


def state_of_last_letter(house: Portal) -> str:
    with house.app_context(), db.reading() as session:
        return str(session.scalars(select(Letter.state).order_by(Letter.id.desc()).limit(1)).one())


def test_the_newsletter_shows_its_way_out_and_the_shops_address_in_its_text(reader: Reader, mailbag: Mailbag, settings: Settings) -> None:
    reader.is_sent("newsletter")
    letter = mailbag.last("ada@example.com")
    assert letter.subject == "How to keep a guitar in tune through the winter"
    assert reader.link("newsletter") in letter.text
    assert settings.shop_postal_address in letter.text
    html = letter.message.get_body(("html",))
    assert html is not None
    assert "<img" not in html.get_content()


def test_who_says_no_between_writing_and_sending_gets_nothing(house: Portal, reader: Reader, mailbag: Mailbag) -> None:
    reader.is_sent("newsletter")
    house.test_client().post(reader.link("newsletter"))
    assert mailbag.all() == []
    assert state_of_last_letter(house) == "skipped_suppressed"


def test_a_pause_holds_letters_back_too(house: Portal, reader: Reader, mailbag: Mailbag) -> None:
    house.test_client().post(f"{reader.link()}/choices", data={"days": "30"})
    reader.is_sent("newsletter")
    assert mailbag.all() == []


def test_who_never_said_yes_gets_no_news(house: Portal, reader: Reader, mailbag: Mailbag) -> None:
    with house.app_context(), db.transaction() as session:
        session.execute(delete(choice.Preference))
    reader.is_sent("newsletter")
    assert mailbag.all() == []


def test_who_stopped_everything_still_gets_a_letter_to_reset_the_password(reader: Reader, visitor: Browser, mailbag: Mailbag) -> None:
    visitor.post("/stop-email", {"email": "ada@example.com"})
    with reader.acting():
        choice.stop_all(reader.digest, via="notifications")
    reader.is_sent("newsletter")
    visitor.get("/forgot-password")
    visitor.submit("email", email="ada@example.com")
    letters = mailbag.to("ada@example.com")
    assert [letter.subject for letter in letters if "password" in letter.subject]
    assert not [letter for letter in letters if "guitar" in letter.subject]
    assert not [letter for letter in letters if letter.message["List-Unsubscribe"] or letter.message["List-Unsubscribe-Post"]]


def test_a_mailbox_that_is_not_there_gets_no_letter_at_all(house: Portal, reader: Reader) -> None:
    with house.app_context(), db.transaction():
        own = contact.by_uid(reader.uid)
        assert own is not None
        own.bounce_state = BounceState.UNDELIVERABLE
        assert not may_send(own, None).allowed
        own.bounce_state = BounceState.COMPLAINED
        assert may_send(own, None).allowed
        assert may_send(own, "newsletter").reason == "complained"


def test_a_no_outlives_the_person_and_no_import_lifts_it(house: Portal, reader: Reader) -> None:
    with house.app_context(), acting.acting(Scene(Actor(Kind.SYSTEM, "import"), source="shopify")), db.transaction() as session:
        choice.stop_all(reader.digest, via="erasure")
        session.execute(delete(Contact).where(Contact.uid == reader.uid))
    with house.app_context(), acting.acting(Scene(Actor(Kind.SYSTEM, "import"), source="shopify")), db.transaction():
        again = contact.add(reader.person.id, "ada@example.com")
        for topic in TOPICS:
            choice.say_imported_yes(again.digest, topic.slug, Channel.EMAIL, at=clock.now())
            assert may_send(again, topic.slug).reason == "suppressed"
            assert may_send(again, topic.slug, Channel.POST).reason == "suppressed"


def test_an_imported_yes_never_lifts_a_no(house: Portal, reader: Reader) -> None:
    reader.says("clinics", yes=False)
    with house.app_context(), db.transaction():
        assert choice.say_imported_yes(reader.digest, "clinics", Channel.EMAIL, at=clock.now()) is None
    assert not reader.wants("clinics")
