"""Everything saved for the next order, removed in one go: addresses and cards."""

from __future__ import annotations

import uuid

from portal.access import notice
from portal.addresses import address
from portal.core import audit
from portal.payments import method


def remove_all(person_id: uuid.UUID) -> None:
    """Remove all addresses, which can come back for 24 hours, and all cards, which cannot. One letter tells it."""
    addresses, cards = address.of(person_id), [row for row in method.of(person_id) if not row.is_being_removed]
    if not addresses and not cards:
        return
    for row in addresses:
        address.set_aside(row)
    for card in cards:
        method.remove(card)
    audit.record("saved_removed", person_id, addresses=len(addresses), cards=len(cards))
    notice.tell(person_id, "saved_removed", {"addresses": len(addresses), "cards": len(cards)})
