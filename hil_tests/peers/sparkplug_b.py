"""Readings as one Sparkplug B DDATA payload, protobuf by hand.

Source: Sparkplug 3.0, 6.4 (``sparkplug_b.proto``). Metrics go by alias with their own timestamps; names
and data types are left to the birth certificate, which is not counted.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from hil_tests.peers.sample import Sample

_VARINT, _BYTES, _FIXED32 = 0, 2, 5  # protobuf wire types
_SEQ: Final = 17


def sparkplug_b(samples: Sequence[Sample]) -> bytes:
    """The payload: timestamp (field 1), metrics (2), sequence number (3)."""
    aliases: dict[tuple[str, str], int] = {}
    payload = _field(1, _VARINT, _varint(samples[-1].ts_ms))
    for sample in samples:
        alias = aliases.setdefault((sample.sensor, sample.kind), len(aliases) + 1)
        metric = (
            _field(3, _VARINT, _varint(alias)) + _field(4, _VARINT, _varint(sample.ts_ms)) + _value(sample)
        )
        payload += _field(2, _BYTES, _varint(len(metric)) + metric)
    return payload + _field(3, _VARINT, _varint(_SEQ))


def _value(sample: Sample) -> bytes:
    """Field 14 boolean, 12 float, 10 int (two's complement of 32 bits)."""
    if sample.boolean:
        return _field(14, _VARINT, _varint(sample.value))
    if sample.exponent:
        return _field(12, _FIXED32, struct.pack("<f", sample.plain))
    return _field(10, _VARINT, _varint(sample.value & 0xFFFFFFFF))


def _field(number: int, wire_type: int, content: bytes) -> bytes:
    return _varint(number << 3 | wire_type) + content


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    octets.append(value)
    return bytes(octets)
