"""Which payment processor the shop uses, if any."""

from __future__ import annotations

from flask_babel import gettext as _

from portal import settings
from portal.core.rules import Refused
from portal.payments import demo_processor
from portal.payments.processor import Processor, Unreachable


def processor() -> Processor | None:
    """The shop's processor; None where cards cannot be saved."""
    return demo_processor.running() if settings.current().processor == "demo" else None


def needed() -> Processor:
    """The processor, for a customer who waits. Refuses where there is none."""
    chosen = processor()
    if chosen is None:
        raise Refused(_("Cards cannot be saved here. You can pay by card when you order."))
    return chosen


def at_work() -> Processor:
    """The processor, for work that can wait. Raises Unreachable while none is configured."""
    chosen = processor()
    if chosen is None:
        raise Unreachable
    return chosen
