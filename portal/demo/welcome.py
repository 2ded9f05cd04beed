"""What the demo says once it is open: where it is, who one can be, where the letters are, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence

from portal.demo.opening import NO_PASSWORD, SignIn
from portal.settings import Settings


def words(own: Settings, people: Sequence[SignIn]) -> str:
    """All of it in one piece, so that who waits for the first line finds the others, too."""
    lines = [f"The demo shop is open: {own.base_url}", ""]
    lines += [f"sign-in: {person.role} {person.email} {person.password}" for person in people]
    if any(person.password == NO_PASSWORD for person in people):
        lines.append(f"Where a {NO_PASSWORD} stands for the password, ask for a code by mail and read it among the letters.")
    return "\n".join([*lines, "", f"Letters: {own.base_url}/dev/mail", f"Logs: {own.data_dir / 'demo'}", "Stop with Ctrl-C."])
