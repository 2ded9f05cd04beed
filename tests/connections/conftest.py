"""The shop whose files come in."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.app import Portal
from tests.connections.shops import Shop


@pytest.fixture
def shop(house: Portal, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    """A shop that takes over its Shopify files."""
    folder = tmp_path / "files"
    folder.mkdir()
    return Shop(house, folder, capsys)
