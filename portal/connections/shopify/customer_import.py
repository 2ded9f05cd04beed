"""Shopify's customers become ours: new people are brought in, and those whose row says something new are brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import and_, select

from portal import settings
from portal.connections import answers
from portal.connections.batches import Tally, batches, written
from portal.connections.newcomers import Known, Newcomer, Source, bring_in
from portal.connections.report import Report
from portal.connections.shopify.customer_update import hear, update
from portal.connections.shopify.customers import CustomerRow, read_customers
from portal.connections.shopify.sayings import SYSTEM, Saying, marketing
from portal.contacts import choice
from portal.contacts.contact import Contact
from portal.core import boxes, db, keyring
from portal.core.keyring import Dek
from portal.customers.customer import ExternalId


def import_customers(path: Path, report: Report, advance: Callable[[], None]) -> None:
    """Take every person of the file, each row counted as imported or updated; `advance` is called after each batch that is kept.

    Raises FileRefused, before anything is written: an empty, cut off or foreign file.
    """
    people, source = read_customers(path, settings.current().zone, report), Source.of(path)
    for batch in batches(people, lambda _row: 1):
        written(partial(_write, source), batch).count_in(report)
        advance()


def _write(source: Source, rows: list[CustomerRow]) -> Tally:
    """The first row about somebody brings them in; whoever is known, here or from a row above, is brought up to date in order."""
    tally = Tally()
    new: list[Saying] = []
    again: list[Saying] = []
    sayings = [Saying(row) for row in rows]
    known = _known(sayings)
    for saying in sayings:
        (again if saying.digests & known else new).append(saying)
        known |= saying.digests
    _bring_in(source, new, tally)
    unchanged = _unchanged(again)
    for saying in again:
        if saying.row.place not in unchanged:
            update(source, saying, tally)
    tally.imported, tally.updated = len(new), len(again)
    return tally


def _known(sayings: Sequence[Saying]) -> set[bytes]:
    """The digests that somebody here already has."""
    session = db.session()
    emails = select(Contact.digest).where(Contact.digest.in_([saying.email_digest for saying in sayings if saying.email_digest]))
    numbers = select(ExternalId.digest).where(ExternalId.digest.in_([saying.number_digest for saying in sayings]))
    return {*session.scalars(emails), *session.scalars(numbers)}


def _bring_in(source: Source, new: Sequence[Saying], tally: Tally) -> None:
    bring_in([_newcomer(source, saying) for saying in new])
    standings = choice.standings([saying.email_digest for saying in new if saying.email_digest])
    first = []
    for saying in new:
        digest = saying.email_digest
        if digest and not standings[digest].answers:
            first.append((digest, marketing(saying.fields)))
            continue
        hear(saying, digest, marketing(saying.fields), (), tally)
    tally.erased_before += answers.erased_among(standings)
    answers.hear_first(first)


def _newcomer(source: Source, saying: Saying) -> Newcomer:
    row, said = saying.row, saying.fields
    where = said.get("address", {})
    return Newcomer(
        source, row.place, saying.email_digest, row.email, row.name, saying.phone, where.get("country", ""), row.note, row.tags, where,
        Known(SYSTEM, saying.number_digest, row.external_id, said),
    )  # fmt: skip


def _unchanged(again: Sequence[Saying]) -> set[object]:
    """The rows that say nothing but what they said last time, so that the same file twice changes nothing."""
    last = _last_said([saying.number_digest for saying in again])
    return {saying.row.place for saying in again if saying.after(found := last.get(saying.number_digest, {})) == found}


def _last_said(digests: Sequence[bytes]) -> dict[bytes, dict[str, object]]:
    """What each of these customer numbers came with before. One statement."""
    key = and_(Dek.owner == ExternalId.person_id, Dek.kind == keyring.PROFILE)
    columns = (ExternalId.digest, ExternalId.id, ExternalId.person_id, ExternalId.box, Dek.kek, Dek.wrapped)
    rows = db.session().execute(select(*columns).join(Dek, key).where(ExternalId.digest.in_(digests)))
    last = {}
    for digest, row_id, owner, box, kek, wrapped in rows:
        dek = keyring.ring().unwrap(wrapped, keyring.PROFILE, owner, kek)
        last[digest] = boxes.unseal(dek, ExternalId.__tablename__, row_id, owner, box or b"").get("said", {})
    return last
