"""The one door of all mail: may this address be written to about this topic?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portal.contacts.choice import standing
from portal.contacts.contact import BounceState, Contact
from portal.contacts.topics import ALL, Channel


class Reason(StrEnum):
    """Why not."""

    UNDELIVERABLE = "undeliverable"
    COMPLAINED = "complained"
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"


@dataclass(frozen=True)
class Verdict:
    """The answer, with its reason when it is no."""

    reason: Reason | None = None

    @property
    def allowed(self) -> bool:
        return self.reason is None


def may_send(contact: Contact, topic: str | None, channel: Channel = Channel.EMAIL) -> Verdict:
    """Service letters (`topic` None) obey only a dead mailbox; marketing needs a yes that still counts."""
    if contact.bounce_state == BounceState.UNDELIVERABLE:
        return Verdict(Reason.UNDELIVERABLE)
    if topic is None:
        return Verdict()
    if contact.bounce_state == BounceState.COMPLAINED:
        return Verdict(Reason.COMPLAINED)
    said = standing(contact.digest)
    if said.wants(topic, channel):
        return Verdict()
    has_no = any(key in said.answers and not said.answers[key].is_yes for key in ((topic, channel), (ALL, channel)))
    return Verdict(Reason.SUPPRESSED if has_no else Reason.NO_CONSENT)
