"""Unsubscribe tokens."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import BadSignature

from portal.core import tokens

KEYS = ["0123456789abcdef" * 3]
UID = bytes(range(12))
TOKEN = "AAECAwQFBgcICQoL0.n3Wbw0_TkV6fNspcp8jU5A"


def test_the_known_token_comes_out_of_the_known_key() -> None:
    assert tokens.make(KEYS, UID, "0") == TOKEN
    assert tokens.read(KEYS, TOKEN) == (UID, "0")
    assert len(TOKEN) == 40


@given(st.binary(min_size=12, max_size=12), st.sampled_from("0123456789abcdefghijklmnopqrstuvwxyz"))
def test_every_token_reads_as_it_was_made_and_fits_a_link(uid: bytes, code: str) -> None:
    token = tokens.make(KEYS, uid, code)
    assert tokens.read(KEYS, token) == (uid, code)
    assert len(token) == 40
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_a_token_of_an_older_key_still_works_and_of_a_removed_key_does_not() -> None:
    newer = ["a newer key, long enough for anything", *KEYS]
    assert tokens.read(newer, TOKEN) == (UID, "0")
    assert tokens.make(newer, UID, "0") != TOKEN
    with pytest.raises(BadSignature):
        tokens.read(newer[:1], TOKEN)


@given(st.text() | st.text("AQg.-_=", max_size=50) | st.binary().map(lambda raw: raw.decode("latin-1")))
@settings(max_examples=500)
def test_junk_is_no_token_and_raises_nothing_else(junk: str) -> None:
    for text in (junk, f"{TOKEN[:17]}.{junk}", f"{junk}.{TOKEN[18:]}", TOKEN + junk):
        try:
            read = tokens.read(KEYS, text)
        except BadSignature:
            continue
        assert read == (UID, "0"), "another spelling of the same token at most"
        assert text.startswith(TOKEN[:39])


def test_no_flipped_bit_of_payload_or_signature_passes() -> None:
    payload, signature = TOKEN[:17].encode(), base64.urlsafe_b64decode(TOKEN[18:] + "==")
    for bit in range(len(payload) * 8):
        changed = _flipped(payload, bit)
        with pytest.raises(BadSignature):
            tokens.read(KEYS, f"{changed.decode('latin-1')}.{TOKEN[18:]}")
    for bit in range(len(signature) * 8):
        changed = base64.urlsafe_b64encode(_flipped(signature, bit)).rstrip(b"=")
        with pytest.raises(BadSignature):
            tokens.read(KEYS, f"{TOKEN[:17]}.{changed.decode()}")


def _flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_a_signed_text_of_another_shape_is_no_token() -> None:
    for payload in (b"", b"0", base64.urlsafe_b64encode(UID), base64.urlsafe_b64encode(UID) + b"AB", base64.urlsafe_b64encode(UID) + b"A"):
        with pytest.raises(BadSignature):
            tokens.read(KEYS, tokens._signer(KEYS).sign(payload).decode())
