"""Publishing a policy from the command line."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from portal.app import Portal
from portal.core import db
from portal.policy import commands, version


def publish(house: Portal, file: Path, *options: str) -> tuple[int, str]:
    answer = CliRunner().invoke(commands.policy, ["publish", str(file), *options])
    return answer.exit_code, answer.output


def test_a_new_text_becomes_the_next_version_and_the_same_text_none(house: Portal, tmp_path: Path) -> None:
    file = tmp_path / "policy.txt"
    file.write_text("# What we collect {what}\n> Little.\n\nOnly what an order needs.\n", encoding="utf-8")
    assert publish(house, file) == (0, f"Version 2, 1 sections, applies from {_day(house)}.\n")
    assert publish(house, file)[1].startswith("Version 2,")


def test_a_text_for_a_later_day_waits_for_it(house: Portal, tmp_path: Path) -> None:
    file = tmp_path / "policy.txt"
    file.write_text("# Later {later}\n\nText.\n", encoding="utf-8")
    assert publish(house, file, "--effective", "2999-01-01") == (0, "Version 2, 1 sections, applies from 2999-01-01.\n")
    with db.reading():
        in_force = version.in_force()
        assert in_force is not None
        assert in_force.number == "1"


def test_a_file_without_sections_is_refused_in_a_sentence(house: Portal, tmp_path: Path) -> None:
    file = tmp_path / "policy.txt"
    file.write_text("Just words.", encoding="utf-8")
    code, said = publish(house, file)
    assert code == 1
    assert "No section was found" in said


def _day(house: Portal) -> str:
    with db.reading():
        in_force = version.in_force()
        assert in_force is not None
        return f"{in_force.effective_at:%Y-%m-%d}"
