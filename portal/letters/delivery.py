"""Delivery: due letters leave one by one, each asked about its owner's wish right before it goes."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

import structlog
from flask import current_app
from flask_babel import force_locale

from portal import settings
from portal.contacts.contact import BounceState, Contact
from portal.contacts.may_send import may_send
from portal.core import clock, db, jobs, keyring
from portal.core.faults import whereabouts
from portal.letters import templates
from portal.letters.letter import Letter, State
from portal.letters.message import Envelope, OneClick, Refused, Shop, build
from portal.letters.transport import Bounced, Failed, Transport, TryLater

log = structlog.get_logger()


def shop() -> Shop:
    """The sender as letters name it."""
    own = settings.current()
    return Shop(name=own.shop_name, from_address=own.sender, mail_domain=own.mail_domain, postal_address=own.shop_postal_address)


def deliver_due() -> int:
    """Send up to ten due letters, urgent ones first; how many were taken up."""
    claimed = jobs.claim(Letter, State.WAITING)
    transport: Transport = current_app.extensions["transport"]
    for letter_id, fence in claimed:
        _deliver(transport, letter_id, fence)
    return len(claimed)


deliver_due.__queue__ = True  # type: ignore[attr-defined]


def _deliver(transport: Transport, letter_id: uuid.UUID, fence: int) -> None:
    settle = partial(_settle, letter_id, fence)
    try:
        envelope = _prepare(letter_id, fence)
        if envelope is None:
            return
        transport.send(envelope)
    except TryLater as answer:
        settle(_put_off, str(answer))
    except Bounced as answer:
        settle(_bounce, str(answer))
    except (Failed, Refused) as answer:
        log.error("letter_failed", letter=str(letter_id), error=type(answer).__name__)
        settle(Letter.mark_failed, str(answer))
    except Exception as error:  # noqa: BLE001 - one letter that cannot be written must not hold up the others
        log.error("letter_put_off", letter=str(letter_id), error=type(error).__name__, where=whereabouts(error))
        settle(_put_off, type(error).__name__)
    else:
        settle(_sent, "")


def _settle(letter_id: uuid.UUID, fence: int, outcome: Callable[[Letter, str], object], reply: str) -> None:
    """Note the outcome, unless another worker took the letter over meanwhile."""
    with db.transaction():
        letter = jobs.held(Letter, letter_id, fence)
        if letter is not None and letter.state == State.WAITING:
            outcome(letter, reply)


def _sent(letter: Letter, _reply: str) -> None:
    letter.mark_sent()


def _put_off(letter: Letter, reply: str) -> None:
    if not letter.put_off():
        letter.mark_failed(reply)


def _bounce(letter: Letter, reply: str) -> None:
    letter.mark_bounced(reply)
    owner = db.session().get(Contact, letter.contact_id) if letter.contact_id else None
    if owner is not None:
        owner.bounce_state = BounceState.UNDELIVERABLE


def _prepare(letter_id: uuid.UUID, fence: int) -> Envelope | None:
    """The finished mail, or None when it must not leave: the wish is asked here, a moment before it would go."""
    with db.transaction():
        letter: Letter | None = jobs.held(Letter, letter_id, fence)
        if letter is None or letter.state != State.WAITING:
            return None
        letter.leased_until = clock.now() + jobs.LEASE
        owner = db.session().get(Contact, letter.contact_id) if letter.contact_id else None
        address = owner.address if owner else letter.to
        is_over = letter.expires_at is not None and letter.expires_at < clock.now()
        if is_over or not address or keyring.dek_of(letter.person_id, letter.key_kind_name) is None:
            letter.cancel()
            return None
        if owner and not may_send(owner, letter.topic).allowed:
            letter.skip()
            return None
        return _build(letter, address, owner)


def _build(letter: Letter, address: str, owner: Contact | None) -> Envelope:
    own = settings.current()
    one_click = None
    stop_url = f"{own.base_url}/stop-email"
    values = {**letter.values, "shop": own_words(), "base_url": own.base_url, "stop_url": stop_url, "unsubscribe_url": None}
    if letter.topic and owner:
        url = owner.unsubscribe_url(letter.topic)
        values["unsubscribe_url"] = url
        one_click = OneClick(url=url, mailto=None, list_id=f"{letter.topic}.{own.mail_domain}")
    with force_locale(letter.language):
        rendered = templates.render(current_app.jinja_env, letter.template, letter.language, values)
    return build(
        letter_id=letter.id, to=address, subject=rendered.subject, text=rendered.text, html=rendered.html, language=letter.language,
        message_id=letter.message_id, sent_at=clock.now(), shop=shop(), one_click=one_click,
    )  # fmt: skip


def own_words() -> dict[str, str]:
    own = settings.current()
    reach = {"phone": own.shop_phone, "privacy_address": own.privacy_address, "postal_address": own.shop_postal_address}
    return {"name": own.shop_name, **reach}
