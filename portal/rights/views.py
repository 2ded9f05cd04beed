"""Pages of the rights: what we hold, the copy, and deletion."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, stream_with_context, url_for
from flask_babel import gettext as _

from portal.access import door
from portal.access.door import subject
from portal.access.page import CUSTOMER, LINK, VIEW, page
from portal.addresses import countries
from portal.core import acting, web
from portal.core.forms import PlainForm, PortalForm
from portal.orders import order as orders
from portal.orders import recipient
from portal.rights import erasure, export, plan, records, telling, words

bp = Blueprint("rights", __name__)
ROWS = 20


@bp.get("/me/data")
@page(CUSTOMER, staff=VIEW)
def data() -> Any:
    counted = records.counts(records.subject(subject().id))
    return render_template("rights/data.html", held=records.all_held(), counted=counted, system=words.system)


@bp.get("/me/data/<name>")
@page(CUSTOMER, staff=VIEW)
def holding(name: str) -> Any:
    held = door.found(records.named(name))
    before = request.args.get("before")
    rows = records.newest(held, records.subject(subject().id), ROWS + 1, before=door.key_of(before) if before else None)
    older = rows[ROWS - 1]["id"] if len(rows) > ROWS else None
    return render_template(
        "rights/holding.html", holding=held.holding, name=name, records=[telling.in_a_list(held, row) for row in rows[:ROWS]], older=older
    )


@bp.get("/me/data/orders/<order_id>")
@page(CUSTOMER, staff=VIEW)
def order(order_id: str) -> Any:
    bought = door.found(orders.get(subject().id, door.key_of(order_id)))
    gift = recipient.of_order(bought.id)
    return render_template(
        "rights/order.html", order=bought, gift=gift, law=plan.law_named(bought.keep_rule), lines=countries.lines,
        state=words.STATES[orders.State][bought.state], more=telling.beside_the_items(bought),
    )  # fmt: skip


@bp.get("/me/export")
@page(CUSTOMER, fresh=5)
def copy() -> Any:
    return render_template("rights/export.html", form=PortalForm())


@bp.post("/me/export")
@page(CUSTOMER, fresh=5)
def download() -> Any:
    archive = export.begin(subject().id)
    response = Response(stream_with_context(archive.stream()), mimetype="application/zip")
    response.headers.set("Content-Disposition", "attachment", filename=archive.filename)
    return response


@bp.get("/me/delete")
@page(CUSTOMER)
def delete() -> Any:
    if erasure.pending(subject().id):
        return redirect(url_for(".delete_status"))
    return render_template("rights/delete.html", plan=plan.of(records.subject(subject().id)), obstacle=erasure.obstacle(subject()))


@bp.get("/me/delete/check")
@page(CUSTOMER, fresh=5)
def delete_check() -> Any:
    if erasure.pending(subject().id):
        return redirect(url_for(".delete_status"))
    listed = plan.of(records.subject(subject().id))
    return render_template(
        "rights/delete_check.html", form=PortalForm(), plan=listed, day=erasure.planned_day(), obstacle=erasure.obstacle(subject())
    )


@bp.post("/me/delete")
@page(CUSTOMER, fresh=5)
def ask_for_deletion() -> Any:
    asked = erasure.request(subject(), by=acting.actor())
    flash(_("Your account will be deleted on %(day)s.", day=web.long_date(asked.due_at)))
    return redirect(url_for(".delete_status"))


@bp.get("/me/delete/status")
@page(CUSTOMER)
def delete_status() -> Any:
    asked = erasure.pending(subject().id)
    if asked is None:
        return redirect(url_for(".delete"))
    return render_template("rights/delete_status.html", form=PortalForm(), asked=asked)


@bp.post("/me/delete/status")
@page(CUSTOMER)
def keep_account() -> Any:
    asked = erasure.pending(subject().id)
    if asked is not None:
        erasure.cancel(asked)
        flash(_("Your account stays. Nothing was deleted."))
    return redirect(url_for("dashboard.me"))


@bp.get("/undo/deletion/<token>")
@page(LINK)
def undo_deletion(token: str) -> Any:
    return render_template("rights/undo_deletion.html", form=PlainForm(), token=token, asked=erasure.of_ticket(token))


@bp.post("/undo/deletion/<token>")
@page(LINK)
def take_back_deletion(token: str) -> Any:
    erasure.cancel(erasure.of_ticket(token))
    return render_template("rights/deletion_undone.html")
