"""Digests: an address or a number can be looked up by one who holds the key, and read by nobody."""

from __future__ import annotations

import hmac
import unicodedata
from contextlib import suppress
from functools import lru_cache

import idna

from portal.core.keyring import ring

LONGEST_DOMAIN = 253


def digest(kind: str, value: str) -> bytes:
    """Keyed digest (HMAC-SHA-256) by which a value can be looked up but not read."""
    return hmac.digest(ring().digest_keys[0], f"{kind}|v1|{value}".encode(), "sha256")


def normal_email(address: str) -> str:
    """The form of an address that is looked up: NFC, trimmed, lower case, IDNA domain; dots and plus signs stay."""
    local, _, domain = unicodedata.normalize("NFC", address).strip().lower().rpartition("@")
    return f"{local}@{_normal_domain(domain)}"


@lru_cache(maxsize=4096)
def _normal_domain(domain: str) -> str:
    with suppress(idna.IDNAError):
        return idna.encode(domain, uts46=True).decode() if len(domain) <= LONGEST_DOMAIN else domain
    return domain


def email_digest(address: str) -> bytes:
    return digest("email", normal_email(address))
