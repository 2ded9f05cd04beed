"""Gift recipients: people of their own, known only because somebody sent them a present. Never written to for marketing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import db
from portal.core.db import Base, Key
from portal.core.holdings import Basis, Holding, OnErasure, Provenance
from portal.core.sealed import Owned, sealed


class Recipient(Owned, Base):
    """The person a parcel went to. Falls with the giver's account: without it there is no purpose left."""

    __tablename__ = "recipient"
    __holding__ = Holding(
        _l("Gifts sent to you"),
        purpose=_l("delivering a gift to you"),
        basis=Basis.LEGITIMATE_INTEREST,
        on_erasure=OnErasure.DELETE,
        kept=_l("as long as the giver has an account, unless you erase it sooner"),
        provenance=Provenance.FROM_OTHERS,
        tied_to="giver_id",
        hidden=frozenset({"giver_id", "order_id"}),
        plain={"giver_id": "an id", "order_id": "an id"},
    )

    giver_id: Mapped[Key] = mapped_column(index=True)
    order_id: Mapped[Key] = mapped_column(index=True)
    name = sealed(_l("Name"))
    address = sealed(_l("Delivery address"), default={})
    phone = sealed(_l("Phone"))


def of_giver(giver_id: uuid.UUID) -> Sequence[Recipient]:
    """The people somebody sent gifts to."""
    return db.session().scalars(select(Recipient).where(Recipient.giver_id == giver_id).order_by(Recipient.id)).all()


def of_order(order_id: uuid.UUID) -> Recipient | None:
    return db.session().scalars(select(Recipient).where(Recipient.order_id == order_id)).first()
