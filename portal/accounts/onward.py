"""On to where somebody wanted to go, once they signed in or proved themselves; what they had typed there comes along."""

from __future__ import annotations

from typing import Any

from flask import current_app, redirect, render_template

Carried = list[tuple[str, str]]


def go(target: str, carried: Carried) -> Any:
    """Lead to a page of ours, or show what was typed for it, to be sent there by the person."""
    typed = [(name, value) for name, value in carried if name != "form_key"]
    if not carried or (not typed and _is_page(target)):
        return redirect(target)
    return render_template("accounts/resume.html", typed=typed, target=target)


def _is_page(target: str) -> bool:
    """Can it be looked at, or only be sent to?"""
    return bool(current_app.url_map.bind("").test(target.partition("?")[0], method="GET"))
