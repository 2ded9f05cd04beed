"""Rules of conduct."""

from __future__ import annotations

from enum import StrEnum

import pytest

from portal.core.rules import WrongMove, transition


class Mood(StrEnum):
    """A short life."""

    AWAKE = "awake"
    ASLEEP = "asleep"
    GONE = "gone"


class Cat:
    """Somebody with a state."""

    def __init__(self) -> None:
        self.state = Mood.AWAKE
        self.naps = 0

    @transition(Mood.AWAKE, to=Mood.ASLEEP)
    def nap(self, times: int = 1) -> int:
        self.naps += times
        return self.naps

    @transition((Mood.AWAKE, Mood.ASLEEP), to=Mood.GONE)
    def leave(self) -> None:
        """Through the door."""


def test_a_move_changes_the_state_and_does_the_rest() -> None:
    cat = Cat()
    assert cat.nap(times=2) == 2
    assert cat.state == Mood.ASLEEP
    cat.leave()
    assert cat.state == Mood.GONE


def test_a_move_that_the_life_does_not_know_changes_nothing() -> None:
    cat = Cat()
    cat.nap()
    with pytest.raises(WrongMove, match="Cat is asleep, so it cannot nap"):
        cat.nap()
    assert (cat.state, cat.naps) == (Mood.ASLEEP, 1)


def test_a_life_can_be_drawn_from_its_moves() -> None:
    assert Cat.leave.__transition__ == ((Mood.AWAKE, Mood.ASLEEP), Mood.GONE)  # type: ignore[attr-defined]
