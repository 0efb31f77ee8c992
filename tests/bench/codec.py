"""How fast batches are written and read, and what the format costs a hub to import."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import islice

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cloud_sync.wire.batch import Batch, Inline, decode, encode, leans_on
from tests.bench.harness import Figure, Samples, at_least, in_turns, rate
from tests.bench.home_day import HUB, batches
from tests.bench.peer_encodings import json_per_reading
from zero_trust.envelope import open_sealed, seal, sign_inside, site_key_id, verify_inside
from zero_trust.keys import PrivateKey, PublicKey, generate_key

READINGS, BATCHES, ROUNDS = 1000, 12, 9
TARGET_READINGS_S = 100_000


def codec() -> list[Figure]:
    """Readings a second of CPU time, 1000 a batch, one core: encode, sign and seal; open, verify and decode.

    Beside each, in turns: the same readings written as JSON, and SHA-256 over the sealed bytes.
    """
    key, site = generate_key(), X25519PrivateKey.generate()
    first, *others = islice(batches(READINGS), BATCHES)
    inline = encode(first).inline
    sealed = [_sealed(batch, inline, key, site.public_key()) for batch in others]
    many = READINGS * len(others)
    site_keys = {site_key_id(site.public_key()): site}

    written, json_written, opened, hash_only = in_turns(
        ROUNDS,
        rate(lambda: [_sealed(batch, inline, key, site.public_key()) for batch in others], many),
        rate(lambda: [json_per_reading(batch) for batch in others], many),
        rate(lambda: [_opened(message, inline, key.public_key(), site_keys) for message in sealed], many),
        rate(lambda: [hashlib.sha256(message).digest() for message in sealed], many),
    )
    target = at_least(TARGET_READINGS_S)
    return [
        Figure(
            Samples("encode, sign, seal", written),
            "/s",
            target,
            (Samples("peer: JSON a reading, bare", json_written),),
        ),
        Figure(
            Samples("open, verify, decode", opened),
            "/s",
            target,
            (Samples("limit: SHA-256 of the bytes", hash_only),),
        ),
    ]


def _sealed(batch: Batch, inline: Inline, key: PrivateKey, site: X25519PublicKey) -> bytes:
    body = encode(batch, inline).body
    return seal(sign_inside(key, body, HUB.site, HUB.hub), site, HUB.hub)


def _opened(
    message: bytes, inline: Inline, key: PublicKey, site_keys: Mapping[bytes, X25519PrivateKey]
) -> Batch:
    signed = open_sealed(message, site_keys, HUB.hub)
    body = verify_inside(key, signed, HUB.site, HUB.hub)
    _, own = leans_on(body)
    return decode(body, HUB.site, HUB.hub, own or inline.packed)
