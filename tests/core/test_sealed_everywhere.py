"""Every sealed field of every table, filled by construction: readable with the key, and nowhere on the disk."""

from __future__ import annotations

import enum
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Column, select, text

from portal.app import Portal, modules
from portal.core import audit, db, keyring
from portal.core.boxes import BoxRefused
from portal.core.db import Base, UtcDateTime
from portal.core.keyring import Dek
from portal.core.sealed import BOX, KEPT_BOX, Sealed

list(modules())
SEALED = sorted(
    (mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Sealed)), key=lambda model: model.__tablename__
)
MODELS = {model.__tablename__: model for model in SEALED if model.__sealed_fields__}
FIELDS = [(name, field) for name, model in MODELS.items() for field in model.__sealed_fields__]
YEAR = datetime(2031, 12, 31, tzinfo=UTC)


def _canary(table: str, field: str) -> str:
    return f"canary-{table}-{field}-Lindenstraße"


def _filled(model: type[Any], owner: UUID) -> Any:
    """A row with something in every column that must have something, and a canary in every sealed field."""
    row = model(id=db.new_key(), person_id=owner)
    for column in model.__table__.columns:
        if not column.nullable and column.default is None and getattr(row, column.key) is None:
            setattr(row, column.key, _something(column))
    for name in model.__sealed_fields__:
        setattr(row, name, _canary(model.__tablename__, name))
    return row


def _something(column: Column[Any]) -> Any:
    if isinstance(column.type, UtcDateTime):
        return YEAR
    kind = column.type.python_type
    if issubclass(kind, enum.Enum):
        return next(iter(kind))
    made = {UUID: db.new_key, date: YEAR.date, bytes: lambda: db.new_key().bytes * 2, str: lambda: "2031", int: lambda: 1}
    return made[kind]()


@pytest.fixture
def owner(house: Portal) -> UUID:
    """Somebody of whom there is a row in every table."""
    with db.transaction() as session:
        person = keyring.mint()
        keyring.add_dek(person, keyring.TRANSIENT)
        for model in MODELS.values():
            session.add(_filled(model, person))
        audit.record("canary", person, details={"canary": _canary("entry", "details")})
    return person


def test_there_are_forty_fields_and_more() -> None:
    assert len(FIELDS) >= 40


@pytest.mark.parametrize(("table", "field"), FIELDS)
def test_every_field_reads_as_it_was_written(owner: UUID, table: str, field: str) -> None:
    with db.reading() as session:
        row = session.scalars(select(MODELS[table]).where(MODELS[table].person_id == owner)).one()
        assert getattr(row, field) == _canary(table, field)


def test_no_field_of_any_table_can_be_read_on_the_disk(owner: UUID, house: Portal, place: Path, server: Any) -> None:
    words = [_canary(table, field) for table, field in FIELDS]
    assert _left_on_disk(place, [*words, _canary("entry", "details")]) == []
    with db.reading() as session:
        rows = [repr(session.execute(text(f'SELECT * FROM "{table}"')).all()) for table in Base.metadata.tables]  # noqa: S608
    assert not [row for row in rows if "canary-" in row]
    if server is not None:
        with db.engine().execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("CHECKPOINT"))
            where = Path(connection.execute(text("SHOW data_directory")).scalar_one())
        assert not [file for file in where.rglob("*") if file.is_file() and b"canary-address" in file.read_bytes()]


def _left_on_disk(place: Path, words: list[str]) -> list[str]:
    files = [file for file in place.rglob("*") if file.is_file()]
    assert len(files) > 2
    found = re.compile(b"|".join(re.escape(word.encode()) for word in words))
    return [f"{file}: {hit!r}" for file in files for hit in found.findall(file.read_bytes())]


def test_a_canary_in_a_readable_column_would_be_found(owner: UUID, place: Path) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE letter SET template = :word"), {"word": "canary-in-the-open"})
    db.forget_deleted()
    (place / "log").write_text("canary-in-the-open")
    assert _left_on_disk(place, ["canary-in-the-open"])


@pytest.mark.parametrize("table", MODELS)
def test_with_the_key_every_field_is_gone(owner: UUID, table: str) -> None:
    model = MODELS[table]
    with db.transaction() as session:
        for kind in session.scalars(select(Dek.kind).where(Dek.owner == owner)).all():
            keyring.destroy(owner, kind)
    with db.reading() as session:
        row = session.scalars(select(model).where(model.person_id == owner)).one()
        assert {getattr(row, field) for field in model.__sealed_fields__} == {"(erased)"}


def test_a_box_moved_to_another_row_of_the_same_table_opens_nothing(owner: UUID, house: Portal) -> None:
    for table, model in MODELS.items():
        with db.transaction() as session:
            mine = session.scalars(select(model).where(model.person_id == owner)).one()
            other = _filled(model, owner)
            session.add(other)
            session.flush()
            for column in {field.column for field in model.__sealed_fields__.values()} & {BOX, KEPT_BOX}:
                box = getattr(mine, column)
                setattr(mine, column, getattr(other, column))
                setattr(other, column, box)
            session.flush()
            session.expire_all()
            for field in model.__sealed_fields__:
                with pytest.raises(BoxRefused, match=r"^a sealed document does not open$"):
                    getattr(mine, field)
            session.rollback()
        assert table in MODELS


def test_what_somebody_adds_to_an_empty_list_stays_out_of_everybody_elses(owner: UUID) -> None:
    for model in MODELS.values():
        for name, field in model.__sealed_fields__.items():
            if isinstance(field.default, list | dict):
                held = getattr(model(person_id=owner), name)
                held.append("x") if isinstance(held, list) else held.update(x=1)
                assert getattr(model(person_id=owner), name) == field.default
                assert not field.default
