"""The shared test data beside the checkout; without it these tests skip, but on CI a missing folder is a failure."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("PORTAL_SHARED_DATA", Path(__file__).parents[2] / "shared/data"))


def shared(name: str) -> Any:
    """A JSON file of the shared test data."""
    if not FOLDER.is_dir() and os.environ.get("CI") != "true":
        pytest.skip(f"no shared test data at {FOLDER}; set PORTAL_SHARED_DATA", allow_module_level=True)
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))
