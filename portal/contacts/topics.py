"""Topics: what people may be written to about, and the words they say yes to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l


class Channel(StrEnum):
    """Ways of writing to a person."""

    EMAIL = "email"
    POST = "post"
    SMS = "sms"


CHANNEL_TITLES = {Channel.EMAIL: _l("E-mail"), Channel.POST: _l("Post"), Channel.SMS: _l("Text message")}
ALL = "all"
ALL_CODE = "0"


@dataclass(frozen=True)
class Topic:
    """A kind of marketing. `code` stands in links, `wording` is what a yes says yes to."""

    slug: str
    code: str
    title: LazyString
    wording: LazyString
    channels: tuple[Channel, ...]

    @property
    def wording_sha(self) -> str:
        """SHA-256 of the wording in the reader's language, kept with every yes."""
        return hashlib.sha256(str(self.wording).encode()).hexdigest()


EVERYWHERE = (Channel.EMAIL, Channel.POST, Channel.SMS)
TOPICS = (
    Topic("newsletter", "n", _l("Newsletter"), _l("Send me the newsletter with stories and tips about music."), EVERYWHERE),
    Topic("offers", "o", _l("Special offers"), _l("Tell me about sales and special offers."), EVERYWHERE),
    Topic("new-products", "p", _l("New products"), _l("Tell me when new instruments and gear arrive."), EVERYWHERE),
    Topic("clinics", "c", _l("Clinics and events"), _l("Invite me to clinics, workshops and events."), EVERYWHERE),
    Topic(
        "partner-offers",
        "v",
        _l("Partner offers"),
        _l("Send me offers of makers and partners. The shop sends them; partners never get my address."),
        (Channel.EMAIL, Channel.POST),
    ),
)
BY_SLUG = {topic.slug: topic for topic in TOPICS}
BY_CODE = {topic.code: topic for topic in TOPICS}


def slug_of(code: str) -> str | None:
    """The topic a link's code stands for, `all` for every marketing topic, None for a code we never gave out."""
    if code == ALL_CODE:
        return ALL
    return BY_CODE[code].slug if code in BY_CODE else None


def title_of(slug: str) -> str:
    return str(_l("All marketing")) if slug == ALL else str(BY_SLUG[slug].title)
