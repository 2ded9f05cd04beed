"""The page of the demo's payment processor. A real processor has it on its own site; here it stands in for that, and says so."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from portal import settings
from portal.access.door import found
from portal.access.page import VISITOR, page
from portal.payments import demo_processor
from portal.payments.demo_processor import SAMPLES

bp = Blueprint("demo_processor", __name__, url_prefix="/dev/processor")


@bp.get("/<reference>")
@page(VISITOR)
def visit(reference: str) -> Any:
    back = found(_return_url(reference))
    card = demo_processor.running().complete(reference)
    return render_template("payments/demo_processor.html", reference=reference, card=card, back_url=back, samples=SAMPLES)


@bp.post("/<reference>")
@page(VISITOR)
def pick(reference: str) -> Any:
    found(_return_url(reference))
    sample = found(request.form.get("card") if request.form.get("card") in SAMPLES else None)
    demo_processor.running().pick(reference, sample)
    return redirect(url_for(".visit", reference=reference), 303)


def _return_url(reference: str) -> str | None:
    """Outside the demo there is no such page."""
    return demo_processor.running().return_url(reference) if settings.current().demo else None
