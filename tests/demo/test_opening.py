"""The invented shop comes in through the real importer, and its people have believable lives."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from portal.accounts import account
from portal.addresses import address
from portal.app import Portal
from portal.contacts import contact
from portal.contacts.may_send import may_send
from portal.core import db
from portal.customers import customer
from portal.customers.customer import Customer
from portal.demo import opening
from portal.demo.people import DEMO_PEOPLE
from portal.letters.letter import Letter
from portal.orders.order import Order
from portal.payments import method
from tests.mailbag import Mailbag

WITH_ACCOUNT = [person for person in DEMO_PEOPLE if person.has_account]
(IMPORTED,) = [person for person in DEMO_PEOPLE if not person.has_account]


def test_the_shop_is_made_once_and_whole(house: Portal) -> None:
    assert not opening.is_open()
    opening.open_shop()

    assert opening.is_open()
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Customer)) > 200  # type: ignore[operator]
        assert session.scalar(select(func.count()).select_from(Order)) == 350
        for person in WITH_ACCOUNT:
            found = customer.find_by_email(person.email)
            assert found is not None
            assert found.is_registered
            assert found.name == person.name
            assert len(address.of(found.id)) == 2
            assert {card.brand for card in method.of(found.id)} <= {"Visa", "Mastercard", "American Express"}
        quiet = customer.find_by_email(IMPORTED.email)
        assert quiet is not None
        assert not quiet.is_registered
        assert account.of(quiet.id) is None


def test_everybody_who_said_yes_gets_the_newsletter_and_nobody_else(house: Portal, mailbag: Mailbag) -> None:
    opening.open_shop()

    got = {mail.to for mail in mailbag.all() if mail.message["List-Unsubscribe"]}
    with db.reading() as session:
        people = session.scalars(select(Letter.contact_id).where(Letter.topic == "newsletter")).all()
        wanting = {to.address for key in people if (to := session.get(contact.Contact, key)) and may_send(to, "newsletter").allowed}
    assert got == wanting
    assert len(got) > 80
    assert "ada.merriweather@example.com" in got
    assert "mateo.ibanez@example.org" not in got  # he turned it off before it left


def test_printed_passwords_are_right_until_they_are_changed(house: Portal) -> None:
    opening.open_shop()
    first = {person.role: person for person in opening.sign_ins()}

    ada = first["customer"]
    with db.transaction():
        mine = customer.find_by_email(ada.email)
        assert mine is not None
        own = account.of(mine.id)
        assert own is not None
        assert account.fit(own.password_hash, ada.password)
        account.set_password(mine, account.hashed("another password of hers"))

    again = {person.role: person.password for person in opening.sign_ins()}
    assert again == {role: person.password for role, person in first.items()} | {"customer": "-"}
    assert again["imported"] == "-"


def test_who_has_left_the_shop_is_not_offered_any_more(house: Portal) -> None:
    opening.open_shop()
    with db.transaction() as session:
        session.delete(customer.find_by_email(IMPORTED.email))

    assert "imported" not in {person.role for person in opening.sign_ins()}


def test_passwords_lie_where_only_their_owner_reads_them(house: Portal, place: Path) -> None:
    opening.passwords()

    assert (place / "demo" / "people.json").stat().st_mode & 0o777 == 0o600


def test_a_first_start_that_was_stopped_goes_on(house: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    def power_cut() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(opening, "_send_newsletter", power_cut)
        with pytest.raises(KeyboardInterrupt):
            opening.open_shop()
    assert not opening.is_open()

    opening.open_shop()
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Order)) == 350
        letters = session.scalars(select(Letter.contact_id).where(Letter.topic == "newsletter")).all()
    assert len(letters) == len(set(letters))
