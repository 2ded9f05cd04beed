"""What a shop's file says about mail, and what of it counts here: the stricter wins, and no file ever turns a no into a yes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from portal.contacts import choice
from portal.contacts.choice import IMPORTED, UNPROVEN, Answer, Choice, Preference, Standing
from portal.contacts.topics import ALL, Channel
from portal.core import acting, clock, db
from portal.core.db import new_key

GENERAL = ("newsletter", "offers", "new-products", "clinics")
"""What a yes to a shop's marketing answers; partner offers need a yes of their own."""
ERASURE = "erasure"
Said = Mapping[Channel, bool]


def hear(digest: bytes, said: Said, before: Sequence[Said]) -> list[Channel]:
    """Take over what a row says. The channels whose yes was not taken: the person or an earlier row (`before`) said no.

    A no of a file means that nobody subscribed there, so it ends only a yes that came from a file.
    """
    standing = choice.standing(digest)
    refused = []
    for channel, is_yes in said.items():
        if not is_yes:
            _take_back(digest, channel)
        elif not _say_yes(digest, channel, standing, before):
            refused.append(channel)
    return refused


def _say_yes(digest: bytes, channel: Channel, standing: Standing, before: Sequence[Said]) -> bool:
    if any(said.get(channel) is False for said in before):
        return False
    free = [topic for topic in GENERAL if not standing.refuses(topic, channel)]
    for topic in free:
        choice.say_imported_yes(digest, topic, channel, at=None)
    return len(free) == len(GENERAL)


def _take_back(digest: bytes, channel: Channel) -> None:
    last = choice.last_said(digest)
    for topic in GENERAL:
        said = last.get((topic, channel))
        if said and said.answer == Answer.YES and said.via in {IMPORTED, UNPROVEN}:
            choice.say_no(digest, topic, channel, via=IMPORTED)


def hear_first(said: Iterable[tuple[bytes, Said]]) -> None:
    """The same for many addresses that nobody ever answered for, in two statements. A yes without the vendor's time is unproven."""
    scene, now = acting.scene(), clock.now()
    answers = [
        {"digest": digest, "topic": topic, "channel": channel, "answer": Answer.YES, "at": now}
        for digest, channels in said
        for channel, is_yes in channels.items()
        if is_yes
        for topic in GENERAL
    ]
    if not answers:
        return
    proof = {"source": scene.source, "wording_sha": "", "policy_version": scene.policy_version, "via": UNPROVEN, "by": str(scene.actor)}
    session = db.session()
    session.execute(Preference.__table__.insert(), [{"id": new_key(), **answer} for answer in answers])  # type: ignore[attr-defined]
    session.execute(Choice.__table__.insert(), [{"id": new_key(), **answer, **proof} for answer in answers])  # type: ignore[attr-defined]


def erased_among(standings: Mapping[bytes, Standing]) -> int:
    """How many of these addresses had an owner who was erased here."""
    return sum(_stems_from_erasure(digest) for digest, standing in standings.items() if standing.answers)


def _stems_from_erasure(digest: bytes) -> bool:
    """Was everything stopped because the owner of this address was erased?"""
    last = choice.last_said(digest)
    return any((said := last.get((ALL, channel))) is not None and said.via == ERASURE for channel in Channel)
