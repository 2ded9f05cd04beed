"""Telling a customer what happened: every change is followed by a letter with a way to say "this wasn't me"."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import has_request_context
from flask_babel import format_datetime

from portal.access import ticket
from portal.access.session import device_label
from portal.access.ticket import Purpose
from portal.contacts import contact
from portal.core import clock, web
from portal.core.jobs import Priority
from portal.letters import letter


def tell(person_id: uuid.UUID, template: str, values: Mapping[str, Any] | None = None, *, priority: Priority = Priority.NORMAL) -> None:
    """Write the person a letter about a change: what, when, on which device, and the link that locks the account."""
    to = contact.email_of(person_id)
    if to is None:
        return
    letter.post(template, to, {**circumstances(), "not_me_url": not_me_url(person_id), **(values or {})}, priority=priority)


def circumstances() -> dict[str, str]:
    """When it happened, in the reader's time zone and with its name, and on which device."""
    return {"at": format_datetime(clock.now(), "long"), "device": device_label() if has_request_context() else ""}


def not_me_url(person_id: uuid.UUID) -> str:
    return web.link("entrance.not_me", token=ticket.issue(Purpose.NOT_ME, person_id))
