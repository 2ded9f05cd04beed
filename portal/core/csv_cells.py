"""Cells of CSV files that a spreadsheet must not take for a formula: one apostrophe in front, and off again."""

from __future__ import annotations

import re

STARTS = r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]"  # the last four are the full-width forms of = + - @
FORMULA = re.compile("'*" + STARTS)
ESCAPED = re.compile("'+" + STARTS)


def escape(text: str) -> str:
    """A text cell as it is written: one apostrophe in front if a spreadsheet could run it (CWE-1236)."""
    return f"'{text}" if FORMULA.match(text) else text


def unescape(text: str) -> str:
    """A text cell as it was before `escape`: `unescape(escape(text)) == text` for every text; "'t Hart" stays a name."""
    return text[1:] if ESCAPED.match(text) else text
