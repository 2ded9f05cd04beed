"""A request that claims another host gets a plain refusal, and no trace of a fault in the log."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.app import create_app
from tests.conftest import make_settings


def test_a_request_for_somebody_elses_host_is_refused(place: Path, store_url: str, caplog: pytest.LogCaptureFixture) -> None:
    public = {"base_url": "https://privacy.halyard-music.example", "demo": False, "keyring": place.parent / "keyring"}
    house = create_app(make_settings(place, store_url).model_copy(update=public))
    answer = house.test_client().get("/stop-email", base_url="https://evil.example")
    assert answer.status_code == 400
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert caplog.records == []
    house.extensions["engine"].dispose()
