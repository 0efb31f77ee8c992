"""What identifies a batch's content, and the chain over all of a stream's: equal chains mean equal histories."""

from __future__ import annotations

import hashlib

from cloud_sync.wire.body import Stream

DIGEST_BYTES = 32


def content_digest(body: bytes) -> bytes:
    """SHA-256 over the signed bytes, not the signature: ECDSA signatures can be altered without breaking."""
    return hashlib.sha256(b"lum-digest-1\0" + body).digest()


def chain_start(hub: str, epoch: bytes, stream: Stream) -> bytes:
    """The chain hash before the first batch of a stream."""
    return hashlib.sha256(b"lum-chain-1\0" + hub.encode() + b"\0" + epoch + bytes([stream])).digest()


def chain_next(chain: bytes, digest: bytes) -> bytes:
    """The chain hash after one more batch."""
    return hashlib.sha256(chain + digest).digest()
