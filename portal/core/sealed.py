"""Sealed fields: readable in Python, unreadable in the store, gone with the key."""

from __future__ import annotations

import uuid
from copy import copy
from typing import Any, ClassVar, Self, overload

from sqlalchemy import event, inspect
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.orm.attributes import flag_modified

from portal.core import acting, boxes, clock, keyring
from portal.core.db import Key, Moment, Short, Versioned, new_key

ERASED = "(erased)"
BOX, KEPT_BOX = "box", "kept_box"


class sealed:  # noqa: N801 - reads as a word in a declaration
    """A field of the row's sealed document. `kept=True`: of the second document, under the key that lives as long as the law says."""

    def __init__(self, label: str, *, kept: bool = False, default: Any = "") -> None:
        self.label, self.default = label, default
        self.column = KEPT_BOX if kept else BOX

    def __set_name__(self, owner: type[Sealed], name: str) -> None:
        self.name = name
        owner.__sealed_fields__ = {**owner.__sealed_fields__, name: self}

    @overload
    def __get__(self, row: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, row: Sealed, owner: type[Any]) -> Any: ...
    def __get__(self, row: Sealed | None, owner: type[Any]) -> Any:
        if row is None:
            return self
        document = row._document(self.column)
        if document is None:
            return ERASED
        return document[self.name] if self.name in document else copy(self.default)

    def __set__(self, row: Sealed, value: Any) -> None:
        document = row._document(self.column)
        if document is None:
            raise keyring.KeyGone("this person's key is destroyed")
        if document.get(self.name, self.default) != value:
            document[self.name] = value
            row._touch(self.column)


class Sealed(Versioned):
    """A row with sealed fields. They stand in one document (`box`) under the owner's profile key."""

    __sealed_fields__: ClassVar[dict[str, sealed]] = {}

    id: Mapped[Key] = mapped_column(primary_key=True, default=new_key)
    box: Mapped[bytes | None]

    @property
    def owner(self) -> uuid.UUID:
        """Whose key seals this row."""
        raise NotImplementedError

    @staticmethod
    def kind_of_key(row: Any) -> str:  # noqa: ARG004 - other tables ask the row
        """Kind of the key that seals the document of a row, whether it was read as an object or as plain columns."""
        return keyring.PROFILE

    @staticmethod
    def kind_of_kept_key(row: Any) -> str:  # noqa: ARG004 - as above
        """Kind of the key that seals the kept document."""
        return keyring.PROFILE

    def _dek(self, column: str) -> bytes | None:
        return keyring.dek_of(self.owner, self._kind(column))

    def _kind(self, column: str) -> str:
        return self.kind_of_kept_key(self) if column == KEPT_BOX else self.kind_of_key(self)

    def _document(self, column: str) -> dict[str, Any] | None:
        opened: dict[str, dict[str, Any] | None] = self.__dict__.setdefault("_opened", {})
        if column not in opened:
            opened[column] = self._open(column)
        return opened[column]

    def _open(self, column: str) -> dict[str, Any] | None:
        box = getattr(self, column)
        if box is None:
            return None if inspect(self).persistent and self._dek(column) is None else {}
        dek = self._dek(column)
        return None if dek is None else boxes.unseal(dek, self.__table__.name, self.id, self.owner, box)  # type: ignore[attr-defined]

    def _touch(self, column: str) -> None:
        self.__dict__.setdefault("_unsealed", set()).add(column)
        if inspect(self).persistent:
            flag_modified(self, column)

    def _seal(self) -> None:
        if self.id is None:
            self.id = new_key()
        for column in self.__dict__.pop("_unsealed", set()):
            dek = keyring.dek_to_write(self.owner, self._kind(column))
            document = self._document(column) or {}
            setattr(self, column, boxes.seal(dek, self.__table__.name, self.id, self.owner, document))  # type: ignore[attr-defined]

    def forget_opened(self) -> None:
        self.__dict__.pop("_opened", None)
        self.__dict__.pop("_unsealed", None)


class Owned(Sealed):
    """A row about a person: whose, from which source and channel, under which policy version, since when."""

    person_id: Mapped[Key] = mapped_column(index=True, sort_order=-9)
    source: Mapped[Short] = mapped_column(default=lambda: acting.scene().source)
    channel: Mapped[Short] = mapped_column(default=lambda: acting.scene().channel)
    policy_version: Mapped[Short] = mapped_column(default=lambda: acting.scene().policy_version)
    created_at: Mapped[Moment] = mapped_column(default=clock.now)

    @property
    def owner(self) -> uuid.UUID:
        return self.person_id


@event.listens_for(Session, "before_flush")
def _seal_before_flush(session: Session, _context: object, _instances: object) -> None:
    for row in (*session.new, *session.dirty):
        if isinstance(row, Sealed):
            row._seal()


@event.listens_for(Sealed, "expire", propagate=True)
def _forget_on_expire(row: Sealed | None, _names: object) -> None:
    if row is not None:  # nobody holds it any more, as after a transaction that had to give way
        row.forget_opened()


@event.listens_for(Sealed, "refresh", propagate=True)
def _forget_on_refresh(row: Sealed, _context: object, _names: object) -> None:
    row.forget_opened()
