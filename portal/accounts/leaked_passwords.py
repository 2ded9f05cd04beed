"""Leaked passwords: a password that stood in a published leak is refused, and the question never leaves the shop."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import resources

PLACES = 20
"""Bits set for each password. With 28.8 bits of filter for each it gives one false alarm in a million."""


def is_leaked(password: str) -> bool:
    """Does the password, as typed or in lower case, stand in the list of leaked ones of 12 characters or more?

    The list is kept as a Bloom filter: every password of the list is found; of others, one in a million is refused too.
    """
    return _is_in(_filter(), password) or _is_in(_filter(), password.lower())


def places(password: str, bits: int) -> Iterator[int]:
    """Which bits of a filter of `bits` bits stand for the password (Kirsch and Mitzenmacher: two hashes make as many as needed)."""
    digest = hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()
    first, step = int.from_bytes(digest[:16]), int.from_bytes(digest[16:]) | 1
    return ((first + n * step) % bits for n in range(PLACES))


def _is_in(bloom: bytes, password: str) -> bool:
    return all(bloom[place >> 3] & 1 << (place & 7) for place in places(password, len(bloom) * 8))


@cache
def _filter() -> bytes:
    return resources.files(__package__).joinpath("leaked_passwords.bloom").read_bytes()
