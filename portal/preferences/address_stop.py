"""Stopping mail to an address without an account: a no at once, known or unknown, and a job that remembers whose address it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from portal.contacts import choice, contact
from portal.contacts.contact import Contact, Kind
from portal.contacts.topics import ALL, Channel, title_of
from portal.core import clock, db, digests, jobs, keyring, web
from portal.core.jobs import Job, job
from portal.letters import letter
from portal.letters.letter import Letter
from portal.preferences.unsubscribe import STOP_EMAIL

STOP_POST = "stop_post"
QUIET = {"email_stopped": timedelta(hours=24), "post_stopped": timedelta(hours=24), "unsubscribe_link": timedelta(hours=1)}
"""How long an address that we wrote to is not written to again about the same, whoever fills in the form."""
ZIP_PLUS_FOUR = re.compile(r"(\d{5})-\d{4}")


def stop_email(address: str, topics: Sequence[str] = ()) -> None:
    """No more e-mail to this address, from now on, about these topics or about any. The same work for every address."""
    digest = digests.email_digest(address)
    stopped = [choice.say_no(digest, topic, Channel.EMAIL, via=STOP_EMAIL) for topic in topics or (ALL,)]
    _queue("remember_email_stop", {"address": address, "topics": list(topics or (ALL,)), "ids": [str(said) for said in stopped if said]})


def mail_link(address: str) -> None:
    """Mail the link to choose lists, if the shop knows the address. The same work for every address."""
    _queue("mail_unsubscribe_link", {"address": address})


def stop_post(name: str, street: str, postal_code: str) -> None:
    """No more advertising by post to this address, whether or not anybody there is known."""
    digest = postal_digest(name, street, postal_code)
    changed = choice.say_no(digest, ALL, Channel.POST, via=STOP_POST) is not None
    _queue("remember_post_stop", {"digest": digest.hex(), "address": f"{name}\n{street}\n{postal_code}", "changed": changed})


def postal_digest(name: str, street: str, postal_code: str) -> bytes:
    """What a postal address is looked up by: last name, house number and postal code, however they are spelled."""
    last = _plain(name).split()[-1:] or [""]
    number = re.search(r"\d+\s?[a-z]?\b", _plain(street))
    code = ZIP_PLUS_FOUR.sub(r"\1", postal_code.strip())
    parts = (last[0], number[0] if number else "", _plain(code))
    return digests.digest("post", "|".join("".join(filter(str.isalnum, part)) for part in parts))


def _plain(text: str) -> str:
    """Lower case without accents."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in letters if not unicodedata.combining(char))


def _queue(kind: str, payload: dict[str, object]) -> None:
    jobs.queue(kind, person_id=keyring.mint(keyring.TRANSIENT), payload=payload, key_kind=keyring.TRANSIENT)


def _forget(errand: Job) -> None:
    if errand.person_id is not None:
        keyring.destroy(errand.person_id, keyring.TRANSIENT)


@job("remember_email_stop")
def remember_email_stop(errand: Job) -> None:
    """An unknown address becomes a contact with a person of its own; a known owner is told, with a way to take it back."""
    said = errand.payload
    known = _held(digests.email_digest(said["address"]))
    if known is None:
        contact.add(keyring.mint(), said["address"])
    elif said["ids"] and not _told_lately(known, "email_stopped"):
        undo_url = f"{known.unsubscribe_url(None)}/undo?{'&'.join(f'choice={one}' for one in said['ids'])}"
        letter.post("email_stopped", known, {"topics": [title_of(topic) for topic in said["topics"]], "undo_url": undo_url})
    _forget(errand)


@job("mail_unsubscribe_link")
def mail_unsubscribe_link(errand: Job) -> None:
    known = _held(digests.email_digest(errand.payload["address"]))
    if known is not None and not _told_lately(known, "unsubscribe_link"):
        letter.post("unsubscribe_link", known, {"url": f"{known.unsubscribe_url(None)}/choices"})
    _forget(errand)


@job("remember_post_stop")
def remember_post_stop(errand: Job) -> None:
    """An unknown postal address becomes a contact with a person of its own; a known customer is told by e-mail."""
    said = errand.payload
    digest = bytes.fromhex(said["digest"])
    known = _held(digest)
    if known is None:
        db.session().add(Contact(person_id=keyring.mint(), kind=Kind.POST, digest=digest, address=said["address"]))
    elif said["changed"] and (owner := contact.email_of(known.person_id)) and not _told_lately(owner, "post_stopped"):
        letter.post("post_stopped", owner, {"url": web.link("preferences.notifications")})
    _forget(errand)


def _held(digest: bytes) -> Contact | None:
    """The contact, held so that two jobs never write to it about the same."""
    return db.session().scalars(select(Contact).where(Contact.digest == digest).with_for_update()).first()


def _told_lately(of: Contact, template: str) -> bool:
    since = clock.now() - QUIET[template]
    letters = select(Letter.id).where(Letter.person_id == of.person_id, Letter.template == template, Letter.created_at > since)
    return db.session().scalar(letters.limit(1)) is not None
