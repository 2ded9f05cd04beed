"""The store: one place that commits, one row identity, one idea of time, and every difference between SQLite and PostgreSQL."""

from __future__ import annotations

import enum
import os
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Annotated, Any

from flask import current_app
from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    Enum,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    Uuid,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, declared_attr, mapped_column
from sqlalchemy.orm.exc import StaleDataError

from portal.core import clock

READ_ONLY = "portal_read_only"
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=10000",
    "foreign_keys=ON",
    "secure_delete=ON",
    "trusted_schema=OFF",
    "recursive_triggers=ON",  # else REPLACE would delete a row past the trigger that forbids it
)
POSTGRES_LIMITS = "-c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s -c timezone=UTC"
CONTENTION = {"40001", "40P01", "55P03", "23505"}
"""SQLSTATEs of PostgreSQL: serialization failure, deadlock, lock time-out, and a unique value that another transaction just took."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware and in UTC on both sides of either store."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Key = Annotated[uuid.UUID, "uuid7"]
Moment = Annotated[datetime, "utc"]
Digest = Annotated[bytes, "hmac-sha-256"]
Long = Annotated[str, "text"]
Short = Annotated[str, "short"]


def values(kind: type[enum.Enum]) -> list[str]:
    return [member.value for member in kind]


class Base(DeclarativeBase):
    """Every table. Constraint names follow one convention, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        Key: Uuid(),
        uuid.UUID: Uuid(),
        Moment: UtcDateTime(),
        datetime: UtcDateTime(),
        Digest: LargeBinary(32),
        Long: Text(),
        Short: String(100),
        bytes: LargeBinary(),
        enum.Enum: Enum(enum.Enum, native_enum=False, create_constraint=True, length=30, values_callable=values),
    }


class Versioned:
    """A row that two workers or two tabs cannot both change from the same beginning."""

    version: Mapped[int] = mapped_column(default=1)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805
        return {"version_id_col": cls.__dict__.get("version") or cls.version}


def new_key() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562, section 5.7): sorts by the time it was made."""
    micros = int(clock.now().timestamp() * 1_000_000)
    fraction = micros % 1000 * 4096 // 1000
    noise = int.from_bytes(os.urandom(8)) >> 2
    return uuid.UUID(int=(micros // 1000) << 80 | 7 << 76 | fraction << 64 | 2 << 62 | noise)


def make_engine(url: str) -> Engine:
    """An engine with the promises of durability and deletion that each store must keep."""
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 10}, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(url, connect_args={"options": POSTGRES_LIMITS}, pool_pre_ping=True, hide_parameters=True)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql(f"PRAGMA query_only={int(read_only)}")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def engine() -> Engine:
    """The engine of the running portal."""
    running: Engine = current_app.extensions["engine"]
    return running


def is_sqlite() -> bool:
    return engine().dialect.name == "sqlite"


_session: ContextVar[Session | None] = ContextVar("session", default=None)


def session() -> Session:
    """The session of the transaction around. Raises RuntimeError where there is none."""
    opened = _session.get()
    if opened is None:
        raise RuntimeError("no transaction is open here")
    return opened


_stage: ContextVar[Connection | None] = ContextVar("stage", default=None)


@contextmanager
def _opened(bound: Engine | Connection) -> Iterator[Session]:
    with Session(bound, expire_on_commit=False, join_transaction_mode="create_savepoint") as opened:
        token = _session.set(opened)
        try:
            yield opened
        finally:
            _session.reset(token)


@contextmanager
def transaction() -> Iterator[Session]:
    """The only place that commits: all or nothing of what happens inside. Inside another one it is a transaction of its own."""
    with _opened(_stage.get() or engine()) as opened:
        yield opened
        opened.commit()


@contextmanager
def rehearsal() -> Iterator[None]:
    """Transactions inside commit as ever and see what the ones before them wrote; at the end all of it is undone."""
    with engine().connect() as connection:
        whole, token = connection.begin(), _stage.set(connection)
        try:
            yield
        finally:
            _stage.reset(token)
            whole.rollback()


@contextmanager
def reading() -> Iterator[Session]:
    """A transaction that sees one state of the store and cannot write."""
    options = {READ_ONLY: True} if is_sqlite() else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with _opened(engine().execution_options(**options)) as opened:
        yield opened


def insert(table: type[Any] | Table) -> Any:
    """An INSERT that knows ON CONFLICT, in the words of this store."""
    return sqlite.insert(table) if is_sqlite() else postgresql.insert(table)


def is_contention(error: BaseException) -> bool:
    """Did two transactions get in each other's way, so that running again may help?"""
    if isinstance(error, StaleDataError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    return getattr(error.orig, "sqlstate", None) in CONTENTION or "database is locked" in str(error.orig)


def forget_deleted(tables: Sequence[str] = ()) -> bool:
    """Make deleted bytes leave the disk as far as the store can. False when a reader stood in the way; ask again later."""
    with engine().execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if is_sqlite():
            busy = connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]  # type: ignore[union-attr]
            return not busy
        connection.execute(text("SET statement_timeout = 0"))
        for table in tables:
            connection.execute(text(f'VACUUM "{table}"'))
        connection.execute(text("RESET statement_timeout"))
    return True


def is_there() -> bool:
    """Does the store answer?"""
    try:
        with reading() as opened:
            return bool(opened.execute(text("SELECT 1")).scalar())
    except DBAPIError:
        return False
