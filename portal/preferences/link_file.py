"""Unsubscribe links for a mail service: who may be written to about a topic, each with the link for the mail's foot and for its header."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import select

from portal.contacts import choice
from portal.contacts.contact import Contact, Kind
from portal.contacts.may_send import judge
from portal.contacts.topics import Channel
from portal.core import csv_cells, db, keyring
from portal.core.keyring import Dek

BATCH = 500


class Row(NamedTuple):
    """One line of the file; its fields name the columns."""

    email: str
    unsubscribe_url: str
    list_unsubscribe: str

    @property
    def is_safe(self) -> bool:
        """False for an address that a spreadsheet would run as a formula (CWE-1236): no machine could use it changed, so it is left out."""
        return csv_cells.FORMULA.match(self.email) is None


def rows(topic: str) -> Iterator[Row]:
    """Everybody who may be written to now, in an order that stays. One short look into the store for every 500 of them."""
    last: uuid.UUID | None = None
    while True:
        with db.reading():
            batch = _batch(last)
            said = choice.standings([contact.digest for contact in batch])
            found = [_row(contact, topic) for contact in batch if judge(contact, topic, Channel.EMAIL, said[contact.digest]).allowed]
        yield from found
        if len(batch) < BATCH:
            return
        last = batch[-1].id


def _batch(after: uuid.UUID | None) -> Sequence[Contact]:
    """The next contacts with their keys; somebody whose key is gone is nobody to write to."""
    with_key = select(Contact, Dek).join(Dek, (Dek.owner == Contact.person_id) & (Dek.kind == keyring.PROFILE))
    later = (Contact.id > after,) if after else ()
    found = db.session().execute(with_key.where(Contact.kind == Kind.EMAIL, *later).order_by(Contact.id).limit(BATCH)).all()
    for contact, dek in found:
        keyring.learn(contact.person_id, keyring.PROFILE, dek.wrapped, dek.kek)
    return [contact for contact, _dek in found]


def _row(contact: Contact, topic: str) -> Row:
    url = contact.unsubscribe_url(topic)
    return Row(contact.address, url, f"<{url}>")
