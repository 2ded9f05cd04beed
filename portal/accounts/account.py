"""The account: a password, if its owner wants one, kept as a hash nobody can turn back."""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Mapped

from portal import settings
from portal.access import session, ticket
from portal.access.door import Busy
from portal.access.notice import tell
from portal.access.ticket import Purpose
from portal.accounts import leaked_passwords
from portal.core import audit, clock, db
from portal.core.db import Base, Moment
from portal.core.holdings import Basis, Holding, OnErasure
from portal.core.jobs import Priority
from portal.core.sealed import Owned, sealed
from portal.customers.customer import Customer

SHORTEST, LONGEST = 12, 128
GUARD = timedelta(hours=72)
WAIT_SECONDS = 2
_hasher = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
_one_at_a_time = threading.Semaphore(1)


class Account(Owned, Base):
    """The password of a customer (Argon2id, RFC 9106)."""

    __tablename__ = "account"
    __holding__ = Holding(
        _l("Your password"),
        purpose=_l("signing you in"),
        basis=Basis.CONTRACT,
        on_erasure=OnErasure.DELETE,
        kept=_l("as long as you have an account; only as a hash"),
        hidden=frozenset({"password_hash"}),
        plain={"set_at": "time", "changed_at": "time"},
        page="accounts.security",
    )

    set_at: Mapped[Moment]
    changed_at: Mapped[Moment | None]
    password_hash = sealed(_l("Password"))


def of(person_id: uuid.UUID) -> Account | None:
    return db.session().scalars(select(Account).where(Account.person_id == person_id)).first()


def hashing() -> PasswordHasher:
    """How passwords are hashed, for the page that says so."""
    return _hasher


@contextmanager
def _turn() -> Iterator[None]:
    """One hash at a time in each process, so that a flood of sign-ins takes no memory. Raises Busy after two seconds of waiting."""
    if not _one_at_a_time.acquire(timeout=WAIT_SECONDS):
        raise Busy
    try:
        yield
    finally:
        _one_at_a_time.release()


def hashed(password: str) -> str:
    """Argon2id with 46 MiB. It takes some 30 ms, so call it before the first query of a transaction that writes. Raises Busy."""
    with _turn():
        return _hasher.hash(password)


@dataclass(frozen=True)
class Fit:
    """A password was right: the hash it was compared with, and the one to keep from now on (newer when our parameters rose)."""

    known: str
    kept: str


def fit(known: str | None, password: str) -> Fit | None:
    """Does the password fit? Without a hash the same work is done for nothing, so that the time tells strangers nothing. Raises Busy."""
    with _turn():
        nobodys = _nobodys_hash()
        try:
            _hasher.verify(known or nobodys, password)
        except (VerifyMismatchError, InvalidHashError):
            return None
        if known is None:
            return None
        return Fit(known, _hasher.hash(password) if _hasher.check_needs_rehash(known) else known)


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_hex())


def still_fits(customer: Customer, fit: Fit | None) -> bool:
    """Is the hash that was compared still the customer's own? It may have been changed since it was read."""
    own = of(customer.id)
    if fit is None or own is None or own.password_hash != fit.known:
        return False
    own.password_hash = fit.kept
    return True


def problem_with(password: str, address: str) -> str | None:
    """Why this password cannot be taken, as a sentence; None when it can."""
    if len(password) < SHORTEST:
        return _("Choose a password with at least %(number)d characters.", number=SHORTEST)
    if len(password) > LONGEST:
        return _("Choose a password with at most %(number)d characters.", number=LONGEST)
    if password.casefold() in {address.casefold(), settings.current().shop_name.casefold()}:
        return _("Choose a password that is not your address or the name of the shop.")
    if leaked_passwords.is_leaked(password):
        return _("This password stands in lists of stolen passwords. Choose another one.")
    return None


def give_password(customer: Customer, password_hash: str) -> None:
    """The first password."""
    first = Account(person_id=customer.id, set_at=clock.now())
    first.password_hash = password_hash
    db.session().add(first)
    audit.record("password_set", customer.id)


def set_password(customer: Customer, password_hash: str, *, keep_session: uuid.UUID | None = None) -> None:
    """Set or change the password; every other session and every open reset link ends with it."""
    account = of(customer.id)
    if account is None:
        give_password(customer, password_hash)
    else:
        account.changed_at, account.password_hash = clock.now(), password_hash
        audit.record("password_changed", customer.id)
    session.end_all(customer.id, but=keep_session)
    ticket.void(Purpose.RESET, customer.id)
    tell(customer.id, "password_changed", priority=Priority.URGENT)


def freeze(customer: Customer) -> None:
    """Lock the account: all sessions end, no change under way goes on, and none begins until the password is set anew."""
    customer.frozen_at = clock.now()
    session.end_all(customer.id)
    ticket.void(Purpose.CHANGE_EMAIL, customer.id)
    audit.record("account_locked", customer.id)
    tell(customer.id, "account_locked", priority=Priority.URGENT)


def unfreeze(customer: Customer) -> None:
    customer.frozen_at = None
    audit.record("account_unlocked", customer.id)


def guarded_until(customer: Customer) -> datetime | None:
    """Until when nothing irreversible may happen, because the password or the address changed within 72 hours. None: no guard."""
    account = of(customer.id)
    changes = [moment for moment in (customer.email_changed_at, account.changed_at if account else None) if moment]
    ends = max(changes) + GUARD if changes else None
    return ends if ends and ends > clock.now() else None
