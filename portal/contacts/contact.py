"""An address we may write to, whether or not its owner is a customer."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from enum import StrEnum

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from portal import settings
from portal.contacts.topics import ALL_CODE, BY_SLUG
from portal.core import db, digests, tokens, web
from portal.core.db import Base, Digest, Moment
from portal.core.holdings import Basis, Holding, OnErasure
from portal.core.sealed import Owned, sealed


class Kind(StrEnum):
    """What the address is for."""

    EMAIL = "email"
    POST = "post"


class BounceState(StrEnum):
    """What mail servers told us about the address."""

    NONE = "none"
    UNDELIVERABLE = "undeliverable"
    COMPLAINED = "complained"


class Contact(Owned, Base):
    """An e-mail or postal address. Links in mails carry its random uid, look-ups its keyed digest."""

    __tablename__ = "contact"
    __holding__ = Holding(
        _l("E-mail address"),
        purpose=_l("writing to you about your orders and your account, and signing you in"),
        basis=Basis.CONTRACT,
        on_erasure=OnErasure.DELETE,
        kept=_l("as long as you have an account"),
        hidden=frozenset({"uid", "digest"}),
        plain={
            "uid": "random, stands in unsubscribe links",
            "digest": "keyed digest for look-up",
            "kind": "a word",
            "verified_at": "time",
            "bounce_state": "a word",
        },
        page="accounts.details",
    )

    uid: Mapped[bytes] = mapped_column(unique=True, default=lambda: os.urandom(tokens.UID_BYTES))
    kind: Mapped[Kind] = mapped_column(default=Kind.EMAIL)
    digest: Mapped[Digest] = mapped_column(unique=True)
    verified_at: Mapped[Moment | None]
    bounce_state: Mapped[BounceState] = mapped_column(default=BounceState.NONE)
    address = sealed(_l("E-mail address"))

    @property
    def masked(self) -> str:
        return masked(self.address)

    def unsubscribe_url(self, topic: str | None) -> str:
        """The link that stops one topic, or all marketing for None. Never expires (RFC 8058)."""
        code = BY_SLUG[topic].code if topic else ALL_CODE
        return web.link("preferences.unsubscribe", token=tokens.make(settings.current().unsubscribe_keys, self.uid, code))


def masked(address: str) -> str:
    """`a***@e***.com`: enough to recognize one's own address, too little to learn another's."""
    local, _, domain = address.rpartition("@")
    name, dot, ending = domain.rpartition(".")
    return f"{local[:1]}***@{name[:1]}***{dot}{ending}"


def add(person_id: uuid.UUID, address: str) -> Contact:
    """A new e-mail address of a person; the digest is the lock against a second one."""
    contact = Contact(person_id=person_id, digest=digests.email_digest(address), address=address.strip())
    db.session().add(contact)
    db.session().flush()
    return contact


def find(address: str) -> Contact | None:
    """The contact of an e-mail address in any spelling."""
    return db.session().scalars(select(Contact).where(Contact.digest == digests.email_digest(address))).first()


def by_uid(uid: bytes) -> Contact | None:
    return db.session().scalars(select(Contact).where(Contact.uid == uid)).first()


def email_of(person_id: uuid.UUID) -> Contact | None:
    """The e-mail address of a person, if they have one."""
    return db.session().scalars(select(Contact).where(Contact.person_id == person_id, Contact.kind == Kind.EMAIL)).first()


def of(person_id: uuid.UUID) -> Sequence[Contact]:
    """All addresses of a person that may be written to."""
    return db.session().scalars(select(Contact).where(Contact.person_id == person_id).order_by(Contact.id)).all()
