"""Makes the list of keys that are no secrets: `python -m tests.make_published_keys LIST > portal/published_keys.bin`.

LIST is `wordlists/all.txt` of the Python package flask-unsign-wordlist 2024.1, the keys that attackers try on session cookies.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from portal.settings import SHORTEST_SECRET, _mark


def keys(source: Path) -> set[str]:
    """The keys of the list that are long enough to be set: as they stand, without blanks around, and as Python reads them."""
    lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
    return {key for line in lines for key in (line, line.strip(), _spoken(line)) if len(key.encode()) >= SHORTEST_SECRET}


def _spoken(line: str) -> str:
    try:
        value = ast.literal_eval(line)
    except (ValueError, SyntaxError):
        return line
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    sys.stdout.buffer.write(b"".join(sorted({_mark(key) for key in keys(Path(sys.argv[1]))})))
