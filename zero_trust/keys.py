"""P-256 keys: make, sign, verify, name.

P-256 because secure elements speak it. A signature is 64 bytes (r || s, big-endian):
fixed length, so it can end a message without a length field.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from zero_trust.errors import SignatureError, TrustError

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey

SIGNATURE_BYTES = 64


def generate_key() -> PrivateKey:
    """Make a P-256 key from the operating system's randomness."""
    return ec.generate_private_key(ec.SECP256R1())


def sign(key: PrivateKey, message: bytes) -> bytes:
    """Sign the SHA-256 of ``message``; 64 bytes."""
    r, s = decode_dss_signature(key.sign(message, _signing_algorithm()))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify(public: PublicKey, signature: bytes, message: bytes, *, code: str = "signature-wrong") -> None:
    """Check that ``public`` signed ``message``.

    Raises:
        SignatureError: with ``code``, if the signature is not 64 bytes or not of this key and message.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError(code, f"a signature has {SIGNATURE_BYTES} bytes, this one {len(signature)}")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        public.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise SignatureError(code) from error


def public_bytes(public: PublicKey) -> bytes:
    """The public key as DER SubjectPublicKeyInfo (91 bytes)."""
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def public_key(spki: bytes) -> PublicKey:
    """Read a DER SubjectPublicKeyInfo.

    Raises:
        TrustError: ``key-malformed``, if it is not a P-256 public key in canonical form.
    """
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise TrustError("key-malformed") from error
    # Canonical only: the same key in another spelling would be another identity in the registry.
    if not isinstance(key, PublicKey) or not isinstance(key.curve, ec.SECP256R1) or public_bytes(key) != spki:
        raise TrustError("key-malformed")
    return key


def fingerprint(public: PublicKey) -> bytes:
    """SHA-256 over the SubjectPublicKeyInfo (32 bytes)."""
    return hashlib.sha256(public_bytes(public)).digest()


def four_words(public: PublicKey) -> str:
    """Four words that two people can compare aloud (32 bits of the fingerprint)."""
    words = _words()
    return " ".join(words[octet] for octet in fingerprint(public)[:4])


@cache
def _signing_algorithm() -> ec.ECDSA:
    # RFC 6979: no random source can leak the key, and equal input gives equal output, which tests like.
    # An OpenSSL without it signs with random nonces, as secure elements do; verifiers cannot tell.
    try:
        return ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    except UnsupportedAlgorithm:
        return ec.ECDSA(hashes.SHA256())


@cache
def _words() -> tuple[str, ...]:
    text = resources.files(__package__).joinpath("words.txt").read_text(encoding="utf-8")
    return tuple(text.split())
