"""Every act that the portal records can be told to the person it is about."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from portal.activity import acts, letters
from portal.app import Portal, modules
from portal.core import acting
from portal.letters.letter import State

TEMPLATES = Path(__file__).parents[2] / "templates" / "letters"
LETTERS = sorted(file for file in TEMPLATES.glob("*.html") if file.read_text().startswith('{% extends "letters/layout.html" %}'))


@dataclass(frozen=True)
class Recorded:
    """A call that records an act: where, which act, and what is said along with it."""

    where: str
    act: str
    known: frozenset[str]


def recorded() -> list[Recorded]:
    return [found for module in modules() for found in _in_module(module)]


def _in_module(module: ModuleType) -> Iterator[Recorded]:
    tree = ast.parse(Path(module.__file__ or "").read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in {"audit.record", "record"} and not _is_about_nobody(call):
                for act in _acts(module, functions, function, call.args[0]):
                    yield Recorded(f"{module.__name__}:{call.lineno}", act, _known(call))


def _is_about_nobody(call: ast.Call) -> bool:
    return isinstance(call.args[1], ast.Constant) and call.args[1].value is None


def _acts(module: ModuleType, functions: list[ast.FunctionDef], inside: ast.FunctionDef, said: ast.expr) -> Iterator[str]:
    """The names an expression can stand for: itself, a constant, or what the callers of this function pass on."""
    if isinstance(said, ast.Constant):
        yield str(said.value)
        return
    names = [argument.arg for argument in inside.args.args]
    text = ast.unparse(said)
    if text not in names:
        yield str(eval(text, vars(module)))  # noqa: S307 - a constant of our own module
        return
    for function in functions:
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == inside.name:
                yield from _acts(module, functions, function, call.args[names.index(text)])


def _known(call: ast.Call) -> frozenset[str]:
    facts = {word.arg for word in call.keywords if word.arg and word.arg != "details"}
    details = [word.value for word in call.keywords if word.arg == "details"]
    keys = {str(key.value) for found in details if isinstance(found, ast.Dict) for key in found.keys if isinstance(key, ast.Constant)}
    return frozenset(facts | keys)


def test_the_search_finds_what_is_recorded() -> None:
    found = {one.act for one in recorded()}
    assert {"signed_in", "person_erased", "address_removed", "email_changed"} <= found


def test_every_act_that_is_recorded_has_a_sentence() -> None:
    assert not [one for one in recorded() if one.act not in acts.SENTENCES]


def test_no_sentence_is_left_of_an_act_that_is_never_recorded() -> None:
    assert set(acts.SENTENCES) <= {one.act for one in recorded()}


def test_a_sentence_asks_for_nothing_that_was_not_recorded() -> None:
    for one in recorded():
        asked = _placeholders(str(acts.SENTENCES[one.act]))
        assert asked <= one.known, one


def _placeholders(sentence: str) -> set[str]:
    return {part.partition(")")[0] for part in sentence.split("%(")[1:]}


def test_each_kind_of_actor_has_a_name_that_people_understand() -> None:
    assert set(acts.ACTORS) == set(acting.Kind)


def test_an_act_of_an_older_portal_is_still_told(house: Portal) -> None:
    assert acts.sentence("moved_house", {}) == "Recorded: moved house."


@pytest.mark.parametrize("file", LETTERS, ids=lambda file: file.stem)
def test_every_letter_has_a_title_that_people_understand(file: Path) -> None:
    assert file.stem in letters.TITLES


def test_each_state_of_a_letter_is_told_in_words() -> None:
    assert set(letters.STATES) == set(State)
