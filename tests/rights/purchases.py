"""Orders that people of the tests placed."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import insert

from portal.app import Portal
from portal.core import acting, boxes, clock, db, keyring
from portal.core.acting import Actor, Kind, Scene
from portal.orders import order
from portal.orders.order import Order, State
from portal.orders.recipient import Recipient

BATCH = 500


def buy(house: Portal, person_id: UUID, number: str = "#1001", *, days_ago: int = 100, state: State = State.FULFILLED) -> UUID:
    """An order as an import leaves it."""
    placed_at = clock.now() - timedelta(days=days_ago)
    with (
        house.app_context(),
        acting.acting(Scene(Actor(Kind.SYSTEM, "import"), source="shopify", channel="import")),
        db.transaction() as session,
    ):
        until, rule = order.kept_until(placed_at.date())
        bought = Order(
            id=db.new_key(), person_id=person_id, number_digest=order.number_digest("shopify", number), placed_at=placed_at, state=state,
            total="812.40", currency="EUR", kept_until=until, keep_rule=rule,
        )  # fmt: skip
        bought.number, bought.country, bought.region = number, "DE", "BE"
        bought.lines = [{"name": "Linden Parlor Guitar", "quantity": 1, "price": "812.40"}]
        bought.amounts = {"total": "812.40", "taxes": "129.71"}
        bought.email, bought.phone, bought.note = "ada@example.com", "+49 30 5550142", "Please ring twice"
        bought.billing = {"name": "Ada Lovell", "line1": "Lindenstraße 9", "city": "Berlin", "postal_code": "10969", "country": "DE"}
        session.add(bought)
        return bought.id


def give(house: Portal, giver_id: UUID, order_id: UUID, name: str = "June Lovell") -> UUID:
    """The recipient of a gift, a person of their own."""
    with (
        house.app_context(),
        acting.acting(Scene(Actor(Kind.SYSTEM, "import"), source="shopify", channel="import")),
        db.transaction() as session,
    ):
        person_id = keyring.mint()
        session.add(Recipient(person_id=person_id, giver_id=giver_id, order_id=order_id, name=name, address={"line1": "3 Quiet Lane"}))
        return person_id


def fill_with_orders(person_id: UUID, pattern_id: UUID, number: int) -> None:
    """Copies of one order, sealed like any other, in batches."""
    for start in range(0, number, BATCH):
        with acting.acting(Scene(Actor(Kind.SYSTEM, "figures"))), db.transaction() as session:
            pattern = session.get(Order, pattern_id)
            assert pattern is not None
            profile, kept = (keyring.dek_to_write(person_id, kind) for kind in (keyring.PROFILE, order.retained(pattern.kept_until)))
            plain = {column.name: getattr(pattern, column.name) for column in Order.__table__.columns}
            rows = []
            for count in range(start, start + BATCH):
                key = db.new_key()
                said = {"number": f"#{count}", "lines": [{"name": "String set", "quantity": 1, "price": "12.00"}]}
                box = boxes.seal(profile, "purchase", key, person_id, {"note": "n" * 40})
                kept_box = boxes.seal(kept, "purchase", key, person_id, said)
                digest = order.number_digest("bulk", str(count))
                rows.append({**plain, "id": key, "number_digest": digest, "box": box, "kept_box": kept_box})
            session.execute(insert(Order), rows)
