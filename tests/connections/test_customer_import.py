"""A shop's customers come in from Shopify's file: nobody is lost, doubled, overwritten or written to against their will."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from portal import settings
from portal.addresses import address
from portal.app import Portal
from portal.connections.batches import MOST_ROWS
from portal.connections.newcomers import bring_in
from portal.connections.shopify import customer_import
from portal.contacts import choice, contact
from portal.contacts.choice import Choice
from portal.contacts.contact import Contact
from portal.contacts.topics import ALL, Channel
from portal.core import acting, chain, db, digests, verdict
from portal.core.acting import Actor, Kind, Scene
from portal.core.audit import Entry
from portal.customers import customer
from portal.customers.customer import Customer, ExternalId
from portal.policy import version
from portal.rights import erasure
from tests.connections.shops import CUSTOMERS, Row, Shop, fingerprint
from tests.people import Person

GENERAL = ("newsletter", "offers", "new-products", "clinics")
PERSON = Scene(Actor(Kind.CUSTOMER, "the person"))


def row(number: str = "1", email: str = "zoe@example.com", mail: str = "", **cells: str) -> Row:
    names = {name.replace("_", " "): text for name, text in cells.items()}
    return {"Customer ID": f"'{number}" if number else "", "Email": email, "Accepts Email Marketing": mail, **names}


def home(street: str, **cells: str) -> Row:
    place = {"Address1": street, "City": "Houston", "Province Code": "TX", "Country Code": "US", "Zip": "'77002", **cells}
    return {f"Default Address {name}": text for name, text in place.items()}


def person_of(email: str) -> Customer:
    found = customer.find_by_email(email)
    assert found is not None
    return found


def count(model: type[Any]) -> int:
    return db.session().scalar(select(func.count()).select_from(model)) or 0


def say(house: Portal, email: str, answer: Callable[..., Any], topic: str = "newsletter", channel: Channel = Channel.EMAIL) -> None:
    with house.app_context(), acting.acting(PERSON), db.transaction():
        answer(digests.email_digest(email), topic, channel, via="signed in")


# The sample file


@pytest.fixture
def sample(shared: Path) -> Path:
    return shared / "shops" / "shopify_customers_export.csv"


@pytest.fixture
def right(shared: Path) -> dict[str, Any]:
    text = (shared / "shops" / "expected.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)["shopify_customers_export.csv"]
    return found


def test_the_sample_file_comes_in_exactly_as_it_should(house: Portal, shop: Shop, sample: Path, right: dict[str, Any]) -> None:
    outcome = shop.take_file(CUSTOMERS, sample)

    updated, skipped = len(right["updated"]), len(right["skipped"])
    assert outcome.out[-1] == f"rows={right['rows']} imported={right['imported']} updated={updated} skipped={skipped}"
    with house.app_context(), db.reading() as session:
        people = session.scalars(select(Customer)).all()
        addresses = {own.address.casefold() for own in session.scalars(select(Contact))}
        assert len(people) == right["imported"]
        assert [person.name for person in people if contact.email_of(person.id) is None] == [who["name"] for who in right["without_email"]]
        assert sorted(_address(person) for person in people if not person.name) == sorted(right["without_name"])
        for channel, answers in ((Channel.EMAIL, right["email_marketing"]), (Channel.SMS, right["sms_marketing"])):
            standings = [choice.standing(digests.email_digest(own)) for own in addresses]
            yes = [standing for standing in standings if standing.wants("newsletter", channel)]
            assert len(yes) == answers["SUBSCRIBED"]
            assert len(people) - len(yes) == answers["NOT_SUBSCRIBED"]
            assert all(standing.wants(topic, channel) for standing in yes for topic in GENERAL)
            assert not any(standing.wants("partner-offers", channel) for standing in yes)


def _address(person: Customer) -> str:
    own = contact.email_of(person.id)
    return str(own.address) if own else ""


def test_amounts_names_and_places_of_the_sample_stay_what_they_were(house: Portal, shop: Shop, sample: Path, right: dict[str, Any]) -> None:
    shop.take_file(CUSTOMERS, sample)
    with house.app_context(), db.reading() as session:
        for email, amount in right["amounts"].items():
            number = session.scalars(select(ExternalId).where(ExternalId.person_id == person_of(email).id)).one()
            assert number.said["total_spent"] == amount["value"]
        for email, name in right["kept_as_typed"].items():
            assert person_of(email).name.endswith(name)
        assert address.of(person_of("noah.bellweather@example.com").id)[0].line1 == "31 Placeholder Lane\nRear entrance"


def test_two_rows_of_one_mailbox_are_one_person(house: Portal, shop: Shop, sample: Path) -> None:
    outcome = shop.take_file(CUSTOMERS, sample)

    with house.app_context(), db.reading() as session:
        marta, rhys = person_of("marta.lindqvist@example.com"), person_of("rhys.ap.gwilym@example.com")
        assert [(own.city, bool(own.uses)) for own in address.of(marta.id)] == [("Göteborg", True), ("Uppsala", False)]
        assert (marta.note, marta.tags) == ("moved", ["newsletter"])
        assert not choice.standing(digests.email_digest("marta.lindqvist@example.com")).wants("newsletter", Channel.EMAIL)
        assert (rhys.name, [own.city for own in address.of(rhys.id)]) == ("Rhys ap Gwilym", ["Cardiff"])
        numbers = {number.number for number in session.scalars(select(ExternalId).where(ExternalId.person_id == rhys.id))}
        assert numbers == {"7310448316995", "7310448317809"}
    assert outcome.told == [("12", "First Name"), ("35", "Tags")]


def test_importing_twice_changes_nothing(house: Portal, shop: Shop, sample: Path, right: dict[str, Any]) -> None:
    shop.take_file(CUSTOMERS, sample)
    before = fingerprint(house)

    again = shop.take_file(CUSTOMERS, sample)

    assert again.out[-1] == f"rows={right['rows']} imported=0 updated={right['imported'] + len(right['updated'])} skipped=3"
    assert fingerprint(house) == before


def test_a_dry_run_tells_the_same_figures_and_writes_nothing(house: Portal, shop: Shop, sample: Path) -> None:
    before = fingerprint(house, without=())
    rehearsed = shop.rehearse(CUSTOMERS, sample)

    assert fingerprint(house, without=()) == before
    assert shop.take_file(CUSTOMERS, sample) == rehearsed
    after = fingerprint(house, without=())
    assert shop.rehearse(CUSTOMERS, sample).figures["imported"] == 0
    assert fingerprint(house, without=()) == after


# Where a row comes from


def test_each_row_says_where_it_came_from(house: Portal, shop: Shop) -> None:
    shop.take(CUSTOMERS, row(mail="yes", First_Name="Zoë", **home("1 Lantern Row")))

    with house.app_context(), db.reading() as session:
        zoe, policy = person_of("zoe@example.com"), version.in_force()
        assert policy is not None
        for found in (zoe, contact.email_of(zoe.id), *address.of(zoe.id), *session.scalars(select(ExternalId))):
            assert (found.source, found.channel, found.policy_version) == ("shopify", "import", policy.number)
        entry = session.scalars(select(Entry).where(Entry.subject == zoe.id)).one()
        assert (entry.act, entry.actor, entry.facts) == ("imported", "operator:grace", {"system": "shopify"})
        assert entry.details == {"file": "customers.csv", "row": 1}
        said = session.scalars(select(Choice)).all()
        assert {(one.topic, one.source, one.is_proven) for one in said} == {(topic, "shopify", False) for topic in GENERAL}
        assert zoe.registered_at is None


# Mail: the stricter wins

HEARD = [
    (["yes"], True),
    (["no"], False),
    ([""], False),
    (["perhaps"], False),
    (["yes", "no"], False),
    (["no", "yes"], False),
    (["yes", ""], True),
    (["", "yes"], True),
    (["yes", "yes"], True),
    (["yes", "perhaps"], False),
]


@pytest.mark.parametrize(("answers", "wants"), HEARD)
def test_between_rows_and_files_the_stricter_answer_wins(house: Portal, shop: Shop, answers: list[str], wants: bool) -> None:
    shop.take(CUSTOMERS, *[row(str(number), "one-file@example.com", answer) for number, answer in enumerate(answers)])
    for number, answer in enumerate(answers):
        shop.take(CUSTOMERS, row(f"9{number}", "other-files@example.com", answer))
        shop.take(CUSTOMERS, row("7", "same-number@example.com", answer))

    assert [shop.wants(f"{who}@example.com") for who in ("one-file", "other-files", "same-number")] == [wants] * 3


def test_no_file_turns_a_no_into_a_yes(house: Portal, shop: Shop, bob: Person) -> None:
    for email, topic in (("one-topic@example.com", "offers"), ("everything@example.com", ALL), (bob.email, "newsletter")):
        say(house, email, choice.say_no, topic)

    rows = [row("1", "one-topic@example.com", "yes"), row("2", "everything@example.com", "yes"), row("3", bob.email.upper(), "yes")]
    outcome = shop.take(CUSTOMERS, *rows)

    assert not shop.wants("one-topic@example.com", "offers")
    assert shop.wants("one-topic@example.com", "newsletter")
    assert not any(shop.wants("everything@example.com", topic) for topic in GENERAL)
    assert not shop.wants(bob.email)
    assert outcome.told == [(number, "Accepts Email Marketing") for number in ("1", "2", "3")]


def test_a_no_of_a_file_ends_only_a_yes_of_a_file(house: Portal, shop: Shop, bob: Person) -> None:
    say(house, bob.email, choice.say_yes)

    shop.take(CUSTOMERS, row("1", bob.email, "no"))

    assert shop.wants(bob.email)


def test_a_yes_given_here_survives_the_files_that_said_no_before(house: Portal, shop: Shop) -> None:
    shop.take(CUSTOMERS, row(mail="no"))
    say(house, "zoe@example.com", choice.say_yes)

    shop.take(CUSTOMERS, row(mail="no"))
    shop.take(CUSTOMERS, row("2", mail="no"))

    assert shop.wants("zoe@example.com")


def test_a_no_is_remembered_though_the_same_account_says_yes_later(house: Portal, shop: Shop) -> None:
    for number, answer in (("1", "no"), ("1", "yes"), ("2", "yes")):
        shop.take(CUSTOMERS, row(number, mail=answer))

    assert not shop.wants("zoe@example.com")


def test_a_pause_stays_a_pause(house: Portal, shop: Shop) -> None:
    shop.take(CUSTOMERS, row(mail="yes"))
    with house.app_context(), acting.acting(PERSON), db.transaction():
        choice.pause(digests.email_digest("zoe@example.com"), "newsletter", Channel.EMAIL, days=30, via="signed in")

    shop.take(CUSTOMERS, row("2", mail="yes"))

    assert not shop.wants("zoe@example.com")


def test_text_messages_are_answered_on_their_own(house: Portal, shop: Shop) -> None:
    rows = [row(mail="no", Accepts_SMS_Marketing="yes"), row("2", "", Phone="'+17135550101", Accepts_SMS_Marketing="yes")]
    outcome = shop.take(CUSTOMERS, *rows)

    assert shop.wants("zoe@example.com", channel=Channel.SMS)
    assert not shop.wants("zoe@example.com")
    assert outcome.told == [("2", "Accepts SMS Marketing")]


def test_somebody_erased_who_stands_in_the_file_again_is_imported_but_never_written_to(
    house: Portal, shop: Shop, ada: Person, later: Callable[..., None]
) -> None:
    with house.app_context(), acting.acting(PERSON), db.transaction():
        erasure.request(person_of(ada.email), by="ada")
    later(days=15)

    outcome = shop.take(CUSTOMERS, row("1", ada.email, "yes", First_Name="Ada"), row("2", "new@example.com", "yes"))

    assert outcome.figures == {"erased_before": 1, "rows": 2, "imported": 2, "updated": 0, "skipped": 0}
    assert outcome.told == [("1", "Accepts Email Marketing")]
    assert not shop.wants(ada.email)
    assert shop.wants("new@example.com")
    with house.app_context(), db.reading():
        assert person_of(ada.email).id != ada.id


# What is known here already


def test_what_the_customer_set_here_stays(house: Portal, shop: Shop) -> None:
    shop.take(CUSTOMERS, row(First_Name="Zoe", Last_Name="B", Phone="'+17135550101", Note="old"))
    with house.app_context(), acting.acting(PERSON), db.transaction():
        zoe = person_of("zoe@example.com")
        zoe.name = "Zoë Brontë-Hughes"
        zoe.set_phone("", "US")

    again = shop.take(CUSTOMERS, row(First_Name="Zoe", Last_Name="C", Phone="'+17135550101", Note="new"))

    with house.app_context(), db.reading():
        zoe = person_of("zoe@example.com")
        assert (zoe.name, zoe.phone, zoe.note) == ("Zoë Brontë-Hughes", "", "new")
    assert again.told == [("1", "First Name")]


def test_the_shops_news_is_taken_where_nobody_edited_it(house: Portal, shop: Shop) -> None:
    shop.take(CUSTOMERS, row(First_Name="Zoe", Phone="'+17135550101", Tags="vip", **home("1 Lantern Row")))
    shop.take(CUSTOMERS, row(First_Name="Zoë", Phone="'+17135550102", Tags="vip, gold", **home("2 Lantern Row")))
    emptied = shop.take(CUSTOMERS, row(Total_Spent="5.00"))

    with house.app_context(), db.reading() as session:
        zoe = person_of("zoe@example.com")
        assert (zoe.name, zoe.phone, zoe.tags) == ("Zoë", "+17135550102", ["vip", "gold"])
        assert zoe.phone_digest == digests.digest("phone", "+17135550102")
        assert [own.line1 for own in address.of(zoe.id)] == ["1 Lantern Row", "2 Lantern Row"]
        assert session.scalars(select(ExternalId)).one().said["total_spent"] == "5.00"
        acts = session.scalars(select(Entry.act).where(Entry.subject == zoe.id).order_by(Entry.id)).all()
        assert acts == ["imported", "import_updated", "import_updated"]
    assert emptied.told == []


def test_another_account_of_the_same_mailbox_only_fills_gaps(house: Portal, shop: Shop, bob: Person) -> None:
    outcome = shop.take(CUSTOMERS, row("1", bob.email, First_Name="Robert", Note="likes reeds", **home("1 Lantern Row")))

    with house.app_context(), db.reading():
        found = person_of(bob.email)
        assert (found.id, found.name, found.note, found.is_registered) == (bob.id, bob.name, "likes reeds", True)
        assert len(address.of(bob.id)) == 1
    assert outcome.told == [("1", "First Name")]


def test_the_same_place_in_other_letters_is_no_second_address(house: Portal, shop: Shop) -> None:
    shop.take(CUSTOMERS, row("1", First_Name="Zoë", **home("1 Lantern Row")), row("2", **home("1 LANTERN ROW")))

    with house.app_context(), db.reading():
        assert len(address.of(person_of("zoe@example.com").id)) == 1


def test_of_two_rows_with_one_number_the_first_counts(house: Portal, shop: Shop) -> None:
    rows = [row(First_Name="Zoë"), row(First_Name="Zoe", Note="plays the reed")]
    outcome = shop.take(CUSTOMERS, *rows)
    before = fingerprint(house)
    shop.take(CUSTOMERS, *rows)

    assert outcome.told == [("2", "First Name")]
    assert fingerprint(house) == before
    with house.app_context(), db.reading():
        zoe = person_of("zoe@example.com")
        assert (zoe.name, zoe.note) == ("Zoë", "plays the reed")


def test_an_address_that_was_removed_here_does_not_come_back(house: Portal, shop: Shop) -> None:
    shop.take(CUSTOMERS, row(**home("1 Lantern Row")))
    with house.app_context(), acting.acting(PERSON), db.transaction():
        address.set_aside(address.of(person_of("zoe@example.com").id)[0])

    shop.take(CUSTOMERS, row(Total_Spent="9.00", **home("1 Lantern Row")))

    with house.app_context(), db.reading():
        assert address.of(person_of("zoe@example.com").id) == []


def test_no_file_changes_the_address_that_somebody_signs_in_with(house: Portal, shop: Shop) -> None:
    shop.take(CUSTOMERS, row("1", "zoe@example.com", "yes"))
    outcome = shop.take(CUSTOMERS, row("1", "mallory@example.com", "yes"))

    assert outcome.told == [("1", "Email")]
    assert outcome.figures["updated"] == 1
    with house.app_context(), db.reading():
        assert contact.find("mallory@example.com") is None
    assert not shop.wants("mallory@example.com")


def test_a_yes_under_another_address_is_no_yes_of_the_one_we_know(house: Portal, shop: Shop) -> None:
    shop.take(CUSTOMERS, row("1", "zoe@example.com"))
    shop.take(CUSTOMERS, row("1", "mallory@example.com", "yes"))

    assert not shop.wants("zoe@example.com")
    assert not shop.wants("mallory@example.com")


def test_a_number_that_belongs_to_somebody_else_stays_theirs(house: Portal, shop: Shop) -> None:
    shop.take(CUSTOMERS, row("1", "ada@example.com", First_Name="Ada"), row("2", "bob@example.com"))
    twice = [shop.take(CUSTOMERS, row("1", "bob@example.com", First_Name="Bob")) for _time in range(2)]

    with house.app_context(), db.reading():
        owner = customer.find_by_external_id("shopify", "1")
        assert owner is not None
        assert (owner.name, person_of("bob@example.com").name) == ("Ada", "Bob")
    assert [outcome.told for outcome in twice] == [[("1", "Customer ID")]] * 2


def test_people_without_e_mail_are_known_again(house: Portal, shop: Shop) -> None:
    rows = [
        row("", "", Phone="'+17135550101"),
        row("", "", First_Name="Walter", **home("88 Example Avenue")),
        row("", "", First_Name="Wilma", **home("88 Example Avenue")),
        row("5", "", Phone="'+17135550102"),
        row("", "zoe@example.com"),
    ]
    first, again = shop.take(CUSTOMERS, *rows), shop.take(CUSTOMERS, *rows)

    assert (first.figures["imported"], again.figures["imported"], again.figures["updated"]) == (5, 0, 5)
    with house.app_context(), db.reading():
        assert (count(Customer), count(Contact)) == (5, 1)


def test_somebody_who_was_without_e_mail_gets_one_from_the_file(house: Portal, shop: Shop) -> None:
    shop.take(CUSTOMERS, row("1", "", Phone="'+17135550101"))
    shop.take(CUSTOMERS, row("1", "zoe@example.com", "yes"))

    with house.app_context(), db.reading():
        assert person_of("zoe@example.com").phone == "+17135550101"
        assert count(Customer) == 1
    assert shop.wants("zoe@example.com")


def test_a_country_nobody_knows_is_kept_but_not_in_the_open(house: Portal, shop: Shop) -> None:
    cells = home("1 Lantern Row")
    cells["Default Address Country Code"] = "Ada's country"
    shop.take(CUSTOMERS, row(**cells))

    with house.app_context(), db.reading() as session:
        assert [own.country for own in address.of(person_of("zoe@example.com").id)] == [""]
        assert session.scalars(select(ExternalId)).one().said["address"]["country"] == "Ada's country"


# Large and interrupted files


def test_an_interrupted_import_goes_on_where_it_stopped(house: Portal, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(str(number), f"person{number}@example.com", "yes") for number in range(2 * MOST_ROWS + 10)]
    rows.append(row("7", "PERSON7@example.com", "no"))
    file = shop.file(CUSTOMERS, rows)
    kept: list[int] = []

    def power_cut(people: Any) -> Any:
        if len(kept) == 1:
            raise KeyboardInterrupt
        kept.append(len(people))
        return bring_in(people)

    monkeypatch.setattr(customer_import, "bring_in", power_cut)
    with pytest.raises(KeyboardInterrupt):
        shop.take_file(CUSTOMERS, file)
    with house.app_context(), db.reading():
        assert count(Customer) == MOST_ROWS
    monkeypatch.undo()

    outcome = shop.take_file(CUSTOMERS, file)

    assert outcome.figures == {"erased_before": 0, "rows": 1011, "imported": 510, "updated": 501, "skipped": 0}
    with house.app_context(), db.reading():
        assert (count(Customer), count(Contact)) == (1010, 1010)
    assert not shop.wants("person7@example.com")
    assert shop.wants("person8@example.com")


def test_the_audit_trail_holds_what_an_import_did(house: Portal, shop: Shop, sample: Path) -> None:
    shop.take_file(CUSTOMERS, sample)

    with house.app_context(), db.reading():
        made = count(Entry) + count(Choice)
    with house.app_context():
        chain.checkpoint()
        with db.reading():
            found = verdict.verify(settings.current().checkpoints)
    assert (found.broken, found.unchained) == (None, 0)
    assert found.size >= made > 40 * 2
