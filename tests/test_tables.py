"""Every table says what it holds; none is forgotten by the copy, the deletion or the inventory."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from portal.app import Portal, modules
from portal.core import holdings
from portal.core.db import Base
from portal.core.holdings import NOT_PERSONAL, Basis, Held, Holding, OnErasure
from portal.core.sealed import Sealed

PORTAL = Path(__file__).parent.parent / "portal"
STANDARD = {"id", "person_id", "source", "channel", "policy_version", "created_at", "version", "box", "kept_box"}
"""Columns of every row about a person: whose, where it came from, and the sealed documents."""

list(modules())
HELD = {held.name: held for held in holdings.holdings(Base)}

MAPPERS = sorted(Base.registry.mappers, key=lambda mapper: mapper.class_.__tablename__)


def _named_in_the_files() -> dict[str, Path]:
    """Tables by name, as the source files name them, whether anybody loads them or not."""
    found = {}
    for file in PORTAL.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and "__tablename__" in map(ast.unparse, node.targets):
                found[str(node.value.value)] = file
    return found


def test_every_table_of_the_files_is_loaded_by_the_slices() -> None:
    assert set(_named_in_the_files()) == set(Base.metadata.tables)


def test_every_table_says_what_it_holds_about_a_person() -> None:
    for mapper in Base.registry.mappers:
        said = mapper.class_.__dict__.get("__holding__")
        assert said == NOT_PERSONAL or isinstance(said, Holding), f"{mapper.class_.__name__} says nothing"


def test_a_table_that_says_nothing_stops_every_loop_over_the_holdings() -> None:
    class Other(DeclarativeBase):
        """A base of its own, so that the real tables stay as they are."""

    class Mute(Other):
        """A table that says nothing."""

        __tablename__ = "mute"
        id: Mapped[int] = mapped_column(primary_key=True)

    with pytest.raises(TypeError, match="Mute does not say what it holds"):
        list(holdings.holdings(Other))


def test_a_table_with_sealed_fields_or_a_person_is_never_called_not_personal() -> None:
    for mapper in Base.registry.mappers:
        if mapper.class_.__dict__.get("__holding__") == NOT_PERSONAL:
            assert not issubclass(mapper.class_, Sealed), mapper.class_
            assert "person_id" not in mapper.columns, mapper.class_


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_every_readable_column_has_its_reason(held: Held) -> None:
    said = held.holding
    columns = {column.name for column in held.table.columns}
    unexplained = columns - STANDARD - set(said.plain) - said.hidden
    assert unexplained == set(), f"{held.name}: seal {unexplained}, or list them in plain with a reason, or in hidden"
    assert set(said.plain) <= columns, "a reason for a column that is not there"
    assert said.hidden <= columns | set(held.model.__dict__.get("__sealed_fields__", {})), "a hidden column that is not there"
    assert all(reason for reason in said.plain.values())


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_every_holding_is_told_in_words_that_people_can_read(house: Portal, held: Held) -> None:
    said = held.holding
    with house.test_request_context():
        assert all(str(words).strip() for words in (said.title, said.purpose, said.kept))
    assert isinstance(said.basis, Basis)
    assert isinstance(said.on_erasure, OnErasure)


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_every_holding_can_be_found_for_its_person(held: Held) -> None:
    assert held.holding.found_by in held.table.columns
    assert _is_indexed(held.table, held.holding.found_by), f"{held.name} would be searched row by row"


def _is_indexed(table: Table, column: str) -> bool:
    leading = [next(iter(index.columns)).name for index in table.indexes]
    unique = [next(iter(constraint.columns)).name for constraint in table.constraints if len(constraint.columns)]  # type: ignore[attr-defined]
    return column in {*leading, *unique, *(key.name for key in list(table.primary_key.columns)[:1])}


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_the_page_where_a_holding_can_be_changed_is_there(house: Portal, held: Held) -> None:
    assert held.holding.page is None or held.holding.page in house.view_functions


@pytest.mark.parametrize("mapper", MAPPERS, ids=lambda mapper: mapper.class_.__tablename__)
def test_no_sealed_field_has_a_readable_column_beside_it(mapper: Any) -> None:
    fields = getattr(mapper.class_, "__sealed_fields__", {})
    assert set(fields) & {column.key for column in mapper.columns} == set()


@pytest.mark.parametrize("mapper", MAPPERS, ids=lambda mapper: mapper.class_.__tablename__)
def test_a_field_kept_by_law_has_a_document_of_its_own(mapper: Any) -> None:
    fields = getattr(mapper.class_, "__sealed_fields__", {}).values()
    assert {field.column for field in fields} <= {column.key for column in mapper.columns}


def test_models_and_migrations_agree(house: Portal) -> None:
    with house.extensions["engine"].connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
