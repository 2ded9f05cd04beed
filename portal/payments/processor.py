"""The payment processor: it alone ever sees a card number. This is all that the portal asks of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Unreachable(Exception):
    """The processor does not answer, or does not say what it did. Ask again later with the same key."""


@dataclass(frozen=True)
class Visit:
    """A visit to the processor's own page, where the customer enters a card. The customer gets there by a link to `url`."""

    reference: str
    url: str


@dataclass(frozen=True)
class Card:
    """What the processor tells about a card: its own names for card and customer, brand, last four digits, expiry as `2030-04`."""

    token: str
    customer_token: str
    brand: str
    last_four: str
    expiry: str


class Processor(Protocol):
    """Four questions. Each raises Unreachable; asking again with the same `key` does nothing twice."""

    @property
    def name(self) -> str:
        """As customers know it."""

    def begin_setup(self, customer_token: str, return_url: str, key: str) -> Visit:
        """Prepare a visit. An empty `customer_token` makes the processor open a customer once a card is entered."""

    def complete(self, reference: str) -> Card | None:
        """The card that was entered on a visit; None while there is none. It only reads."""

    def detach(self, token: str, key: str) -> None:
        """Forget a card. Returns once it is gone there, also when it was gone before."""

    def delete_customer(self, customer_token: str, key: str) -> None:
        """Forget a customer with all cards. Returns once they are gone there, also when they were gone before."""
