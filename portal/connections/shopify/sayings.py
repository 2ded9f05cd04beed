"""What one row of Shopify's customers file says about a person, in the form that is compared with what it said last time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from portal.connections.answers import Said
from portal.connections.shopify import places
from portal.connections.shopify.customers import CUSTOMERS, CustomerRow
from portal.contacts.topics import Channel
from portal.core import digests
from portal.customers.customer import external_digest

SYSTEM = "shopify"
MARKETING = {Channel.EMAIL: "email_marketing", Channel.SMS: "sms_marketing"}
COLUMNS = {"name": "first_name"}
Fields = dict[str, Any]


@dataclass(frozen=True)
class Saying:
    """A row, what it says, and the digests that it is found again by."""

    row: CustomerRow

    @cached_property
    def email_digest(self) -> bytes | None:
        return digests.email_digest(self.row.email) if self.row.email else None

    @cached_property
    def number_digest(self) -> bytes:
        return external_digest(SYSTEM, self.row.external_id or self._described)

    @property
    def digests(self) -> set[bytes]:
        return {self.number_digest} | ({self.email_digest} if self.email_digest else set())

    @property
    def _described(self) -> str:
        """What stands for the customer number in a file that has none, so that the same row is known again."""
        row = self.row
        if row.email:
            return f"email|{digests.normal_email(row.email)}"
        return f"phone|{self.phone}" if self.phone else f"place|{row.name}|{places.typed(row.address)}"

    @property
    def phone(self) -> str:
        return self.row.phone or self.row.address.phone

    @cached_property
    def fields(self) -> Fields:
        """What the row says, without what it leaves empty."""
        row = self.row
        fields = {
            "email": row.email,
            "name": row.name,
            "phone": self.phone,
            "address": places.typed(row.address),
            "email_marketing": row.email_marketing,
            "sms_marketing": row.sms_marketing,
            "total_spent": "" if row.total_spent is None else str(row.total_spent),
            "total_orders": row.total_orders,
            "note": row.note,
            "tax_exempt": row.tax_exempt,
            "tags": list(row.tags),
            "as_typed": [list(pair) for pair in row.as_typed],
        }
        return {name: value for name, value in fields.items() if value not in (None, "", [], {})}

    def after(self, last: Mapping[str, Any]) -> Fields:
        """What the system says now that it said `last` before: an empty cell erases nothing, and a no stays a no."""
        return {**last, **self.fields, **self._each_no(last)}

    def beside(self, last: Mapping[str, Any]) -> Fields:
        """What the system says in one file that said `last` in an earlier row: gaps are filled, and a no stays a no."""
        return {**self.fields, **last, **self._each_no(last)}

    def _each_no(self, last: Mapping[str, Any]) -> Fields:
        return {name: False for name in MARKETING.values() if False in {last.get(name), self.fields.get(name)}}


def marketing(fields: Mapping[str, Any]) -> Said:
    """The yes and no among what was said."""
    return {channel: fields[name] for channel, name in MARKETING.items() if name in fields}


def column(name: str) -> str:
    """Where the file says it."""
    return CUSTOMERS.columns[COLUMNS.get(name, name)].names[0]
