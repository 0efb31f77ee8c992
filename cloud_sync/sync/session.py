"""The key of one session between hub and site, under which heartbeats are authenticated, and its name.

Hub and site agree on it without another message: the hub's hello carries a public key made
for this session, the signed cursor the site's. Only they can compute the shared secret.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SESSION_KEY_BYTES = 32
SESSION_NAME_BYTES = 16


def session_key(private: X25519PrivateKey, public: X25519PublicKey, nonce: bytes) -> bytes:
    """The same 32 bytes at both ends; ``nonce`` is the hello's, so no two sessions share a key."""
    derive = HKDF(algorithm=hashes.SHA256(), length=SESSION_KEY_BYTES, salt=nonce, info=b"lum-session-1\0")
    return derive.derive(private.exchange(public))


def session_name(key: bytes) -> bytes:
    """16 bytes that name a session to those who hold its key: what names it means nothing in another one."""
    return hmac.new(key, b"lum-session-name-1\0", hashlib.sha256).digest()[:SESSION_NAME_BYTES]
