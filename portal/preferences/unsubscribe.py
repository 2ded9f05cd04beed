"""Unsubscribe links: whoever holds one can stop mail and take that back for a day, and can do nothing else."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from itsdangerous import BadSignature

from portal import settings
from portal.contacts import choice, contact, undo
from portal.contacts.choice import Answer, Choice
from portal.contacts.contact import Contact
from portal.contacts.topics import ALL, BY_SLUG, TOPICS, Channel, slug_of
from portal.core import clock, keyring, tokens

ONE_CLICK, FORM, BARE_POST, CHOICES, STOP_EMAIL = "one_click", "form", "bare_post", "link_choices", "stop_email"
WITHOUT_SIGN_IN = {ONE_CLICK, FORM, BARE_POST, CHOICES, STOP_EMAIL}
PAUSES = (30, 60, 90)
"""Days."""
STUCK_TO_IT = re.compile(r"(?:[>).,;'\"/\s]|%3[Ee])+$")
LONGEST = 200
"""Characters that are looked at: whoever sends more of them gains no time of ours."""


@dataclass(frozen=True)
class Link:
    """What a link stands for. A list that is no more reads as all marketing."""

    token: str
    uid: bytes
    topic: str


def read(text: str) -> Link | None:
    """The link of this text, even if signs of the sentence around it stuck to its end; None if we never gave it out. No row is read."""
    token = STUCK_TO_IT.sub("", text[:LONGEST])
    try:
        uid, code = tokens.read(settings.current().unsubscribe_keys, token)
    except BadSignature:
        return None
    return Link(token, uid, slug_of(code) or ALL)


def owner(link: Link) -> Contact | None:
    """Whose link it is, or None for somebody who was forgotten. One statement."""
    return contact.by_uid(link.uid)


def readable_owner(link: Link) -> Contact | None:
    """The same for a page that shows the masked address."""
    known = owner(link)
    return known if known is not None and keyring.dek_of(known.person_id, keyring.PROFILE) is not None else None


def stop(of: Contact, topic: str, *, via: str) -> list[uuid.UUID]:
    """No more e-mail about this; the ids of the choices that changed something. Two statements at most (RFC 8058)."""
    said = choice.say_no(of.digest, topic, Channel.EMAIL, via=via)
    return [said] if said else []


def stop_these(of: Contact, topics: Sequence[str]) -> list[uuid.UUID]:
    """No more e-mail about each of these, or nothing at all on any channel if everything is among them."""
    if ALL in topics:
        return choice.stop_all(of.digest, via=CHOICES)
    return [said for topic in topics if topic in BY_SLUG for said in stop(of, topic, via=CHOICES)]


def pause(of: Contact, days: int) -> tuple[datetime, list[uuid.UUID]]:
    """A no that ends by itself, for every list that is on; when it ends, and the ids of its choices."""
    said = (choice.pause(of.digest, topic.slug, Channel.EMAIL, days=days, via=CHOICES) for topic in TOPICS)
    return clock.now() + timedelta(days=days), [one for one in said if one is not None]


def open_to_undo(of: Contact, ids: Sequence[uuid.UUID]) -> list[Choice]:
    """Of these choices, those that were made without signing in, can still be taken back, and only stopped something."""
    return [said for said in undo.open_to_undo(of.digest, ids) if said.answer == Answer.NO and said.via in WITHOUT_SIGN_IN]


def take_back(of: Contact, ids: Sequence[uuid.UUID]) -> list[Choice]:
    """Let these lists come again as they did before. Harmless to repeat; what was decided elsewhere since then stays."""
    chosen = open_to_undo(of, ids)
    undo.take_back(chosen)
    return chosen
