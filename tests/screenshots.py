"""The pictures of the README, taken anew from the demo shop: `python -m tests.screenshots`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests import demo_process
from tests.demo_process import ROOT, Demo

PICTURES = ROOT / "pictures"
VIEWS: Mapping[str, dict[str, Any]] = {
    "my-account-desktop-light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "my-account-phone-dark": {"viewport": {"width": 375, "height": 900}, "color_scheme": "dark"},
}


def take(demo: Demo) -> None:
    """Sign in as the first of the demo's people in each view, and keep what My Account looks like."""
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, view in VIEWS.items():
            with browser.new_context(**view) as context:
                page = context.new_page()
                sign_in(page, demo)
                page.screenshot(path=PICTURES / f"{name}.png")
        browser.close()


def sign_in(page: Page, demo: Demo) -> None:
    """By the printed password."""
    page.goto(f"{demo.url}/sign-in")
    for field, typed in {"email": demo.people[0]["email"], "password": demo.people[0]["password"]}.items():
        page.fill(f"[name={field}]", typed)
        page.click("main button.primary")
    page.wait_for_url(f"{demo.url}/me")


def main() -> None:
    """Take all pictures from a shop of their own."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place, demo_process.running(Path(place) / "shop") as demo:
        take(demo)
    for file in sorted(PICTURES.glob("*.png")):
        print(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1024} KB")  # noqa: T201


if __name__ == "__main__":
    main()
