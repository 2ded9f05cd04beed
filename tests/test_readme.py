"""The README stays true: its settings, promises, commands and pages exist."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner
from werkzeug.routing import RequestRedirect

from portal import ROOT, cli
from portal import settings as own_settings
from portal.app import Portal

README = (ROOT / "README.md").read_text(encoding="utf-8")
PROMISE = re.compile(r"^\| [AG]\d+ .+ \| `(/[^`]*)` \| (.+) \(`(.+\.py)`\) \|$", re.MULTILINE)
COMMAND = re.compile(r"^\.venv/bin/python -m portal ([a-z -]+?)(?= --| FILE|\s*#|$)", re.MULTILINE)


def test_the_settings_stand_in_it_as_in_the_code() -> None:
    told = re.search(r"settings: begin -->\n(.+?)<!-- settings: end", README, re.DOTALL)
    assert told is not None
    rows = [(name, default if default == "—" else f"`{default}`", meaning) for name, default, meaning in own_settings.table()]
    assert told[1].splitlines()[2:] == [f"| `{name}` | {default} | {meaning} |" for name, default, meaning in rows]


def test_each_promise_names_a_page_that_is_there_and_a_test_that_proves_it(house: Portal) -> None:
    promises = PROMISE.findall(README)
    assert len(promises) > 40
    urls = house.url_map.bind("localhost")
    for path, sentence, file in promises:
        try:
            urls.match(path)
        except RequestRedirect:
            pytest.fail(f"{path} leads elsewhere")
        name = "test_" + sentence.replace(" ", "_")
        assert f"def {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), f"{file} has no {name}"


def test_each_command_is_there() -> None:
    cli.gather()
    told = COMMAND.findall(README)
    assert len(told) >= 10
    for command in told:
        answer = CliRunner().invoke(cli.cli, [*command.split(), "--help"])
        assert answer.exit_code == 0, f"{command}: {answer.output}"
    assert isinstance(cli.cli, click.Group)


def test_it_fits_in_a_short_read() -> None:
    assert len(README.splitlines()) <= 250
