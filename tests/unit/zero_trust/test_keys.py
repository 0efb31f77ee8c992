"""Keys: what is signed verifies, nothing else does; one key has one spelling."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zero_trust import keys
from zero_trust.errors import SignatureError, TrustError

KEY = keys.generate_key()


def test_a_signature_has_64_bytes_and_verifies() -> None:
    """Sign, then verify with the public half."""
    signature = keys.sign(KEY, b"message")

    assert len(signature) == 64
    keys.verify(KEY.public_key(), signature, b"message")


@pytest.mark.parametrize(
    ("public", "cut", "message"),
    [
        (keys.generate_key().public_key(), 64, b"message"),
        (KEY.public_key(), 64, b"massage"),
        (KEY.public_key(), 63, b"message"),
        (KEY.public_key(), 0, b"message"),
    ],
    ids=["other key", "other message", "cut signature", "no signature"],
)
def test_wrong_signatures_are_refused(public: keys.PublicKey, cut: int, message: bytes) -> None:
    """Another key, another message or another length never verifies."""
    with pytest.raises(SignatureError) as refused:
        keys.verify(public, keys.sign(KEY, b"message")[:cut], message)

    assert refused.value.code == "signature-wrong"


def test_signing_needs_no_randomness() -> None:
    """The same message signed twice has the same signature (RFC 6979)."""
    assert keys.sign(KEY, b"message") == keys.sign(KEY, b"message")


def test_a_public_key_survives_its_bytes() -> None:
    """The canonical bytes give the key back, and the fingerprint is over them."""
    spki = keys.public_bytes(KEY.public_key())

    assert keys.public_key(spki) == KEY.public_key()
    assert keys.fingerprint(KEY.public_key()) == hashlib.sha256(spki).digest()


def _der(public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "spki",
    [
        b"",
        b"\x30",
        keys.public_bytes(KEY.public_key())[:-1],
        keys.public_bytes(KEY.public_key()) + b"\0",
        _der(ec.generate_private_key(ec.SECP384R1()).public_key()),
        _der(ed25519.Ed25519PrivateKey.generate().public_key()),
        bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
        + KEY.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint),
    ],
    ids=["empty", "cut", "one short", "one long", "P-384", "Ed25519", "compressed point"],
)
def test_only_canonical_p256_keys_are_read(spki: bytes) -> None:
    """Other curves, damage and other spellings of the same key are refused."""
    with pytest.raises(TrustError) as refused:
        keys.public_key(spki)

    assert refused.value.code == "key-malformed"


def test_four_words_tell_keys_apart() -> None:
    """Two keys have different words, one key always the same."""
    words = keys.four_words(KEY.public_key())

    assert words == keys.four_words(KEY.public_key())
    assert len(words.split()) == 4
    assert words != keys.four_words(keys.generate_key().public_key())


def test_the_word_list_has_256_distinct_words() -> None:
    """Each octet has its own word, short and plain enough to say aloud."""
    words = keys._words()

    assert len(set(words)) == 256
    assert all(word.isalpha() and word.islower() and 3 <= len(word) <= 8 for word in words)
