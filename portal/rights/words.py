"""Words: what each fact we hold is called, and how a person says what a computer abbreviates."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from portal.access.ticket import Purpose
from portal.contacts.choice import Answer
from portal.contacts.contact import BounceState
from portal.contacts.contact import Kind as AddressKind
from portal.contacts.topics import CHANNEL_TITLES, Channel
from portal.core.jobs import JobState
from portal.letters.letter import State as LetterState
from portal.orders.order import State as OrderState
from portal.payments.method import State as CardState
from portal.rights.erasure import State as ErasureState

LEFT_OUT = frozenset({"id", "subject", "about", "data", "message_id", "reply", "tries", "attempts", "currency"})
LABELS: Mapping[str, LazyString] = {
    "act": _l("What happened"),
    "actor": _l("Who"),
    "answer": _l("Answer"),
    "asked_by": _l("Asked by"),
    "at": _l("When"),
    "bounce_state": _l("Does mail arrive?"),
    "by": _l("Who"),
    "changed_at": _l("Last changed"),
    "channel": _l("How it comes"),
    "code_expires_at": _l("The code works until"),
    "country": _l("Country"),
    "details": _l("About"),
    "due_at": _l("Planned for"),
    "email_changed_at": _l("E-mail address changed"),
    "ended_at": _l("Ended"),
    "erased_at": _l("Deleted"),
    "expires_at": _l("Works until"),
    "frozen_at": _l("Locked since"),
    "is_billing_default": _l("For bills"),
    "is_delivery_default": _l("For parcels"),
    "keep_rule": _l("The law that keeps it"),
    "kept_until": _l("Kept until"),
    "kind": _l("Kind"),
    "language": _l("Language"),
    "last_active_at": _l("Last active"),
    "number": _l("Version"),
    "placed_at": _l("Ordered"),
    "proved_at": _l("You last proved that it is you"),
    "purpose": _l("What for"),
    "registered_at": _l("Account opened"),
    "removed_at": _l("Removed"),
    "seen_at": _l("Last used"),
    "sent_at": _l("Sent"),
    "set_at": _l("First set"),
    "state": _l("State"),
    "strong_at": _l("You last proved it by a mailed code"),
    "system": _l("Which system"),
    "template": _l("What it was about"),
    "topic": _l("List"),
    "total": _l("Total"),
    "until": _l("Paused until"),
    "used_at": _l("Used"),
    "verified_at": _l("Confirmed"),
    "via": _l("How it was said"),
}
STATES: Mapping[type[Enum], Mapping[Any, LazyString]] = {
    AddressKind: {AddressKind.EMAIL: _l("E-mail"), AddressKind.POST: _l("Post")},
    Answer: {Answer.YES: _l("Yes"), Answer.NO: _l("No")},
    BounceState: {
        BounceState.NONE: _l("Yes, as far as we know"),
        BounceState.UNDELIVERABLE: _l("No: it came back"),
        BounceState.COMPLAINED: _l("We stopped: a mail was marked as spam"),
    },
    CardState: {CardState.SAVED: _l("Saved"), CardState.BEING_REMOVED: _l("Being removed")},
    Channel: CHANNEL_TITLES,
    ErasureState: {
        ErasureState.WAITING: _l("Planned"),
        ErasureState.CANCELLED: _l("Called off"),
        ErasureState.CARRYING_OUT: _l("Under way"),
        ErasureState.DONE: _l("Done"),
    },
    JobState: {JobState.WAITING: _l("Waiting"), JobState.DONE: _l("Done"), JobState.DEAD: _l("It did not work: we look into it")},
    LetterState: {
        LetterState.WAITING: _l("Waiting to be sent"),
        LetterState.SENT: _l("Sent"),
        LetterState.BOUNCED: _l("Came back"),
        LetterState.FAILED: _l("Not sent: it could not be delivered"),
        LetterState.SKIPPED: _l("Not sent: you had said no"),
        LetterState.CANCELLED: _l("Not sent: it was no longer needed"),
    },
    OrderState: {
        OrderState.OPEN: _l("Under way"),
        OrderState.FULFILLED: _l("Delivered"),
        OrderState.CANCELLED: _l("Cancelled"),
        OrderState.REFUNDED: _l("Paid back"),
    },
    Purpose: {
        Purpose.SIGN_IN: _l("Signing in"),
        Purpose.PROVE: _l("Showing that it is you"),
        Purpose.VERIFY: _l("Confirming your e-mail address"),
        Purpose.RESET: _l("Setting a new password"),
        Purpose.CHANGE_EMAIL: _l("Changing your e-mail address"),
        Purpose.UNDO_EMAIL: _l("Taking back a new e-mail address"),
        Purpose.UNDO_DELETION: _l("Keeping your account"),
        Purpose.NOT_ME: _l("Locking your account when it wasn't you"),
    },
}
SYSTEMS: Mapping[str, str | LazyString] = {
    "portal": _l("this site"),
    "command line": _l("the shop"),
    "processor": _l("the payment processor"),
    "shopify": "Shopify",
}


def system(name: str) -> str:
    """A system as people call it."""
    return str(SYSTEMS.get(name, name))


def plain(name: str) -> str:
    """An internal name without its underscores."""
    return name.replace("_", " ").replace("-", " ").capitalize()
