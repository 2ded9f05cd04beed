"""Limits against guessing and flooding: counters in the store, without anybody's address in them."""

from __future__ import annotations

import ipaddress
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import request
from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import case, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from portal import settings
from portal.core import clock, db, digests
from portal.core.db import Base, Digest, Moment
from portal.core.holdings import NOT_PERSONAL
from portal.core.jobs import Job, job


class RateLimit(Base):
    """How often something happened within its window. The key is a keyed digest."""

    __tablename__ = "rate_limit"
    __holding__ = NOT_PERSONAL

    key: Mapped[Digest] = mapped_column(primary_key=True)
    hits: Mapped[int]
    expires_at: Mapped[Moment] = mapped_column(index=True)


class TooMany(Exception):
    """A limit is reached; `until` is when it ends by itself."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until

    @property
    def seconds(self) -> int:
        return max(1, math.ceil((self.until - clock.now()).total_seconds()))


class SqlStorage(Storage):
    """Counters of the `limits` package in our own table: one UPSERT a hit, in a short transaction of its own."""

    STORAGE_SCHEME = ["portal-sql"]

    @property
    def base_exceptions(self) -> type[Exception]:
        return Exception

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = clock.now()
        ends = now + timedelta(seconds=expiry)
        row = db.insert(RateLimit).values(key=digests.digest("limit", key), hits=amount, expires_at=ends)
        is_over = RateLimit.expires_at <= now
        hits = case((is_over, amount), else_=RateLimit.hits + amount)
        until = case((is_over, ends), else_=RateLimit.expires_at)
        again = row.on_conflict_do_update(index_elements=[RateLimit.key], set_={"hits": hits, "expires_at": until})
        with db.transaction() as session:
            return int(session.execute(again.returning(RateLimit.hits)).scalar_one())

    def _row(self, key: str) -> Any:
        found = select(RateLimit.hits, RateLimit.expires_at).where(RateLimit.key == digests.digest("limit", key))
        with db.reading() as session:
            return session.execute(found).first()

    def get(self, key: str) -> int:
        row = self._row(key)
        return int(row.hits) if row and row.expires_at > clock.now() else 0

    def get_expiry(self, key: str) -> float:
        row = self._row(key)
        return float((row.expires_at if row else clock.now()).timestamp())

    def check(self) -> bool:
        return db.is_there()

    def reset(self) -> int | None:
        raise NotImplementedError("limits end by themselves")

    def clear(self, key: str) -> None:
        with db.transaction() as session:
            session.execute(delete(RateLimit).where(RateLimit.key == digests.digest("limit", key)))


_limiter = FixedWindowRateLimiter(SqlStorage())


def hit(rule: str, *who: str) -> None:
    """Count one try. `rule` reads like "10 per 5 minute"; `who` names what is limited. Raises TooMany past the limit."""
    if settings.current().rate_limits == "off":
        return
    item: RateLimitItem = parse(rule)
    if not _limiter.hit(item, *who):
        raise TooMany(datetime.fromtimestamp(_limiter.get_window_stats(item, *who).reset_time, UTC))


def network_prefix() -> str:
    """The visitor's network, coarse: /24 of IPv4, /56 of IPv6. Used inside digests only, never stored."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 56), strict=False))


@job("sweep_rate_limits", every=timedelta(hours=1))
def sweep(_job: Job) -> None:
    """Forget counters whose window is over."""
    db.session().execute(delete(RateLimit).where(RateLimit.expires_at <= clock.now()))
