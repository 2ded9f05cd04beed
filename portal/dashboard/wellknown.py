"""What machines ask at well-known places: where to report a weakness, whether data is sold, whether the portal is up."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.exc import SQLAlchemyError

from portal import settings
from portal.core import clock, db, web

REPORTS_ASKED_FOR = timedelta(days=180)
NOT_SOLD_SINCE = date(2026, 11, 25)


def security_txt() -> str:
    """Where to report a weakness (RFC 9116, section 2.5). It is made anew for every reader, so it never expires unseen."""
    own = settings.current()
    expires = (clock.now() + REPORTS_ASKED_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = {
        "Contact": f"mailto:{own.privacy_address}",
        "Expires": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Preferred-Languages": ", ".join(own.languages),
        "Canonical": web.link("dashboard.security_txt"),
        "Policy": web.link("dashboard.security"),
    }
    return "".join(f"{name}: {value}\n" for name, value in lines.items())


def gpc() -> dict[str, str | bool]:
    """Do browsers that ask not to sell or share get what they ask for? Nothing is ever sold (Global Privacy Control, section 4)."""
    return {"gpc": True, "lastUpdate": NOT_SOLD_SINCE.isoformat()}


def is_well() -> bool:
    """Does the store answer? Nothing more is told to strangers."""
    try:
        return db.is_there()
    except SQLAlchemyError:
        return False
