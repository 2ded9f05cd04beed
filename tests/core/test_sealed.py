"""Sealed fields."""

from sqlalchemy import text

from portal.app import Portal
from portal.core import db, keyring
from portal.customers import customer
from tests.people import Person


def test_what_ada_told_us_can_be_read_with_her_key_and_not_in_the_store(house: Portal, ada: Person) -> None:
    with db.reading() as session:
        found = customer.get(ada.id)
        assert found is not None
        assert found.name == "Ada Lovell"
        box = session.execute(text("SELECT box FROM customer")).scalar_one()
        assert b"Lovell" not in bytes(box)


def test_without_her_key_adas_fields_read_as_erased(house: Portal, ada: Person) -> None:
    with db.transaction():
        keyring.destroy(ada.id, keyring.PROFILE)
    with db.reading():
        found = customer.get(ada.id)
        assert found is not None
        assert found.name == "(erased)"


def test_a_change_is_sealed_again_and_a_rollback_forgets_it(house: Portal, ada: Person) -> None:
    with db.transaction() as session:
        found = customer.get(ada.id)
        assert found is not None
        found.name = "Ada King"
        session.flush()
        session.rollback()
        assert found.name == "Ada Lovell"
        found.name = "Ada Byron"
    with db.reading():
        again = customer.get(ada.id)
        assert again is not None
        assert again.name == "Ada Byron"
