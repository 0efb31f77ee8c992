"""Stored batches read back as readings and coverage: the evidence, verified again each time it is shown."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, TypeAlias

from cloud_sync.receiver.store.batches import Batches
from cloud_sync.sync.placing import Placing
from cloud_sync.wire.batch import Batch, Quality, Quantity, decode, rows
from cloud_sync.wire.manifest import Manifest
from device_profiles.reading import words
from zero_trust.credential import certificate_key, load_certificate
from zero_trust.envelope import verify_inside

Opened: TypeAlias = tuple[
    sqlite3.Row, Batch, Placing
]  # the row as stored, what it says, and its place in time


def readings(batches: Batches, site: str, home: str | None = None) -> Iterator[dict[str, Any]]:
    """Every reading of every stored batch (of one home), in the order received; none twice.

    A boot that speaks in two epochs is that of a hub whose disk was put back while readings waited in it: both
    lives have sent them, so there the readings themselves are compared.

    Raises:
        SignatureError: a stored batch is not what its hub signed.
    """
    return told(batches, opened(batches, site, home))


def opened(batches: Batches, site: str, home: str | None = None) -> Iterator[Opened]:
    """Every stored batch (of one home) as stored and as decoded, in the order received, its signature verified again.

    Raises:
        SignatureError: a stored batch is not what its hub signed.
    """
    for row in batches.stored(home):
        public = certificate_key(load_certificate(row["data_certificate"]))
        body = verify_inside(public, row["signed"], site, row["hub"])
        batch = decode(body, site, row["hub"], row["packed"])
        yield row, batch, Placing(row["offset_ms"], Quality(row["quality"]))


def told(batches: Batches, evidence: Iterable[Opened]) -> Iterator[dict[str, Any]]:
    """What :func:`readings` gives, of ``batches`` that :func:`opened` has opened already."""
    doubtful = _boots_of_several_epochs(batches)
    said: dict[tuple[Any, ...], Counter[bytes]] = defaultdict(Counter)  # how often each epoch has said it
    for row, batch, placing in evidence:
        stream, quality = batch.stream.name.lower(), placing.quality.name.lower()
        for sensor, quantity, reading in rows(batch):
            if (batch.hub, batch.boot_id) in doubtful:
                identity = (
                    batch.hub,
                    batch.boot_id,
                    sensor.address,
                    quantity.kind,
                    reading.at_ms,
                    reading.value,
                )
                if _said_before(said[identity], batch.epoch):
                    continue
            yield {
                "home": row["home"],
                "hub": batch.hub,
                "stream": stream,
                "seq": batch.seq,
                "sensor": sensor.address,
                "role": sensor.role,
                "kind": quantity.kind,
                "value": plain_value(reading.value, quantity),
                "unit": quantity.unit,
                "flags": list(words(quantity.flags)),
                "happened_ms": placing.at(reading.at_ms),
                "time_quality": quality,
                "received_ms": row["received_ms"],
            }


def coverage(batches: Batches, site: str) -> Iterator[dict[str, Any]]:
    """Every span in which a hub says that it listened, in the order received.

    Raises:
        SignatureError: a stored batch is not what its hub signed.
    """
    return listened(opened(batches, site))


def listened(evidence: Iterable[Opened]) -> Iterator[dict[str, Any]]:
    """What :func:`coverage` gives, of batches that :func:`opened` has opened already."""
    for row, batch, placing in evidence:
        for start_ms, end_ms in batch.spans:
            yield {
                "home": row["home"],
                "hub": batch.hub,
                "from_ms": placing.at(start_ms),
                "to_ms": placing.at(end_ms),
                "time_quality": placing.quality.name.lower(),
            }


def _said_before(told: Counter[bytes], epoch: bytes) -> bool:
    """Whether another epoch has said the same as often as this one now has."""
    told[epoch] += 1
    return any(times >= told[epoch] for other, times in told.items() if other != epoch)


def _boots_of_several_epochs(batches: Batches) -> set[tuple[str, bytes]]:
    epochs: dict[tuple[str, bytes], set[bytes]] = {}
    for hub, epoch, packed in batches.boots():
        epochs.setdefault((hub, Manifest.unpack(packed).boot_id), set()).add(epoch)
    return {boot for boot, spoke_in in epochs.items() if len(spoke_in) > 1}


def plain_value(value: int | str, quantity: Quantity) -> int | float | bool | str:
    """A value as people and JSON write it: ``25.06``, ``true``, ``"press"``."""
    if isinstance(value, str):
        return value
    if quantity.form == "boolean":
        return bool(value)
    if quantity.exponent >= 0:
        return int(value * 10**quantity.exponent)
    return float(Decimal(value).scaleb(quantity.exponent))
