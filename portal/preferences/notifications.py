"""E-mail Notifications: every list on every channel, as a signed-in customer sees and changes them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import func, select

from portal.access import notice
from portal.contacts import choice, contact, undo
from portal.contacts.choice import Answer, Choice, Standing
from portal.contacts.contact import Contact
from portal.contacts.topics import ALL, BY_SLUG, CHANNEL_TITLES, TOPICS, Channel, Topic
from portal.core import db, web
from portal.core.rules import NotFound

VIA, WITHDRAWN = "notifications", "withdrawn"
PAGE = 20


@dataclass(frozen=True)
class Cell:
    """One list on one channel: whether it comes, until when it rests, and the choice that says so."""

    topic: Topic
    channel: Channel
    is_on: bool
    paused_until: datetime | None
    said: Choice | None

    @property
    def key(self) -> str:
        return f"{self.topic.slug}:{self.channel}"


@dataclass(frozen=True)
class Overview:
    """A row for each topic, a cell for each channel; None where a topic never uses the channel."""

    channels: tuple[Channel, ...]
    rows: list[list[Cell | None]]


def overview(of: Contact) -> Overview:
    """What may be sent to this person now. Two statements, whatever was said."""
    standing, said = choice.standing(of.digest), choice.last_said(of.digest)

    def cell(topic: Topic, channel: Channel) -> Cell | None:
        if channel not in topic.channels:
            return None
        key = (topic.slug, channel)
        last = max((said[at] for at in (key, (ALL, channel)) if at in said), key=lambda one: one.id, default=None)
        return Cell(topic, channel, standing.wants(*key), standing.paused_until(*key), last)

    shown = _channels(standing)
    return Overview(shown, [[cell(topic, channel) for channel in shown] for topic in TOPICS])


def _channels(standing: Standing) -> tuple[Channel, ...]:
    """E-mail and post; text messages only where the person ever said yes to one."""
    has_sms = any(channel == Channel.SMS and said.is_yes for (_topic, channel), said in standing.answers.items())
    return (Channel.EMAIL, Channel.POST, Channel.SMS) if has_sms else (Channel.EMAIL, Channel.POST)


def change(of: Contact, shown: Collection[str], ticked: Collection[str]) -> list[uuid.UUID]:
    """Turn on and off what differs from what the page showed; what another window changed meanwhile stays. The ids of the choices made."""
    off = [choice.say_no(of.digest, *_parts(key), via=VIA) for key in shown if key not in ticked]
    on = [choice.say_yes(of.digest, *_parts(key), via=VIA) for key in ticked if key not in shown]
    return _told(of, [said for said in (*off, *on) if said is not None])


def _parts(key: str) -> tuple[str, Channel]:
    topic, _colon, channel = key.partition(":")
    return topic, Channel(channel)


def stop_everything(of: Contact) -> list[uuid.UUID]:
    """No advertising at all, on any channel, to any address of this person."""
    said = [one for address in contact.of(of.person_id) for one in choice.stop_all(address.digest, via=VIA)]
    return _told(of, said)


def pause(of: Contact, days: int) -> list[uuid.UUID]:
    """Let everything that is on rest for some days."""
    pairs = ((topic.slug, channel) for topic in TOPICS for channel in topic.channels)
    said = [choice.pause(of.digest, topic, channel, days=days, via=VIA) for topic, channel in pairs]
    return _told(of, [one for one in said if one is not None])


def withdraw(of: Contact, choice_id: uuid.UUID) -> list[uuid.UUID]:
    """Take a yes back, whenever it was given (GDPR Article 7(3)). Raises NotFound for a choice that is not theirs."""
    yes = db.session().get(Choice, choice_id)
    if yes is None or yes.digest not in _digests(of):
        raise NotFound(_("There is nothing here."))
    said = choice.say_no(yes.digest, yes.topic, yes.channel, via=WITHDRAWN)
    return _told(of, [said] if said else [])


def take_back(of: Contact, ids: Sequence[uuid.UUID]) -> bool:
    """Undo own choices of the last day. False when it is too late, or something newer was said."""
    chosen = [said for digest in _digests(of) for said in undo.open_to_undo(digest, ids)]
    _told(of, undo.take_back(chosen))
    return bool(chosen)


def _told(of: Contact, ids: list[uuid.UUID]) -> list[uuid.UUID]:
    """Write the person what is on and off now."""
    if ids:
        notice.tell(of.person_id, "notifications_changed", {"lines": list(_lines(of)), "url": web.link("preferences.notifications")})
    return ids


def _lines(of: Contact) -> Iterator[str]:
    standing = choice.standing(of.digest)
    for channel in _channels(standing):
        wanted = [str(topic.title) for topic in TOPICS if standing.wants(topic.slug, channel)]
        yield _("%(channel)s: %(topics)s", channel=CHANNEL_TITLES[channel], topics=", ".join(wanted) or _("nothing"))


def _digests(of: Contact) -> list[bytes]:
    return [address.digest for address in contact.of(of.person_id)]


@dataclass(frozen=True)
class History:
    """Some of what was said, newest first; `counting` are the choices whose yes still counts."""

    rows: Sequence[Choice]
    counting: Collection[uuid.UUID]
    count: int
    older: uuid.UUID | None


def history(of: Contact, before: uuid.UUID | None) -> History:
    """What this person said yes and no to, twenty at a time. Five statements, however long ago they began."""
    digests = _digests(of)
    found = choice.history(digests, PAGE + 1, before)
    count = db.session().scalar(select(func.count()).select_from(Choice).where(Choice.digest.in_(digests))) or 0
    last = [said for digest in digests for said in choice.last_said(digest).values()]
    counting = {said.id for said in last if said.answer == Answer.YES and said.topic in BY_SLUG}
    return History(found[:PAGE], counting, count, found[PAGE - 1].id if len(found) > PAGE else None)
