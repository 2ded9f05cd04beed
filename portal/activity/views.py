"""Pages of Activity: what was done with a person's data, and every letter they were sent."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext as _

from portal.access.door import key_of, subject
from portal.access.page import CUSTOMER, VIEW, page
from portal.activity import letters, trail, undo
from portal.activity.paging import Place, Turn
from portal.activity.trail import Act
from portal.contacts import contact
from portal.core import csv_cells

bp = Blueprint("activity", __name__)


@bp.get("/me/activity")
@page(CUSTOMER, staff=VIEW)
def index() -> Any:
    turned = trail.page_of(subject().id, _place())
    undos = _undos(turned.rows)
    lines = [{"at": act.at, "text": act.text, "detail": act.detail, "action": undos.get(act.id)} for act in turned.rows]
    return render_template("activity/index.html", acts=lines, pager=_pager(turned))


def _undos(acts: Sequence[Act]) -> dict[uuid.UUID, dict[str, str]]:
    """The form that takes an act back, for each act that can be taken back."""
    urls = {choice: url_for("preferences.undo_own", choice=[choice]) for choice in undo.choices(acts)}
    urls |= {act: url_for("addresses.restore", address_id=row) for act, row in undo.addresses(subject().id, acts).items()}
    return {act.id: {"url": urls[act.id], "label": _("Undo"), "about": act.text} for act in acts if act.id in urls}


@bp.get("/me/activity.csv")
@page(CUSTOMER)
def download() -> Any:
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["at", "act", "what", "by"])
    for act in trail.all_of(subject().id):
        table.writerow([act.at.isoformat(timespec="seconds"), *(csv_cells.escape(cell) for cell in (act.name, act.text, act.detail))])
    return Response(out.getvalue(), mimetype="text/csv", headers={"Content-Disposition": "attachment; filename=activity.csv"})


@bp.get("/me/mail")
@page(CUSTOMER, staff=VIEW)
def mail() -> Any:
    turned = letters.page_of(subject().id, _place())
    lines = [letters.line(row) for row in turned.rows]
    return render_template("activity/mail.html", letters=lines, pager=_pager(turned), address=contact.email_of(subject().id))


def _place() -> Place:
    return Place(_key("before"), _key("after"))


def _key(name: str) -> uuid.UUID | None:
    text = request.args.get(name)
    return key_of(text) if text else None


def _pager(turned: Turn) -> dict[str, Any]:
    """What the pager macro reads."""
    newer = url_for(request.endpoint or "", after=turned.newer) if turned.newer else None
    older = url_for(request.endpoint or "", before=turned.older) if turned.older else None
    return {"count": turned.count, "previous_url": newer, "next_url": older}
