"""Unsubscribe tokens: signed, without an address inside, and valid for ever."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence

from itsdangerous import BadSignature, Signer
from itsdangerous.signer import HMACAlgorithm

SALT = b"unsubscribe/1"
SIGNATURE_BYTES = 16
UID_BYTES = 12
PAYLOAD = re.compile(rb"[A-Za-z0-9_-]{16}[0-9a-z]")


class _ShortHmac(HMACAlgorithm):
    """HMAC-SHA-256 cut to 16 bytes: 128 bits are enough for a link and keep it short."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return super().get_signature(key, value)[:SIGNATURE_BYTES]


def _signer(keys: Sequence[str]) -> Signer:
    """`keys` newest first: the newest signs, all verify."""
    secrets = [key.encode() for key in reversed(keys)]
    return Signer(secrets, salt=SALT, key_derivation="hmac", digest_method=hashlib.sha256, algorithm=_ShortHmac(hashlib.sha256))


def make(keys: Sequence[str], uid: bytes, topic_code: str) -> str:
    """A token of 40 characters for the contact's random uid (12 bytes) and a topic code of one character."""
    return _signer(keys).sign(base64.urlsafe_b64encode(uid) + topic_code.encode()).decode()


def read(keys: Sequence[str], token: str) -> tuple[bytes, str]:
    """(uid, topic code) of a token. Raises BadSignature and nothing else, whatever the text."""
    try:
        payload = _signer(keys).unsign(token.encode("ascii"))
    except (UnicodeEncodeError, ValueError):
        raise BadSignature("not a token") from None
    if not PAYLOAD.fullmatch(payload):
        raise BadSignature("not a token")
    return base64.urlsafe_b64decode(payload[:16]), payload[16:].decode()
