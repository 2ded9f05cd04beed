"""The demo's own payment processor: it lets people pick a sample card, and remembers it in a file of its own."""

from __future__ import annotations

import fcntl
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from portal import settings
from portal.core import web
from portal.payments.processor import Card, Visit

FILE = "demo-processor.json"
SAMPLES = {
    "visa": ("Visa", "4242", "2030-04"),
    "mastercard": ("Mastercard", "4444", "2029-11"),
    "amex": ("American Express", "0005", "2031-08"),
}


@dataclass(frozen=True)
class DemoProcessor:
    """Keeps visits, cards and customers in one JSON file. No card number exists anywhere in it."""

    file: Path
    name: str = "Demo Pay"

    def begin_setup(self, customer_token: str, return_url: str, key: str) -> Visit:
        with self._memory() as memory:
            reference: str = memory["keys"].setdefault(key, secrets.token_urlsafe(16))
            memory["visits"].setdefault(reference, {"customer": customer_token, "return_url": return_url, "card": None})
        return Visit(reference, web.link("demo_processor.visit", reference=reference))

    def complete(self, reference: str) -> Card | None:
        with self._memory() as memory:
            card = memory["visits"].get(reference, {}).get("card")
        return Card(**card) if card else None

    def detach(self, token: str, key: str) -> None:
        with self._memory() as memory:
            memory["cards"].pop(token, None)

    def delete_customer(self, customer_token: str, key: str) -> None:
        with self._memory() as memory:
            memory["cards"] = {token: card for token, card in memory["cards"].items() if card["customer_token"] != customer_token}
            memory["visits"] = {reference: visit for reference, visit in memory["visits"].items() if visit["customer"] != customer_token}

    def return_url(self, reference: str) -> str | None:
        """Where a visit leads back to; None for a visit that was never prepared."""
        with self._memory() as memory:
            visit = memory["visits"].get(reference)
        return visit["return_url"] if visit else None

    def pick(self, reference: str, sample: str) -> None:
        """The customer picks a sample card on the page. A visit ends with its first card."""
        with self._memory() as memory:
            visit = memory["visits"][reference]
            if visit["card"]:
                return
            visit["customer"] = visit["customer"] or f"cus_{secrets.token_hex(8)}"
            card = Card(f"card_{secrets.token_hex(8)}", visit["customer"], *SAMPLES[sample])
            visit["card"] = memory["cards"][card.token] = asdict(card)

    def cards(self) -> list[str]:
        """Tokens of all cards that the processor knows."""
        with self._memory() as memory:
            return list(memory["cards"])

    @contextmanager
    def _memory(self) -> Iterator[dict[str, Any]]:
        """The file, held by one worker at a time and written back."""
        with self.file.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            memory = json.loads(file.read() or '{"keys": {}, "visits": {}, "cards": {}}')
            yield memory
            file.truncate(0)
            json.dump(memory, file)


def running() -> DemoProcessor:
    """The demo's processor, with its file in the data folder."""
    return DemoProcessor(settings.current().data_dir / FILE)
