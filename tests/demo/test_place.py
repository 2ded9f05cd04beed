"""The demo has a folder and settings of its own, stays on this machine, and never takes over a real shop."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal import settings
from portal.cli import cli
from portal.demo import place
from portal.settings import SettingsRefused
from tests.demo_process import free_port


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORTAL_BASE_URL", "PORTAL_DEMO", "PORTAL_SMTP_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shop"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_every_later_command_finds_the_settings_of_the_demo(folder: Path) -> None:
    place.prepare(folder, "127.0.0.1", port := free_port())

    found = settings.load(folder)
    assert (found.demo, found.processor, found.base_url) == (True, "demo", f"http://localhost:{port}")
    assert (folder / "portal.env").stat().st_mode & 0o777 == 0o600


def test_a_start_on_another_port_keeps_the_keys_and_changes_the_address(folder: Path) -> None:
    first = place.prepare(folder, "127.0.0.1", free_port())
    second = place.prepare(folder, "127.0.0.1", port := free_port())

    assert second.secret_key == first.secret_key
    assert second.unsubscribe_keys == first.unsubscribe_keys
    assert second.base_url == f"http://localhost:{port}"
    assert (folder / "portal.env").read_text().count("PORTAL_BASE_URL") == 1


def test_what_the_environment_says_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_RATE_LIMITS", "on")

    assert place.prepare(folder, "127.0.0.1", free_port()).rate_limits == "on"


def test_the_folder_of_a_real_shop_is_left_alone(folder: Path) -> None:
    settings.load(folder)
    before = (folder / "portal.env").read_text()

    with pytest.raises(SettingsRefused, match="not the demo"):
        place.prepare(folder, "127.0.0.1", free_port())
    assert (folder / "portal.env").read_text() == before


def test_letters_of_invented_people_never_leave_by_a_mail_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_SMTP_URL", "smtp://mail.example")

    with pytest.raises(SettingsRefused, match="PORTAL_SMTP_URL"):
        place.prepare(folder, "127.0.0.1", free_port())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "shop.example"])  # noqa: S104 - it is refused
def test_nobody_else_on_the_network_reaches_the_demo(folder: Path, host: str) -> None:
    with pytest.raises(SettingsRefused, match="this machine alone"):
        place.prepare(folder, host, free_port())
    assert not folder.exists()


def test_a_port_in_use_is_told_in_one_sentence(folder: Path, taken: int) -> None:
    answer = CliRunner().invoke(cli, ["demo", "--port", str(taken), "--data", str(folder)])

    assert answer.exit_code == 1
    assert answer.output.count("\n") == 1
    assert str(taken) in answer.output
    assert not folder.exists()
