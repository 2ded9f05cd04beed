"""Who acts, whose data it is, and how what is written came to us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """Kinds of actors."""

    VISITOR = "visitor"
    CUSTOMER = "customer"
    LINK = "link"
    STAFF = "staff"
    SYSTEM = "system"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Actor:
    """Somebody or something that acts. `name` holds an id or a job's name, never a person's name."""

    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else str(self.kind)


@dataclass(frozen=True)
class Scene:
    """One act: by whom, about whom, and what stands as source, channel and policy version on every row written."""

    actor: Actor = Actor(Kind.SYSTEM)
    subject: UUID | None = None
    source: str = "portal"
    channel: str = "web"
    policy_version: str = ""


NOBODY = Scene()
_scene: ContextVar[Scene] = ContextVar("scene", default=NOBODY)


def scene() -> Scene:
    return _scene.get()


def actor() -> Actor:
    """Who acts now."""
    return _scene.get().actor


@contextmanager
def acting(new: Scene) -> Iterator[None]:
    """Set the scene for a request, a job or an import."""
    token = _scene.set(new)
    try:
        yield
    finally:
        _scene.reset(token)


def enter(actor: Actor, subject: UUID | None, policy_version: str = "") -> None:
    """Name the actor, and the policy that applies, once the door knows them; the scene around ends with the request."""
    _scene.set(replace(_scene.get(), actor=actor, subject=subject, policy_version=policy_version))
