"""Readings as one SenML pack in CBOR (RFC 8428), written by hand (RFC 8949, shortest forms).

Grouped by sensor, so that base names stand once; the base time stands in the first record.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from hil_tests.peers.sample import Sample

# Labels of RFC 8428, 6.
_BASE_NAME, _BASE_TIME, _NAME, _VALUE, _BOOLEAN, _TIME = -2, -3, 0, 2, 4, 6
_MILLI: Final = -3

_Item = int | str | bool | tuple[int, int]  # the pair: mantissa, decimal exponent


def senml_cbor(samples: Sequence[Sample]) -> bytes:
    """The pack: one record a reading."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.sensor, []).append(sample)
    began_ms = samples[0].ts_ms
    records: list[bytes] = []
    for sensor, group in groups.items():
        for place, sample in enumerate(group):
            record: dict[int, _Item] = {_BASE_NAME: f"{sensor}/"} if place == 0 else {}
            if not records:
                record[_BASE_TIME] = began_ms, _MILLI
            records.append(_map(record | _fields(sample, began_ms)))
    return _head(4, len(records)) + b"".join(records)


def _fields(sample: Sample, began_ms: int) -> dict[int, _Item]:
    fields: dict[int, _Item] = {_NAME: sample.kind}
    if sample.boolean:
        fields[_BOOLEAN] = bool(sample.value)
    else:
        fields[_VALUE] = sample.value, sample.exponent
    if sample.ts_ms != began_ms:
        fields[_TIME] = sample.ts_ms - began_ms, _MILLI
    return fields


def _map(record: Mapping[int, _Item]) -> bytes:
    return _head(5, len(record)) + b"".join(_whole(key) + _item(item) for key, item in record.items())


def _item(item: _Item) -> bytes:
    if isinstance(item, bool):
        return b"\xf5" if item else b"\xf4"
    if isinstance(item, str):
        return _head(3, len(item.encode())) + item.encode()
    return _whole(item) if isinstance(item, int) else _number(*item)


def _number(mantissa: int, exponent: int) -> bytes:
    """The shortest that says it: an integer, an exact float, or a decimal fraction (tag 4)."""
    while exponent < 0 and mantissa % 10 == 0:
        mantissa, exponent = mantissa // 10, exponent + 1
    if exponent == 0:
        return _whole(mantissa)
    decimal = b"\xc4\x82" + _whole(exponent) + _whole(mantissa)
    return min(decimal, _float(mantissa / 10**-exponent), key=len)


def _float(value: float) -> bytes:
    for tag, form in ((b"\xf9", ">e"), (b"\xfa", ">f")):
        try:
            packed = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.unpack(form, packed)[0] == value:
            return tag + packed
    return b"\xfb" + struct.pack(">d", value)


def _whole(value: int) -> bytes:
    return _head(0, value) if value >= 0 else _head(1, -1 - value)


def _head(major: int, value: int) -> bytes:
    if value < 24:
        return bytes([major << 5 | value])
    size = next(size for size in range(4) if value < 1 << 8 * (1 << size))
    return bytes([major << 5 | 24 + size]) + value.to_bytes(1 << size, "big")
