"""The key ring: the keys outside the store, in a file of their own and in its copies."""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from portal.core.boxes import KEY_BYTES, NONCE_BYTES, BoxRefused
from portal.core.durable import overwritten_after, write


class KeyRingRefused(Exception):
    """The key ring is missing, cut, altered or open to others: the portal does not start."""


@dataclass
class KeyRing:
    """The keys outside the store: KEKs by version, digest keys (newest first), the audit signing seed."""

    keks: dict[int, bytes]
    digest_keys: list[bytes]
    audit_seed: bytes
    places: Sequence[Path] = field(default_factory=tuple)

    @classmethod
    def fresh(cls, places: Sequence[Path]) -> KeyRing:
        return cls({1: os.urandom(KEY_BYTES)}, [os.urandom(KEY_BYTES)], os.urandom(KEY_BYTES), places)

    @classmethod
    def read(cls, places: Sequence[Path]) -> KeyRing:
        """Read the ring from its first place. Raises KeyRingRefused with one plain sentence."""
        file = places[0]
        try:
            status = file.stat()
            raw = file.read_bytes()
        except OSError:
            raise KeyRingRefused(f"The key ring {file} is missing or cannot be read.") from None
        if status.st_mode & 0o077 or status.st_uid != os.geteuid():
            raise KeyRingRefused(f"The key ring {file} must belong to this user alone (mode 0600).")
        try:
            body, _, check = raw.rstrip(b"\n").rpartition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != check:
                raise ValueError("check sum")
            data = orjson.loads(body)
            keks = {int(v): _key(k) for v, k in data["keks"].items()}
            return cls(keks, [_key(k) for k in data["digest"]], _key(data["audit"]), places)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise KeyRingRefused(f"The key ring {file} is cut or altered.") from None

    def write(self) -> None:
        """Write every place: temporary file, fsync, rename, fsync of the folder."""
        keks, digests = {str(version): _text(kek) for version, kek in self.keks.items()}, [_text(key) for key in self.digest_keys]
        body = orjson.dumps({"keks": keks, "digest": digests, "audit": _text(self.audit_seed)})
        for place in self.places:
            with overwritten_after(place):
                write(place, body + b"\n" + hashlib.sha256(body).hexdigest().encode() + b"\n")

    @property
    def current(self) -> int:
        return max(self.keks)

    def wrap(self, dek: bytes, kind: str, owner: uuid.UUID, version: int) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._kek(version)).encrypt(nonce, dek, _wrap_label(version, kind, owner))

    def unwrap(self, wrapped: bytes, kind: str, owner: uuid.UUID, version: int) -> bytes:
        try:
            return AESGCM(self._kek(version)).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _wrap_label(version, kind, owner))
        except (InvalidTag, ValueError):
            raise BoxRefused("a data key does not open") from None

    def _kek(self, version: int) -> bytes:
        if version not in self.keks and self.places:
            self.keks = KeyRing.read(self.places).keks
        if version not in self.keks:
            raise BoxRefused("a data key does not open")
        return self.keks[version]


def _key(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError("key length")
    return key


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _wrap_label(version: int, kind: str, owner: uuid.UUID) -> bytes:
    return f"dek|v1|{version}|{kind}|{owner}".encode()
