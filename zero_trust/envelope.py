"""Signed inside, encrypted outside: what a batch wears on its way over a broker that nobody trusts.

``signed = body || signature(64)`` is what the hub keeps, and what the receiver stores as evidence.
``sealed = site key id(8) || HPKE(signed)`` exists only while it travels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from zero_trust import keys
from zero_trust.errors import EnvelopeError

SITE_KEY_ID_BYTES = 8
SEALED_OVERHEAD_BYTES = SITE_KEY_ID_BYTES + 48  # key id, encapsulated key, AEAD tag

_BATCH_TAG: Final = b"lum-batch-1\0"
_SEAL_TAG: Final = b"lum-seal-1\0"
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)


def sign_inside(data_key: keys.PrivateKey, body: bytes, site: str, hub: str) -> bytes:
    """Sign a batch body with the hub's data key: ``body || signature``.

    Site and hub are named in what is signed though not in what is sent: both ends know them, and a
    batch means nothing under another hub's name or at another site.
    """
    return sign_tagged(data_key, _batch_tag(site, hub), body)


def verify_inside(public: keys.PublicKey, signed: bytes, site: str, hub: str) -> bytes:
    """Give back the body of a batch that ``hub`` signed for ``site``.

    Raises:
        SignatureError: ``batch-signature-wrong``.
    """
    return verify_tagged(public, _batch_tag(site, hub), signed, code="batch-signature-wrong")


def sign_tagged(key: keys.PrivateKey, tag: bytes, body: bytes) -> bytes:
    """Sign ``tag || body`` and give ``body || signature``.

    The tag names the kind of message and ends in NUL, so no signature over one kind can be
    passed off as one over another: no tag is a prefix of another tag and its body.
    """
    return body + keys.sign(key, tag + body)


def verify_tagged(
    public: keys.PublicKey, tag: bytes, signed: bytes, *, code: str = "signature-wrong"
) -> bytes:
    """Give back the body of what :func:`sign_tagged` made.

    The signature is over the bytes as received; nothing is decoded before it holds.

    Raises:
        SignatureError: with ``code``.
    """
    body, signature = signed[: -keys.SIGNATURE_BYTES], signed[-keys.SIGNATURE_BYTES :]
    keys.verify(public, signature, tag + body, code=code)
    return body


def site_key_id(public: X25519PublicKey) -> bytes:
    """Name a site's encryption key: the first 8 bytes of its SHA-256."""
    return hashlib.sha256(public.public_bytes_raw()).digest()[:SITE_KEY_ID_BYTES]


def seal(signed: bytes, site_public: X25519PublicKey, hub: str) -> bytes:
    """Encrypt a signed batch of ``hub`` to the site.

    HPKE (RFC 9180, base mode) makes a fresh key for each message, so there is no nonce to repeat.
    Base mode proves no sender: that is the inner signature's duty. ``info`` binds kind, site key
    and hub, so a broker can neither move an envelope to another hub's topic nor to another key.
    """
    key_id = site_key_id(site_public)
    return key_id + _SUITE.encrypt(signed, site_public, info=_info(key_id, hub))


def open_sealed(sealed: bytes, site_keys: Mapping[bytes, X25519PrivateKey], hub: str) -> bytes:
    """Decrypt what :func:`seal` made; give back the signed batch.

    Args:
        sealed: bytes as they came from the topic of ``hub``.
        site_keys: the site's live private keys by :func:`site_key_id`.
        hub: id of the hub on whose topic it came.

    Raises:
        EnvelopeError: ``batch-not-decryptable``: unknown key, another hub's, altered or cut.
    """
    key_id, encrypted = sealed[:SITE_KEY_ID_BYTES], sealed[SITE_KEY_ID_BYTES:]
    site_key = site_keys.get(key_id)
    if site_key is None:
        raise EnvelopeError("batch-not-decryptable", "sealed to a key that this site does not hold")
    try:
        return _SUITE.decrypt(encrypted, site_key, info=_info(key_id, hub))
    except (InvalidTag, ValueError) as error:
        raise EnvelopeError("batch-not-decryptable") from error


def _batch_tag(site: str, hub: str) -> bytes:
    # Unambiguous: each name says its length, so no pair of names and body reads as another.
    names = (site.encode(), hub.encode())
    return _BATCH_TAG + b"".join(bytes([len(name)]) + name for name in names)


def _info(key_id: bytes, hub: str) -> bytes:
    # Unambiguous: tag and key id have fixed lengths, the hub id is the rest.
    return _SEAL_TAG + key_id + hub.encode()
