"""The one door of all mail: may this address be written to about this topic?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portal.contacts.choice import Standing, standing
from portal.contacts.contact import BounceState, Contact
from portal.contacts.topics import Channel


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
    if topic is None:
        return Verdict(Reason.UNDELIVERABLE) if contact.bounce_state == BounceState.UNDELIVERABLE else Verdict()
    return judge(contact, topic, channel, standing(contact.digest))


def judge(contact: Contact, topic: str, channel: Channel, said: Standing) -> Verdict:
    """The same answer about marketing where what the person said was read before, as for many addresses at once."""
    if contact.bounce_state == BounceState.UNDELIVERABLE:
        return Verdict(Reason.UNDELIVERABLE)
    if contact.bounce_state == BounceState.COMPLAINED:
        return Verdict(Reason.COMPLAINED)
    if said.wants(topic, channel):
        return Verdict()
    return Verdict(Reason.SUPPRESSED if said.refuses(topic, channel) else Reason.NO_CONSENT)
