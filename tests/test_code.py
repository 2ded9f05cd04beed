"""What the code itself must not do, wherever it does it."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.app import modules

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "portal").rglob("*.py"))
TEMPLATES = sorted(file for file in (ROOT / "templates").rglob("*.*") if file.suffix in {".html", ".txt", ".xml"})

MARKUP = {
    "portal/addresses/forms.py": "an <option> that WTForms built and escaped, its optional end left out",
    "portal/core/web.py": "a <time> built by Markup.format, which escapes what is put in",
    "portal/demo/letterbox.py": "letters of the demo with their links, escaped before",
    "portal/demo/plain_html.py": "letters of the demo: only known elements are written out again",
}
"""Files that build HTML in Python, each with the reason why nothing a person typed gets through."""


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for file in FILES:
        yield str(file.relative_to(ROOT)), ast.parse(file.read_text())


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_html_is_built_in_reviewed_places_only() -> None:
    users = {name for name, tree in _trees() for node in ast.walk(tree) if _is(node, "Markup")}
    assert users <= set(MARKUP), "review it and add it with its reason"
    assert set(MARKUP) <= users, "the list names a file that needs it no more"


def _is(node: ast.AST, *names: str) -> bool:
    return (isinstance(node, ast.Name) and node.id in names) or (isinstance(node, ast.Attribute) and node.attr in names)


def test_no_template_switches_escaping_off() -> None:
    for file in TEMPLATES:
        source = file.read_text()
        assert not re.search(r"\|\s*safe\b|autoescape\s+false|\bMarkup\b", source), file


def test_data_reaches_scripts_by_no_inline_script() -> None:
    for file in TEMPLATES:
        assert not re.search(r"<script(?![^>]*\bsrc=)", file.read_text()), file


def test_only_the_store_commits() -> None:
    users = {name for name, tree in _trees() for call in _calls(tree) if _is(call.func, "commit") and name != "portal/core/db.py"}
    assert users == set(), "db.transaction() is the only place that commits"


def test_no_statement_is_put_together_from_strings() -> None:
    """`text()` gets a literal: values travel as bound parameters. Names of our own tables are the one exception."""
    allowed = {"portal/core/db.py"}
    for name, tree in _trees():
        for call in _calls(tree):
            if _is(call.func, "text", "exec_driver_sql") and call.args and isinstance(call.func, ast.Name | ast.Attribute):
                is_literal = isinstance(call.args[0], ast.Constant) or name in allowed
                is_sql = "sqlalchemy" in ast.unparse(tree).split("class ")[0]
                assert is_literal or not is_sql, f"{name}:{call.lineno}"


def test_only_the_door_asks_who_is_here() -> None:
    users = {name for name, tree in _trees() for node in ast.walk(tree) if _is(node, "current_user")}
    assert {name for name in users if not name.startswith("portal/access/")} == set()


def test_there_is_one_clock() -> None:
    for name, tree in _trees():
        for call in _calls(tree):
            said = ast.unparse(call.func)
            assert said not in {"datetime.now", "datetime.utcnow", "date.today", "datetime.today"} or name == "portal/core/clock.py", name


def test_a_dialect_is_asked_for_in_one_file_only() -> None:
    users = {name for name, tree in _trees() for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "dialect"}
    assert users == {"portal/core/db.py"}


def test_imports_stand_at_the_top() -> None:
    for name, tree in _trees():
        functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
        for function in functions:
            inside = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
            assert not inside, f"{name}: {function.name}"


def test_nothing_is_called_by_a_name_that_says_nothing() -> None:
    forbidden = {"utils", "helpers", "common", "misc", "base", "managers", "services", "actions"}
    assert [file for file in FILES if file.stem in forbidden or file.parent.name in forbidden] == []


# --- regular expressions


def _patterns() -> dict[str, re.Pattern[str] | re.Pattern[bytes]]:
    """Every pattern that a module of the portal holds or compiles where it uses it."""
    found: dict[str, Any] = {}
    for module in modules():
        found |= {f"{module.__name__}.{name}": value for name, value in vars(module).items() if isinstance(value, re.Pattern)}
    for name, tree in _trees():
        for call in _calls(tree):
            is_pattern = ast.unparse(call.func).startswith("re.") and call.args and isinstance(call.args[0], ast.Constant)
            source = call.args[0].value if is_pattern else None  # type: ignore[attr-defined]
            if source is not None and source not in {pattern.pattern for pattern in found.values()}:
                found[f"{name}:{call.lineno}"] = re.compile(source)
    return found


PATTERNS = _patterns()
PIECES = ["a", "0", " ", "\n", "\t", "-", ".", "@", "/", "#", "# ", "> ", "<", '"', "'", "\\", "%", "="]
PIECES += ["A-", "a.", "0 ", "x@", "http://", "{", "é", "\0", "::", "0-"]
ENDS = ["", "!", "\n", "\0", "@", "}", "x"]


BOUNDED = {"STUCK_TO_IT": "sees 200 characters at most"}
"""Patterns that would be slow, and why they never see a long text."""


def _used_by(name: str) -> set[str]:
    """How the portal asks the pattern of this name: match, search, sub …; everything when that cannot be told."""
    asked = {
        call.func.attr
        for _file, tree in _trees()
        for call in _calls(tree)
        if isinstance(call.func, ast.Attribute) and _is(call.func.value, name.rpartition(".")[2])
    }
    return asked or {"search"}


def _cost(pattern: Any, asked: set[str], text: str) -> float:
    """Seconds, the best of three."""
    subject = text.encode() if isinstance(pattern.pattern, bytes) else text
    anchored = [getattr(pattern, name) for name in ("match", "fullmatch") if name in asked]
    costs = []
    for _turn in range(3):
        began = time.perf_counter()
        for ask in anchored:
            ask(subject)
        if asked - {"match", "fullmatch"}:
            pattern.sub("" if isinstance(subject, str) else b"", subject)
        costs.append(time.perf_counter() - began)
    return min(costs)


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_can_be_made_slow(name: str) -> None:
    """Ten times the text takes about ten times as long, never a hundred times."""
    if name.rpartition(".")[2] not in BOUNDED:
        _refuse_slow(PATTERNS[name], _used_by(name))


def _refuse_slow(pattern: Any, asked: set[str]) -> None:
    for piece, end in ((piece, end) for piece in PIECES for end in ENDS):
        short, long = (piece * (size // len(piece)) + end for size in (1_000, 10_000))
        slow = _cost(pattern, asked, long)
        if slow > 0.002:  # what takes less is no way to attack
            assert slow < 20 * _cost(pattern, asked, short), f"{piece!r} … {end!r}: {slow:.4f} s"


def test_a_slow_pattern_would_be_noticed() -> None:
    with pytest.raises(AssertionError):
        _refuse_slow(re.compile(r"\s+$"), {"search"})
    with pytest.raises(AssertionError):
        _refuse_slow(re.compile(r"\s*\s*="), {"match"})


def test_the_patterns_of_the_portal_are_found() -> None:
    assert len(PATTERNS) > 15
    assert _used_by("portal.core.csv_cells.FORMULA") == {"match"}
