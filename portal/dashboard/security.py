"""Measures in force, read from the running settings, the key ring and the code: no claim without evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from portal import settings
from portal.access import session
from portal.accounts import account
from portal.core import db, holdings, web
from portal.core.db import Base
from portal.core.keyring import Kek, KekState


@dataclass(frozen=True)
class Measure:
    """What is done, in a title and sentences."""

    title: str
    sentences: list[str]


def measures() -> list[Measure]:
    """All measures that are in force now. One statement."""
    return [
        Measure(_("On the way to you"), _on_the_way()),
        Measure(_("In our store"), _at_rest()),
        Measure(_("Keys"), _keys()),
        Measure(_("Passwords"), _passwords()),
        Measure(_("Staying signed in"), _sessions()),
        Measure(_("Against guessing"), _limits()),
        Measure(_("What was done"), _trail()),
        Measure(_("Card numbers"), _cards()),
    ]


def _on_the_way() -> list[str]:
    if settings.current().base_url.startswith("https"):
        days = web.YEAR // 86400
        return [_("Every page travels over HTTPS only. Your browser is told to insist on it for %(days)d days.", days=days)]
    return [
        _("This portal runs on one computer for trying it out, so pages travel without HTTPS."),
        _("Anywhere else it does not start without it."),
    ]


def _at_rest() -> list[str]:
    fields = sum(len(getattr(held.model, "__sealed_fields__", {})) for held in holdings.holdings(Base))
    return [
        _("Each person has a key of their own. It seals their fields with AES-256-GCM."),
        ngettext("%(num)d kind of field is sealed today.", "%(num)d kinds of fields are sealed today.", fields),
        _("We find you by keyed digests (HMAC-SHA-256) of your e-mail address and phone, not by reading them."),
        _("No network address of yours is kept."),
    ]


def _keys() -> list[str]:
    current = db.session().scalars(select(Kek).where(Kek.state == KekState.CURRENT)).one()
    day = web.long_date(current.made_at)
    return [
        _("The keys that open all others lie outside the store, so a stolen copy of the store opens nothing by itself."),
        _("Version %(number)d of these keys is in use since %(day)s.", number=current.kek_version, day=day),
        _("Within a day after someone was deleted, a new version comes and the old one is destroyed."),
        _("Then no old backup opens what was theirs."),
    ]


def _passwords() -> list[str]:
    how = account.hashing()
    memory = how.memory_cost // 1024
    return [
        _("Passwords are kept as hashes only: Argon2id, memory %(memory)d MiB, passes %(passes)d.", memory=memory, passes=how.time_cost),
        _("A password has at least %(number)d characters.", number=account.SHORTEST),
        _("One that stands in lists of stolen passwords is refused."),
        _("You need no password: a code by mail is enough to sign in. Big steps, such as deleting, ask for a code as well."),
    ]


def _sessions() -> list[str]:
    minutes, hours = session.IDLE.seconds // 60, session.LONGEST.seconds // 3600
    return [
        _("You are signed out after %(minutes)d minutes without use, and after %(hours)d hours in any case.", minutes=minutes, hours=hours),
        _("A sign-in from a new device is told to you by mail, with a link that locks the account."),
        _("Devices are forgotten after %(days)d days.", days=session.REMEMBERED.days),
    ]


def _limits() -> list[str]:
    if settings.current().rate_limits == "off":
        return [_("Limits on tries are switched off at the moment.")]
    return [_("After some wrong tries, signing in has to wait a while. Nobody can lock you out for good that way.")]


def _trail() -> list[str]:
    signed_at = _changed_at(settings.current().checkpoints)
    return [
        _("Each act on your data is recorded in a chain, and its end is signed. A changed past would show."),
        _("It was last signed on %(day)s.", day=web.long_date(signed_at)) if signed_at else _("Nothing has been signed yet."),
    ]


def _changed_at(file: Path) -> datetime | None:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC) if file.exists() else None


def _cards() -> list[str]:
    return [
        _("You type your card number on the page of the payment company only."),
        _("A card number typed into a text field here is refused and never kept."),
    ]
