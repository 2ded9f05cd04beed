"""Boxes: a document sealed for one table, row and owner opens there and nowhere else."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
BOX_VERSION = b"\x01"


class BoxRefused(Exception):
    """A sealed document does not open here: altered, moved, cut, or its key is gone. One error for all."""


def seal(dek: bytes, table: str, row_id: uuid.UUID, owner: uuid.UUID, fields: Mapping[str, Any]) -> bytes:
    """Seal fields (JSON values) into one document that opens only for this table, row and owner. AES-256-GCM (NIST SP 800-38D)."""
    nonce = os.urandom(NONCE_BYTES)
    plain = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    return BOX_VERSION + nonce + AESGCM(dek).encrypt(nonce, plain, _label(table, row_id, owner))


def unseal(dek: bytes, table: str, row_id: uuid.UUID, owner: uuid.UUID, box: bytes) -> dict[str, Any]:
    """Open what `seal` made. Raises BoxRefused, whatever is wrong with the box."""
    if box[:1] != BOX_VERSION:
        raise BoxRefused("a sealed document does not open")
    nonce, sealed = box[1 : 1 + NONCE_BYTES], box[1 + NONCE_BYTES :]
    try:
        plain = AESGCM(dek).decrypt(nonce, sealed, _label(table, row_id, owner))
    except (InvalidTag, ValueError):
        raise BoxRefused("a sealed document does not open") from None
    fields: dict[str, Any] = orjson.loads(plain)
    return fields


def _label(table: str, row_id: uuid.UUID, owner: uuid.UUID) -> bytes:
    return f"v1|{table}|{row_id}|{owner}".encode()
