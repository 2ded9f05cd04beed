"""Ada and Bob with one thing of each kind, and a house that forgets what is tried in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from werkzeug.routing import Rule

from portal.access.page import Page, page_of
from portal.app import Portal
from tests.access import belongings
from tests.access.asking import Asker
from tests.access.belongings import Belongings
from tests.access.rehearsal import Rehearsal
from tests.people import Person


@dataclass(frozen=True)
class Route:
    """One way to ask one page: `GET addresses.edit`."""

    method: str
    rule: Rule
    page: Page

    @property
    def name(self) -> str:
        return f"{self.method} {self.rule.endpoint}"

    @property
    def has_id(self) -> bool:
        return bool(self.rule.arguments)


@dataclass(frozen=True)
class Town:
    """Ada, Bob and what they have."""

    ada: Person
    bob: Person
    adas_browser: Asker
    bobs_browser: Asker
    adas: Belongings
    bobs: Belongings
    nobodys: Belongings


@pytest.fixture
def town(house: Portal, ada: Person, bob: Person) -> Town:
    askers = Asker(house, ada), Asker(house, bob)
    return Town(ada, bob, *askers, belongings.of(house, ada), belongings.of(house, bob), belongings.nobodys(house))


@pytest.fixture
def rehearsal(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rehearsal]:
    with monkeypatch.context() as patch:
        yield Rehearsal(patch)


@pytest.fixture
def routes(house: Portal) -> list[Route]:
    """Every way to ask every page, from the map of the running portal."""
    return [
        Route(method, rule, page_of(house, rule.endpoint))
        for rule in sorted(house.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint))
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
