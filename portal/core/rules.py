"""Rules of conduct: a refusal is a sentence to the person, and a row's life is a table of moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")
Row = TypeVar("Row", bound=Any)


class Refused(Exception):
    """The portal says no, in a sentence that names the next step. Nothing of the request is kept."""

    status = 409

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Gone(Refused):
    """What the link led to is used up or over."""

    status = 410


class NotFound(Refused):
    """There is nothing here for this person, whether it exists for somebody else or not."""

    status = 404


class WrongMove(Exception):
    """A row was asked to make a move that its life does not know: two people acted at once, or a mistake of ours."""


def transition(
    source: StrEnum | Iterable[StrEnum], *, to: StrEnum
) -> Callable[[Callable[Concatenate[Row, P], R]], Callable[Concatenate[Row, P], R]]:
    """Declare one move of a row's `state`. The method holds only what changes besides the state.

    Raises WrongMove when the row is not in a state that the move starts from.
    """
    sources = (source,) if isinstance(source, StrEnum) else tuple(source)

    def declare(method: Callable[Concatenate[Row, P], R]) -> Callable[Concatenate[Row, P], R]:
        @wraps(method)
        def move(row: Row, *args: P.args, **kwargs: P.kwargs) -> R:
            if row.state not in sources:
                raise WrongMove(f"{type(row).__name__} is {row.state}, so it cannot {method.__name__}")
            row.state = to
            return method(row, *args, **kwargs)

        move.__transition__ = (sources, to)  # type: ignore[attr-defined]
        return cast(Callable[Concatenate[Row, P], R], move)

    return declare
