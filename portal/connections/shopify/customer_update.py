"""A customer we know stands in the file again: gaps are filled, the shop's news is taken, and what the customer set here stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import gettext as _
from sqlalchemy import select

from portal.addresses import address
from portal.connections import answers
from portal.connections.answers import Said
from portal.connections.batches import Tally
from portal.connections.newcomers import Source, country_column, phone_digest
from portal.connections.shopify.sayings import MARKETING, SYSTEM, Fields, Saying, column, marketing
from portal.contacts import contact
from portal.contacts.contact import Contact
from portal.core import audit, db
from portal.customers import customer
from portal.customers.customer import Customer, ExternalId

UPDATED = "import_updated"
DETAILS = ("name", "phone", "note", "tags")
PLACE = ("company", "line1", "line2", "city", "region", "postal_code")


def update(source: Source, saying: Saying, tally: Tally) -> None:
    """Take what is new. The first row of a file under a known customer number refreshes what was never edited here.

    Any other row only fills gaps. What is here is compared with what the same number said last time: where the two differ,
    somebody edited it here.
    """
    person, known = _found(saying)
    own = known if known and known.person_id == person.id else None
    is_new = _take(source, person, own, saying, tally)
    if known is own:
        is_new = _remember(source, person, own, saying) or is_new
    else:
        _leave(saying, "external_id", _("this number belongs to somebody else here; it stays theirs"), tally)
    if is_new:
        audit.record(UPDATED, person.id, details=source.origin(saying.row.place), system=SYSTEM)


def _take(source: Source, person: Customer, known: ExternalId | None, saying: Saying, tally: Tally) -> bool:
    last = known.said if known else {}
    above = last if known and known.file == source.mark else {}
    before = [marketing(row.said) for row in _numbers_of(person)]
    is_refreshed = _refresh(person, saying, last, above, tally)
    is_longer = _add_address(person, saying, last)
    _hear_news(saying, _email_of(person, saying, tally), last, before, tally)
    return is_refreshed or is_longer


def hear(saying: Saying, digest: bytes | None, said: Said, before: Sequence[Said], tally: Tally) -> None:
    """Take what the row says about mail to this address, and note each yes that was not taken."""
    if digest is None:
        refused = [channel for channel, is_yes in said.items() if is_yes]
        detail = _("a yes that was not taken: it belongs to no e-mail address")
    else:
        refused = answers.hear(digest, said, before)
        detail = _("a yes that was not taken: the person, or an earlier row or file, said no")
    for channel in refused:
        _leave(saying, MARKETING[channel], detail, tally)


def _found(saying: Saying) -> tuple[Customer, ExternalId | None]:
    """Whose row it is: the owner of the e-mail address, else of the customer number; and what we know under that number."""
    known = db.session().scalars(select(ExternalId).where(ExternalId.digest == saying.number_digest)).first()
    person = customer.find_by_email(saying.row.email) if saying.row.email else None
    if person is None and known:
        person = customer.get(known.person_id)
    if person is None:
        raise LookupError("an address or a number that leads to nobody")
    return person, known


def _numbers_of(person: Customer) -> Sequence[ExternalId]:
    return db.session().scalars(select(ExternalId).where(ExternalId.person_id == person.id, ExternalId.system == SYSTEM)).all()


def _refresh(person: Customer, saying: Saying, last: Fields, above: Fields, tally: Tally) -> bool:
    """Take what differs from the last time, unless it was edited here or stands in a row above."""
    news = {name: saying.fields[name] for name in DETAILS if name in saying.fields and saying.fields[name] != last.get(name)}
    taken = {name: new for name, new in news.items() if name not in above and (getattr(person, name) or None) == last.get(name)}
    for name, new in taken.items():
        setattr(person, name, new)
    if "phone" in taken:
        person.phone_digest = phone_digest(person.phone, saying.fields.get("address", {}).get("country", ""))
    for name, new in news.items():
        if getattr(person, name) != new:
            _leave(saying, name, _("differs from what is known here; not taken"), tally)
    return bool(taken)


def _add_address(person: Customer, saying: Saying, last: Fields) -> bool:
    new = saying.fields.get("address")
    if not new or new == last.get("address") or any(_place(own.typed) == _place(new) for own in address.of(person.id)):
        return False
    address.add(person.id, country_column(new), new)
    return True


def _place(typed: Mapping[str, str]) -> tuple[str, ...]:
    return (country_column(typed), *(typed.get(part, "").casefold() for part in PLACE))


def _remember(source: Source, person: Customer, known: ExternalId | None, saying: Saying) -> bool:
    """Keep what this number says now, to compare the next file with."""
    if known is None:
        row = ExternalId(person_id=person.id, system=SYSTEM, digest=saying.number_digest, number=saying.row.external_id)
        row.said, row.file = saying.fields, source.mark
        db.session().add(row)
        return True
    now = saying.beside(known.said) if known.file == source.mark else saying.after(known.said)
    if now == known.said:
        return False
    known.said, known.file = now, source.mark
    return True


def _email_of(person: Customer, saying: Saying, tally: Tally) -> Contact | None:
    """The person's e-mail address; the row's if they had none. A file never changes the address that somebody signs in with."""
    own = contact.email_of(person.id)
    if own is None and saying.email_digest:
        return contact.add(person.id, saying.row.email)
    if own and saying.email_digest not in {None, own.digest}:
        _leave(saying, "email", _("another e-mail address is known here; not taken"), tally)
    return own


def _hear_news(saying: Saying, own: Contact | None, last: Fields, before: Sequence[Said], tally: Tally) -> None:
    """Answers that differ from the last ones; under another address than the person's, only each no."""
    said, old = marketing(saying.fields), marketing(last)
    is_own = own is not None and own.digest == saying.email_digest
    news = {channel: is_yes for channel, is_yes in said.items() if old.get(channel) != is_yes and (is_own or not is_yes)}
    hear(saying, own.digest if own else None, news, before, tally)


def _leave(saying: Saying, name: str, detail: str, tally: Tally) -> None:
    tally.leave(saying.row.place, column(name), detail)
