"""Holdings: every table says once what it holds about a person and what becomes of it; all else is a loop over that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlalchemy import Table

NOT_PERSONAL: Final = "not personal"


class Basis(StrEnum):
    """Legal basis of a holding (GDPR Article 6(1))."""

    CONTRACT = "contract"
    CONSENT = "consent"
    LEGAL_OBLIGATION = "legal obligation"
    LEGITIMATE_INTEREST = "legitimate interest"


class OnErasure(StrEnum):
    """What an erasure does to the rows of a holding."""

    DELETE = "delete"
    PSEUDONYMIZE = "pseudonymize"
    KEEP = "keep"


class Provenance(StrEnum):
    """How what we hold came to us; data given and observed can be taken elsewhere (GDPR Article 20)."""

    GIVEN = "given"
    OBSERVED = "observed"
    DERIVED = "derived"
    FROM_OTHERS = "from others"


@dataclass(frozen=True)
class Holding:
    """What a table holds about a person. `plain` names each readable column and the reason why it is not sealed.

    `found_by` is the column that leads to the person: their id, or a digest of an address of theirs.
    `tied_to` is a column with another person whose erasure takes the row along. `kept` says in words until when;
    `elsewhere` names the system that holds the same.
    """

    title: str
    purpose: str
    basis: Basis
    on_erasure: OnErasure
    kept: str
    provenance: Provenance = Provenance.GIVEN
    elsewhere: str | None = None
    found_by: str = "person_id"
    tied_to: str | None = None
    hidden: frozenset[str] = frozenset()
    plain: Mapping[str, str] = field(default_factory=dict)
    page: str | None = None


@dataclass(frozen=True)
class Held:
    """A personal table with its declaration."""

    model: type[Any]
    holding: Holding

    @property
    def name(self) -> str:
        name: str = self.model.__tablename__
        return name

    @property
    def table(self) -> Table:
        table: Table = self.model.__table__
        return table


def declared(model: type[Any]) -> Any:
    """The declaration of a table; raises TypeError where a table says nothing."""
    said = model.__dict__.get("__holding__")
    if said != NOT_PERSONAL and not isinstance(said, Holding):
        raise TypeError(f"{model.__name__} does not say what it holds: give it __holding__")
    return said


def holdings(base: type[Any]) -> Iterator[Held]:
    """Every personal table, parents before children."""
    models = {mapper.local_table: mapper.class_ for mapper in base.registry.mappers}
    for table in base.metadata.sorted_tables:
        said = declared(models[table])
        if isinstance(said, Holding):
            yield Held(models[table], said)
