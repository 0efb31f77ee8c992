"""How many bytes a reading costs on its way."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cloud_sync.wire.message import Kind, framed
from tests.bench.harness import Figure, Samples, at_most
from tests.bench.home_day import HUB, batches, signed_day
from tests.bench.peer_encodings import json_per_reading, sparkplug_b
from zero_trust.envelope import seal
from zero_trust.keys import generate_key

TARGETS_BYTES = {100: 2.9, 1000: 0.95}  # a reading, signed, sealed and framed


def sizes() -> list[Figure]:
    """Bytes of each whole message of a generated home's day (encoded, signed, sealed, framed) over its readings.

    Beside it: the same readings as JSON objects and as Sparkplug B (hand-encoded), neither signed nor
    sealed. MQTT and TLS are left out on both sides.
    """
    return [_figure(size) for size in TARGETS_BYTES]


def _figure(size: int) -> Figure:
    day = list(batches(size))
    data_key, site_public = generate_key(), X25519PrivateKey.generate().public_key()

    sealed = [framed(Kind.BATCH, seal(signed, site_public, HUB.hub)) for signed in signed_day(data_key, day)]
    return Figure(
        Samples(f"bytes a reading, {size} a batch", tuple(len(message) / size for message in sealed)),
        "B",
        at_most(TARGETS_BYTES[size]),
        (
            Samples("peer: Sparkplug B, unsigned", tuple(len(sparkplug_b(batch)) / size for batch in day)),
            Samples(
                "peer: JSON a reading, unsigned", tuple(len(json_per_reading(batch)) / size for batch in day)
            ),
        ),
    )
