"""What customers read is in plain words, and nobody is scared or coaxed."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboard.reading import grade, syllables

ROOT = Path(__file__).parents[2]
CALL = re.compile(r"""\b(?:_|ngettext)\(\s*((?:"(?:[^"\\]|\\.)*"\s*,?\s*)+)""")
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
LAWYERS_WORDS = re.compile(r"data subject|DSAR|data controller|pursuant|hereby|herein", re.IGNORECASE)
PRESSURE = re.compile(r"miss out|lose your benefits|are you sure you want to|sorry to see you go|last chance|hurry", re.IGNORECASE)
FEWEST_WORDS = 100


def messages_of_templates() -> Iterator[tuple[str, str]]:
    for file in sorted((ROOT / "templates").rglob("*.*")):
        if file.suffix in {".html", ".txt"}:
            for call in CALL.finditer(file.read_text()):
                yield from ((file.relative_to(ROOT).parts[1], text) for text in TEXT.findall(call[1]))


def messages_of_code() -> Iterator[tuple[str, str]]:
    for file in sorted((ROOT / "portal").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"_", "_l", "ngettext"}:
                slice_name = file.relative_to(ROOT / "portal").parts[0]
                yield from ((slice_name, arg.value) for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))


MESSAGES = [*messages_of_templates(), *messages_of_code()]
BY_SLICE: dict[str, list[str]] = defaultdict(list)
for place, message in MESSAGES:
    if message.rstrip("”").endswith((".", "?", "!", ":")):
        BY_SLICE[place].append(message)
LONG_ENOUGH = [place for place, said in BY_SLICE.items() if len(" ".join(said).split()) >= FEWEST_WORDS]


def test_syllables_are_counted_as_they_are_heard() -> None:
    heard = "stop/1 stopped/1 cake/1 cookie/2 address/2 table/2 letters/2 changes/2 deleted/3 privacy/3"
    for word, count in (pair.split("/") for pair in heard.split()):
        assert syllables(word) == int(count), word


def test_a_hard_text_is_found_hard() -> None:
    assert grade("The aforementioned organization undertakes appropriate administrative, technical and organizational precautions.") > 15


@pytest.mark.parametrize("place", sorted(LONG_ENOUGH))
def test_what_customers_read_asks_for_eight_years_of_school_at_most(place: str) -> None:
    said = BY_SLICE[place]
    hardest = sorted(said, key=grade, reverse=True)[:5]
    assert grade(" ".join(said)) <= 8, hardest


def test_no_page_speaks_like_a_lawyer() -> None:
    assert not [text for _place, text in MESSAGES if LAWYERS_WORDS.search(text)]


def test_no_page_scares_or_coaxes() -> None:
    texts = [text for _place, text in MESSAGES] + [(ROOT / "portal" / "demo" / "policy.txt").read_text()]
    assert not [text for text in texts if PRESSURE.search(text)]


def test_the_labels_that_customers_were_promised_are_the_labels_they_find() -> None:
    texts = {text for _place, text in MESSAGES}
    assert {"My Account", "E-mail Notifications"} <= texts
