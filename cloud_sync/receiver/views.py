"""Stored batches read back as readings: the evidence, verified again each time it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from cloud_sync.receiver.store.batches import Batches
from cloud_sync.sync.placing import Placing
from cloud_sync.wire.batch import Quality, Quantity, decode, rows
from zero_trust.credential import certificate_key, load_certificate
from zero_trust.envelope import verify_inside


def readings(batches: Batches, site: str) -> Iterator[dict[str, Any]]:
    """Every reading of every stored batch, in the order received.

    Raises:
        SignatureError: a stored batch is not what its hub signed.
    """
    for row in batches.stored():
        public = certificate_key(load_certificate(row["data_certificate"]))
        body = verify_inside(public, row["signed"], site, row["hub"])
        batch = decode(body, site, row["hub"], row["packed"])
        placing = Placing(row["offset_ms"], Quality(row["quality"]))
        for sensor, quantity, reading in rows(batch):
            yield {
                "home": row["home"],
                "hub": batch.hub,
                "stream": batch.stream.name.lower(),
                "seq": batch.seq,
                "sensor": sensor.address,
                "kind": quantity.kind,
                "value": plain_value(reading.value, quantity),
                "unit": quantity.unit,
                "happened_ms": placing.at(reading.at_ms),
                "time_quality": placing.quality.name.lower(),
                "received_ms": row["received_ms"],
            }


def plain_value(value: int | str, quantity: Quantity) -> int | float | bool | str:
    """A value as people and JSON write it: ``25.06``, ``true``, ``"press"``."""
    if isinstance(value, str):
        return value
    if quantity.form == "boolean":
        return bool(value)
    if quantity.exponent >= 0:
        return int(value * 10**quantity.exponent)
    return float(Decimal(value).scaleb(quantity.exponent))
