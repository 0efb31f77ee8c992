"""How others would put the same readings on the wire: encoded by hand, payload only."""

from __future__ import annotations

import json
import struct

from cloud_sync.wire.batch import Batch, Quantity, Reading

VARINT, FIXED32, BYTES = 0, 5, 2  # protobuf wire types


def json_per_reading(batch: Batch) -> bytes:
    """One compact JSON object a reading, each a message of its own: time, sensor, kind, value."""
    return b"".join(
        json.dumps(_described(batch, reading), separators=(",", ":")).encode() for reading in batch.readings
    )


def sparkplug_b(batch: Batch) -> bytes:
    """The batch as one Sparkplug B DDATA payload, in its most compact form.

    Source: Sparkplug 3.0, 6.4 (``sparkplug_b.proto``). Metrics by alias with their own timestamps,
    data types left to the birth certificate, which is not counted; it names sensors and kinds, as
    each of our batches does.
    """
    aliases: dict[tuple[int, int], int] = {}
    payload = _field(1, VARINT, _varint(batch.made_ms)) + _field(3, VARINT, _varint(batch.seq % 256))
    for reading in batch.readings:
        alias = aliases.setdefault((reading.sensor, reading.quantity), len(aliases))
        metric = _field(3, VARINT, _varint(alias)) + _field(4, VARINT, _varint(_wall_ms(batch, reading)))
        metric += _value(batch.quantities[reading.quantity], reading)
        payload += _field(2, BYTES, _varint(len(metric)) + metric)
    return payload


def _described(batch: Batch, reading: Reading) -> dict[str, object]:
    sensor, quantity = batch.sensors[reading.sensor], batch.quantities[reading.quantity]
    value = round(int(reading.value) * 10.0**quantity.exponent, 2)
    return {
        "ts": _wall_ms(batch, reading),
        "sensor": sensor.address.replace(":", ""),
        "kind": quantity.kind,
        "value": bool(reading.value) if quantity.form == "boolean" else value,
    }


def _value(quantity: Quantity, reading: Reading) -> bytes:
    """Field 14 boolean, 12 float, 10 int: the shortest that holds the value."""
    number = int(reading.value)
    if quantity.form == "boolean":
        return _field(14, VARINT, _varint(number))
    if quantity.exponent < 0:
        return _field(12, FIXED32, struct.pack("<f", number * 10.0**quantity.exponent))
    return _field(10, VARINT, _varint(number))


def _wall_ms(batch: Batch, reading: Reading) -> int:
    offset_ms = batch.anchor.wall_ms - batch.anchor.boot_ms if batch.anchor else 0
    return reading.at_ms + offset_ms


def _field(number: int, wire_type: int, content: bytes) -> bytes:
    return _varint(number << 3 | wire_type) + content


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)
