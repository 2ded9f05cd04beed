"""How the demo's people live: what they asked to hear about, where else their parcels may go, and with which card they pay."""

from __future__ import annotations

from typing import NamedTuple


class Life(NamedTuple):
    """What somebody did in their account. Lists are named as on E-mail Notifications, cards as the demo processor has them."""

    turned_on: tuple[str, ...]
    turned_off: tuple[str, ...]
    country: str
    address: dict[str, str]
    cards: tuple[str, ...]


LIVES = {
    "customer": Life(
        turned_on=("clinics:email", "newsletter:post"),
        turned_off=("offers:email",),
        country="US",
        address={
            "name": "Ada Merriweather", "company": "Pecan Street Music School", "line1": "40 Bellows Court", "line2": "Room 12",
            "city": "Austin", "region": "TX", "postal_code": "78701", "phone": "(512) 555-0117",
        },
        cards=("visa", "mastercard"),
    ),
    "customer-germany": Life(
        turned_on=("new-products:email",),
        turned_off=("partner-offers:email",),
        country="DE",
        address={"name": "Jürgen Lautenschläger", "line1": "Stimmgabelweg 8", "city": "Leipzig", "postal_code": "04109"},
        cards=("mastercard",),
    ),
    "customer-gifts": Life(
        turned_on=("offers:email", "offers:post"),
        turned_off=(),
        country="GB",
        address={"name": "Zoë Ashcombe", "line1": "3 Cornet Mews", "city": "London", "postal_code": "EC1M 5RF"},
        cards=("amex",),
    ),
    "customer-open-order": Life(
        turned_on=(),
        turned_off=("newsletter:email",),
        country="ES",
        address={"name": "Mateo Ibáñez", "line1": "Calle del Laúd 21", "city": "Sevilla", "region": "Sevilla", "postal_code": "41001"},
        cards=(),
    ),
}  # fmt: skip
