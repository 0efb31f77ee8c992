"""What the benchmarks measure with: the generated home, the peers' encodings, the import table."""

from __future__ import annotations

import json
import struct
from itertools import islice

from cloud_sync.wire.batch import decode, encode
from tests.bench.home_day import DAY_MS, batches, rows
from tests.bench.imports import by_package, own_ms
from tests.bench.peer_encodings import json_per_reading, sparkplug_b

SIZE = 40


def test_the_day_is_the_size_it_says_and_in_order() -> None:
    """Some 38,000 readings within one day, sorted by time."""
    times = [row.at_ms for row in rows()]

    assert 37_000 < len(times) < 39_000
    assert times == sorted(times)
    assert times[-1] - times[0] < DAY_MS


def test_batches_are_numbered_and_valid_and_go_on_past_the_day() -> None:
    """Each survives the strict decoder; the sequence has no gap where the day begins again."""
    day = len(rows()) // 10_000
    made = list(batches(10_000, day + 1))

    assert [batch.seq for batch in made] == list(range(1, day + 2))
    assert made[0].readings == made[-1].readings
    (small,) = islice(batches(SIZE), 1)
    encoded = encode(small)
    read = decode(encoded.body, small.site, small.hub, encoded.inline.packed)
    assert len(read.readings) == len(small.readings)
    assert {sensor.address for sensor in read.sensors} == {sensor.address for sensor in small.sensors}


def test_sparkplug_says_the_same_readings() -> None:
    """Read back field by field: aliases, wall times and values of every reading."""
    (batch,) = islice(batches(SIZE), 1)
    assert batch.anchor is not None
    offset_ms = batch.anchor.wall_ms - batch.anchor.boot_ms
    aliases: dict[tuple[int, int], int] = {}

    parts = [part for number, part in fields(sparkplug_b(batch)) if number == 2]
    metrics = [dict(fields(part)) for part in parts if isinstance(part, bytes)]

    assert len(metrics) == SIZE
    for metric, reading in zip(metrics, batch.readings, strict=True):
        quantity = batch.quantities[reading.quantity]
        alias = aliases.setdefault((reading.sensor, reading.quantity), len(aliases))
        assert (metric[3], metric[4]) == (alias, reading.at_ms + offset_ms)
        value = next(metric[number] for number in (10, 12, 14) if number in metric)
        said = struct.unpack("<f", value)[0] if isinstance(value, bytes) else value
        assert round(said * 10**-quantity.exponent) == reading.value


def test_json_says_the_same_readings() -> None:
    """One object a reading, with the value people would read."""
    (batch,) = islice(batches(SIZE), 1)
    text = json_per_reading(batch).decode().replace("}{", "}\n{")

    told = [json.loads(line) for line in text.splitlines()]

    assert len(told) == SIZE
    for said, reading in zip(told, batch.readings, strict=True):
        quantity = batch.quantities[reading.quantity]
        assert said["kind"] == quantity.kind
        assert round(said["value"] * 10**-quantity.exponent) == reading.value


def test_own_times_are_read_from_what_python_writes() -> None:
    """Microseconds become milliseconds; indentation and the heading do not matter."""
    written = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:       250 |        250 |     json.decoder\n"
        "import time:      1500 |       1750 | cryptography.x509\n"
        "a warning: 3 | 4 | other\n"
    )

    assert own_ms(written) == {"json.decoder": 0.25, "cryptography.x509": 1.5}


def test_packages_sum_up_their_modules_and_python_is_one() -> None:
    """Standard library modules share one row."""
    sums = by_package({"json.decoder": 1.0, "ssl": 2.0, "bleak.exc": 3.0, "bleak": 4.0})

    assert sums == {"Python's own": 3.0, "bleak": 7.0}


def fields(message: bytes) -> list[tuple[int, int | bytes]]:
    """The fields of a protobuf message: varints as numbers, all else as bytes."""
    found: list[tuple[int, int | bytes]] = []
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        length = 4
        if tag & 7 != 5:
            length, at = varint(message, at)
        if tag & 7 == 0:
            found.append((tag >> 3, length))
            continue
        found.append((tag >> 3, message[at : at + length]))
        at += length
    return found


def varint(message: bytes, at: int) -> tuple[int, int]:
    """A varint and where it ends."""
    value = shift = 0
    while True:
        octet = message[at]
        value |= (octet & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if octet < 0x80:
            return value, at
