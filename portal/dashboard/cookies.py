"""Cookies: which ones the portal sets, read from what the running portal does."""

from __future__ import annotations

from typing import NamedTuple

from flask import current_app
from flask_babel import gettext as _

from portal.access import session


class Cookie(NamedTuple):
    """One cookie: its name, what it is for, how long it lives, and how it is guarded."""

    name: str
    purpose: str
    life: str
    guards: str


def register() -> list[Cookie]:
    """Every cookie there is. A crawl of all pages meets these and no others."""
    return [Cookie(current_app.config["SESSION_COOKIE_NAME"], _purpose(), _life(), _guards())]


def _purpose() -> str:
    return _("Keeps you signed in, and keeps your forms safe from other sites. It is set from the sign-in page on.")


def _life() -> str:
    hours, minutes = session.LONGEST.seconds // 3600, session.IDLE.seconds // 60
    return _(
        "Until you close the browser or sign out. It stops working after %(minutes)d minutes without use, or %(hours)d hours in all.",
        minutes=minutes,
        hours=hours,
    )


def _guards() -> str:
    own = current_app.config
    secure = ["Secure"] if own["SESSION_COOKIE_SECURE"] else []
    return ", ".join(["HttpOnly", f"SameSite={own['SESSION_COOKIE_SAMESITE']}", *secure])
