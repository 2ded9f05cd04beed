"""Letters as their readers know them: what each was about, and whether it arrived."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from portal.activity import paging
from portal.activity.paging import Place, Turn
from portal.contacts import topics
from portal.core import db
from portal.letters.letter import Letter, State

TITLES = {
    "account_locked": _l("Your account is locked"),
    "address_added": _l("An address was added"),
    "address_changed": _l("An address was changed"),
    "address_removed": _l("An address was removed"),
    "confirm_code": _l("A code to confirm that it is you"),
    "copy_downloaded": _l("Your data was downloaded"),
    "details_changed": _l("Your details were changed"),
    "email_changed_new": _l("This is your e-mail address now"),
    "email_changed_old": _l("Your e-mail address was changed"),
    "email_stopped": _l("News and offers by e-mail are stopped"),
    "erasure_cancelled": _l("Your account stays"),
    "erasure_done": _l("Your account is deleted"),
    "erasure_scheduled": _l("The day when your account will be deleted"),
    "erasure_soon": _l("Your account will be deleted in a few days"),
    "new_device": _l("A sign-in from a new device"),
    "newsletter": _l("Newsletter"),
    "notifications_changed": _l("What we may send you was changed"),
    "password_changed": _l("Your password was changed"),
    "payment_added": _l("A card was saved"),
    "payment_removed": _l("A card was removed"),
    "post_stopped": _l("News and offers by post are stopped"),
    "register_taken": _l("You already have an account"),
    "reset_password": _l("A link to set a new password"),
    "saved_removed": _l("All saved addresses and cards were removed"),
    "sign_in_code": _l("A code to sign in"),
    "signed_out_everywhere": _l("All other devices were signed out"),
    "unsubscribe_link": _l("A link to stop news and offers"),
    "verify_email": _l("A link to confirm your e-mail address"),
    "welcome": _l("Welcome"),
}
STATES: dict[State, tuple[LazyString, str]] = {
    State.WAITING: (_l("Waiting to be sent"), "info"),
    State.SENT: (_l("Sent"), "ok"),
    State.BOUNCED: (_l("Came back: your mailbox did not take it"), "bad"),
    State.FAILED: (_l("Not sent: it could not be delivered"), "bad"),
    State.SKIPPED: (_l("Not sent: you had said no"), "off"),
    State.CANCELLED: (_l("Not sent: it was no longer needed"), "off"),
}


def title(template: str, topic: str | None = None) -> str:
    """What a letter was about."""
    if template in TITLES:
        return str(TITLES[template])
    return topics.title_of(topic) if topic else _("A letter about “%(name)s”", name=template.replace("_", " "))


@dataclass(frozen=True)
class Line:
    """A letter in the list. `state` says in words whether it arrived, `kind` is that of the tag."""

    title: str
    at: datetime
    state: str
    kind: str


def line(row: Letter) -> Line:
    words, kind = STATES[row.state]
    return Line(title(row.template, row.topic), row.sent_at or row.created_at, str(words), kind)


def page_of(person_id: uuid.UUID, place: Place) -> Turn:
    """One page of all letters to a person, newest first. Two statements."""
    mine = Letter.person_id == person_id
    count = db.session().scalar(select(func.count()).select_from(Letter).where(mine)) or 0
    return paging.turn(select(Letter).where(mine), Letter.id, count, place)
