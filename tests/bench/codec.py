"""How fast batches are written and read, and what the format costs a hub to import."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from itertools import islice

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cloud_sync.wire.batch import Batch, Inline, decode, encode, leans_on
from tests.bench.harness import Figure, Samples, at_least, at_most, in_turns, rate
from tests.bench.home_day import HUB, batches
from tests.bench.peer_encodings import json_per_reading
from zero_trust.envelope import open_sealed, seal, sign_inside, site_key_id, verify_inside
from zero_trust.keys import PrivateKey, PublicKey, generate_key

READINGS, BATCHES, ROUNDS = 1000, 12, 9
TARGET_READINGS_S = 100_000


IMPORT_ROUNDS = 7
TARGET_IMPORT_MS, TARGET_IMPORT_MB = 15.0, 3.0
# On top of what a hub has loaded anyway. statm, not the peak: a child inherits its parent's peak.
PROBE = """
import dataclasses, enum, functools, hashlib, os, time, typing, zlib, collections.abc, msgpack
def resident(): return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
before, began = resident(), time.perf_counter()
{what}
print((time.perf_counter() - began) * 1000, resident() - before)
"""


def codec_import() -> list[Figure]:
    """Milliseconds and MB that a fresh interpreter takes to import cloud_sync.wire.batch, a hub's other needs loaded.

    Beside it, in turns: importing the json package of the standard library in the same way.
    """
    ours, peer = in_turns(
        IMPORT_ROUNDS,
        partial(_probed, "import cloud_sync.wire.batch"),
        partial(_probed, "import json, decimal"),
    )
    columns = (("ms", "ms", TARGET_IMPORT_MS, 0), ("MB", "MB", TARGET_IMPORT_MB, 1))
    return [
        Figure(
            Samples(f"codec import, {name}", tuple(value[place] for value in ours)),
            unit,
            at_most(target),
            (Samples("peer: json and decimal", tuple(value[place] for value in peer)),),
        )
        for name, unit, target, place in columns
    ]


def _probed(what: str) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(what=what)], capture_output=True, text=True, check=True
    )
    taken_ms, taken_mb = map(float, done.stdout.split())
    return taken_ms, taken_mb


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
