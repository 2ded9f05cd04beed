"""Who gets what: every page, asked by a visitor, by Ada and by Bob, for their own things and for each other's."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from portal.access.page import Door
from portal.app import Portal
from tests.access.asking import Asker
from tests.access.belongings import Belongings
from tests.access.conftest import Route, Town
from tests.access.rehearsal import Rehearsal

EXPECTED = tomllib.loads((Path(__file__).parent / "matrix.toml").read_text())
BY_LINK = {Door.MAIL, Door.LINK, Door.OPEN, Door.VISITOR}
"""Doors where the address itself is the right to enter, or where everybody may."""
CHANGING = re.compile(rb'(name="(?:csrf_token|form_key)"[^>]* value=)"[^"]*"')


@pytest.fixture
def answers(house: Portal, town: Town, routes: list[Route], rehearsal: Rehearsal) -> dict[str, list[int]]:
    """What each page answers: to a visitor, to a customer about their own, to a customer about the other's."""
    visitor, found = Asker(house), {}
    for route in routes:
        cells = [visitor.ask(route.method, town.adas.path(route.rule)).status]
        adas = _cells(route, town.adas_browser, town.adas, town.bobs)
        bobs = _cells(route, town.bobs_browser, town.bobs, town.adas)
        assert adas == bobs, f"{route.name}: Ada got {adas}, Bob got {bobs}"
        found[route.name] = [*cells, *adas]
    return found


def _cells(route: Route, asker: Asker, own: Belongings, other: Belongings) -> list[int]:
    asked = [own, other] if route.has_id else [own]
    return [asker.ask(route.method, whose.path(route.rule)).status for whose in asked]


def test_every_page_answers_everybody_as_the_table_says(answers: dict[str, list[int]]) -> None:
    """The table is read by people. A new page fails here: look at what it answers, and add the line if that is right."""
    wrong = [f'"{name}" = {cells}' for name, cells in answers.items() if EXPECTED.get(name) != cells]
    assert wrong == [], "\n".join(["visitor, own, other's:", *wrong])
    assert set(EXPECTED) <= set(answers), "the table names a page that is no more"


def test_pages_of_customers_let_no_visitor_in_and_no_customer_near_anothers_things(routes: list[Route]) -> None:
    """What must hold of the table itself, whoever edits it."""
    for route in routes:
        visitor, *customers = EXPECTED[route.name]
        if route.page.is_signed_in:
            assert visitor == (302 if route.method == "GET" else 422), route.name
        if route.has_id and route.page.door not in BY_LINK and "name" not in route.rule.arguments:
            assert customers[1] == 404, route.name
        assert all(status < 500 for status in (visitor, *customers)), route.name


def test_anothers_things_look_like_things_that_are_not_there_and_stay_as_they_are(
    town: Town, routes: list[Route], rehearsal: Rehearsal
) -> None:
    rehearsal.begin()
    for route in routes:
        if not route.has_id or route.page.door in BY_LINK:
            continue
        pages = []
        for whose in (town.bobs, town.nobodys):
            rehearsal.forget()
            answer = town.adas_browser.ask(route.method, whose.path(route.rule))
            assert town.bob.id not in rehearsal.touched_people, route.name
            pages.append((answer.status, CHANGING.sub(rb"\1", answer.body)))
        if "name" not in route.rule.arguments:
            assert pages[0] == pages[1], route.name
            assert pages[0][0] == 404, route.name


def test_ada_changes_nothing_of_bobs_on_any_page(town: Town, routes: list[Route], rehearsal: Rehearsal) -> None:
    rehearsal.begin()
    for route in routes:
        rehearsal.forget()
        town.adas_browser.ask(route.method, town.adas.path(route.rule))
        assert town.bob.id not in rehearsal.touched_people, route.name


def test_the_rehearsal_sees_what_a_page_changes(town: Town, rehearsal: Rehearsal) -> None:
    rehearsal.begin()
    for _time in range(2):
        rehearsal.forget()
        assert town.adas_browser.ask("POST", f"/me/addresses/{town.adas.of_name['address_id']}/remove").status == 302
        assert "address" in rehearsal.changed
        assert rehearsal.touched_people == {town.ada.id}
