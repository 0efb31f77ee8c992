"""How many bytes a reading costs on its way."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cloud_sync.wire.batch import Batch, encode
from cloud_sync.wire.message import Kind, framed
from tests.bench.harness import Figure, Samples, at_most
from tests.bench.home_day import HUB, batches
from tests.bench.peer_encodings import json_per_reading, sparkplug_b
from zero_trust.envelope import SEALED_OVERHEAD_BYTES, seal, sign_inside
from zero_trust.keys import SIGNATURE_BYTES, generate_key

BODY_TARGET_BYTES = 8.0  # a reading, before signature and seal
BATCH_SIZES = (100, 1000)


def sizes() -> list[Figure]:
    """Bytes of each whole message of a generated home's day (encoded, signed, sealed, framed) over its readings.

    Beside it: the same readings as JSON objects and as Sparkplug B (hand-encoded), neither signed nor
    sealed. MQTT and TLS are left out on both sides.
    """
    return [_figure(size) for size in BATCH_SIZES]


def _figure(size: int) -> Figure:
    day = list(batches(size))
    data_key, site_public = generate_key(), X25519PrivateKey.generate().public_key()

    def message(batch: Batch) -> int:
        return len(framed(Kind.BATCH, seal(sign_inside(data_key, encode(batch)), site_public, HUB.hub)))

    envelope = (1 + SIGNATURE_BYTES + SEALED_OVERHEAD_BYTES) / size
    return Figure(
        Samples(f"bytes a reading, {size} a batch", tuple(message(batch) / size for batch in day)),
        "B",
        at_most(BODY_TARGET_BYTES + envelope),
        (
            Samples("peer: Sparkplug B, unsigned", tuple(len(sparkplug_b(batch)) / size for batch in day)),
            Samples(
                "peer: JSON a reading, unsigned", tuple(len(json_per_reading(batch)) / size for batch in day)
            ),
        ),
    )
