"""Sealed fields: readable in Python, unreadable in the store, gone with the key."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Self, overload

from sqlalchemy import event, inspect
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.orm.attributes import flag_modified

from portal.core import acting, clock, keyring
from portal.core.db import Key, Moment, Short, Versioned, new_key

ERASED = "(erased)"


class sealed:  # noqa: N801 - reads as a word in a declaration
    """A field of the row's sealed document. `kept=True`: of the second document, under the key that lives as long as the law says."""

    def __init__(self, label: str, *, kept: bool = False, default: Any = "") -> None:
        self.label, self.kept, self.default = label, kept, default

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
        document = row._document(self.kept)
        return ERASED if document is None else document.get(self.name, self.default)

    def __set__(self, row: Sealed, value: Any) -> None:
        document = row._document(self.kept)
        if document is None:
            raise keyring.KeyGone("this person's key is destroyed")
        if document.get(self.name, self.default) != value:
            document[self.name] = value
            row._touch(self.kept)


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
    def kind_of_key(row: Any) -> str:
        """Kind of the key that seals the document of a row, whether it was read as an object or as plain columns."""
        return keyring.PROFILE

    @staticmethod
    def kind_of_kept_key(row: Any) -> str:
        """Kind of the key that seals the kept document."""
        return keyring.PROFILE

    def _key_kind(self, kept: bool) -> str:
        return self.kind_of_kept_key(self) if kept else self.kind_of_key(self)

    def _column(self, kept: bool) -> str:
        return "kept_box" if kept else "box"

    def _document(self, kept: bool) -> dict[str, Any] | None:
        opened: dict[bool, dict[str, Any] | None] = self.__dict__.setdefault("_opened", {})
        if kept not in opened:
            opened[kept] = self._open(kept)
        return opened[kept]

    def _open(self, kept: bool) -> dict[str, Any] | None:
        box = getattr(self, self._column(kept))
        if box is None:
            return None if inspect(self).persistent and self._is_shredded(kept) else {}
        dek = keyring.dek_of(self.owner, self._key_kind(kept))
        return None if dek is None else keyring.unseal(dek, self.__table__.name, self.id, self.owner, box)  # type: ignore[attr-defined]

    def _is_shredded(self, kept: bool) -> bool:
        return keyring.dek_of(self.owner, self._key_kind(kept)) is None

    def _touch(self, kept: bool) -> None:
        self.__dict__.setdefault("_unsealed", set()).add(kept)
        if inspect(self).persistent:
            flag_modified(self, self._column(kept))

    def _seal(self) -> None:
        if self.id is None:
            self.id = new_key()
        for kept in self.__dict__.pop("_unsealed", set()):
            dek = keyring.dek_to_write(self.owner, self._key_kind(kept))
            document = self._document(kept) or {}
            setattr(self, self._column(kept), keyring.seal(dek, self.__table__.name, self.id, self.owner, document))  # type: ignore[attr-defined]

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
def _forget_on_expire(row: Sealed, _names: object) -> None:
    row.forget_opened()


@event.listens_for(Sealed, "refresh", propagate=True)
def _forget_on_refresh(row: Sealed, _context: object, _names: object) -> None:
    row.forget_opened()
