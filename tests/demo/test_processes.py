"""The demo's processes live and end together."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.demo import processes
from tests.demo_process import ROOT


@pytest.fixture(autouse=True)
def _own_signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tests' own way with signals comes back afterwards."""
    monkeypatch.chdir(ROOT)
    before = {number: signal.getsignal(number) for number in processes.ENOUGH}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def sleeper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[str, ...]:
    """Stands in for a command of the portal that goes on until it is asked to stop."""
    program = tmp_path / "sleeper"
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    return ("anything",)


def test_when_one_process_ends_by_itself_the_demo_says_which_and_where_its_words_are(tmp_path: Path) -> None:
    commands = {"worker": ("no-such-command",)}
    with processes.running(commands, tmp_path, tmp_path) as crew, pytest.raises(processes.Ended, match=r"worker.*worker\.log"):
        crew.watch()

    assert "no-such-command" in (tmp_path / "worker.log").read_text()


@pytest.mark.parametrize("number", processes.ENOUGH, ids=lambda number: number.name)
def test_whoever_asks_it_to_stop_stops_all_of_it(tmp_path: Path, sleeper: tuple[str, ...], number: signal.Signals) -> None:
    with processes.running({"one": sleeper, "other": sleeper}, tmp_path, tmp_path) as crew:
        os.kill(os.getpid(), number)
        crew.watch()

    assert all(part.process.returncode for part in crew.parts)


def test_asked_to_stop_before_the_pages_answer_it_does_not_wait_for_them(tmp_path: Path, sleeper: tuple[str, ...]) -> None:
    with processes.running({"web": sleeper}, tmp_path, tmp_path) as crew:
        os.kill(os.getpid(), signal.SIGTERM)
        assert not crew.is_open("http://127.0.0.1:9/healthz")


def test_a_process_that_does_not_listen_is_ended_all_the_same(
    tmp_path: Path, sleeper: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LAST_SECONDS", 0.2)
    program = Path(sys.executable)
    deafness = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\nimport time"
    program.write_text(program.read_text().replace("import time", deafness))

    with processes.running({"web": sleeper}, tmp_path, tmp_path) as crew:
        while "deaf" not in (tmp_path / "web.log").read_text():
            time.sleep(0.05)

    assert crew.parts[0].process.returncode == -signal.SIGKILL


def test_under_nohup_the_demo_outlives_its_terminal(tmp_path: Path, sleeper: tuple[str, ...]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with processes.running({"web": sleeper}, tmp_path, tmp_path) as crew:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not crew.asked
