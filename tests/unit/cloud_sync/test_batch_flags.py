"""Flags and roles in batches: carried whole, and no burden to the readings that have none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from cloud_sync.wire.batch import (
    Batch,
    Contract,
    Encoded,
    Inline,
    Quantity,
    Reading,
    Sensor,
    Stream,
    decode,
    encode,
    rows,
)
from cloud_sync.wire.errors import WireError
from cloud_sync.wire.manifest import PLAIN, QUANTITIES_MAX, Manifest, Track
from device_profiles.reading import Flag

SENSOR = Sensor("C0:00:00:00:00:01", "door", "Hall", "bthome_v2", Contract.HEARTBEAT, 60, "entrance")
WARM = Quantity("temperature", "°C", -2, "number")
DAMP = Quantity("humidity", "%", -2, "number")
MINUTE_MS = 60_000

Said = Sequence[tuple[Quantity, int, int]]  # quantity, ms, value


def batch(said: Said, seq: int = 1, sensor: Sensor = SENSOR) -> Batch:
    """A routine batch of one sensor."""
    quantities = tuple(dict.fromkeys(quantity for quantity, _, _ in said))
    readings = tuple(Reading(0, quantities.index(q), at_ms, value) for q, at_ms, value in said)
    made_ms = max(at_ms for _, at_ms, _ in said)
    return Batch(
        "site",
        "h" * 13,
        bytes(8),
        Stream.ROUTINE,
        seq,
        bytes(16),
        made_ms,
        None,
        (sensor,),
        quantities,
        readings,
    )


def heard(encoded: Encoded) -> list[tuple[str, int, int | str]]:
    """Kind, flags and value of each reading, as the cloud reads them."""
    read = decode(encoded.body, "site", "h" * 13, encoded.inline.packed)
    return [(quantity.kind, quantity.flags, reading.value) for _, quantity, reading in rows(read)]


def tracks(inline: Inline) -> tuple[Track, ...]:
    """The tracks of the one sensor in a manifest."""
    return Manifest.unpack(inline.packed).sensors[0].tracks


def climate(minutes: int) -> list[tuple[Quantity, int, int]]:
    """Temperature and humidity once a minute, slowly rising."""
    return [
        (quantity, minute * MINUTE_MS, base + minute)
        for minute in range(minutes)
        for quantity, base in ((WARM, 2100), (DAMP, 4500))
    ]


def test_flags_and_role_arrive_as_they_were_sent() -> None:
    """Bits of today and of tomorrow, beside readings of the same kind without any."""
    odd = [0, Flag.STUCK, Flag.PLAIN | Flag.COUNTER_RESET, 1 << 15]
    said = [(replace(WARM, flags=flags), 1000 * place, place) for place, flags in enumerate(odd)]

    encoded = encode(batch(said))

    assert heard(encoded) == [("temperature", int(flags), place) for place, flags in enumerate(odd)]
    assert decode(encoded.body, "site", "h" * 13, encoded.inline.packed).sensors == (SENSOR,)


@pytest.mark.parametrize("flags", [-1, 1 << 16])
def test_impossible_flags_are_not_written(flags: int) -> None:
    """They would not fit what the format holds."""
    with pytest.raises(WireError, match="flags"):
        encode(batch([(replace(WARM, flags=flags), 0, 1)]))


def test_the_format_and_the_hub_mean_the_same_bit_by_plain() -> None:
    """The wire names one bit for itself; it must be the hub's."""
    assert Flag(PLAIN) is Flag.PLAIN


def test_another_role_is_told_with_a_new_manifest() -> None:
    """A sensor that moves from the door to the bed is described anew."""
    first = encode(batch(climate(2)))
    moved = replace(SENSOR, role="bed")

    second = encode(batch(climate(2), seq=2, sensor=moved), first.inline)

    assert second.inline.seq == 2
    assert Manifest.unpack(second.inline.packed).sensors[0].role == "bed"


def test_flagged_readings_leave_the_others_as_they_were() -> None:
    """A wild value is another column of another track: hints and rows of the rest do not know of it."""
    wild = [(replace(WARM, flags=int(Flag.JUMP)), 7 * MINUTE_MS + 13_000, 9000)]

    usual, flagged = encode(batch(climate(30))), encode(batch([*climate(30), *wild]))

    assert tracks(flagged.inline)[0] == tracks(usual.inline)[0]
    assert [[q.flags for q in track.quantities] for track in tracks(flagged.inline)] == [[0, 0], [Flag.JUMP]]


def test_readings_without_flags_cost_the_same_beside_a_flagged_column() -> None:
    """Once a sensor was flagged, its other readings need hardly a byte more."""
    wild = [(replace(quantity, flags=int(Flag.JUMP)), 0, 9000) for quantity in (WARM, DAMP)]
    usual, flagged = encode(batch(climate(30))), encode(batch([*climate(30), *wild]))

    after = [encode(batch(climate(30), seq=2), before.inline) for before in (usual, flagged)]

    assert [encoded.inline.seq for encoded in after] == [1, 1]
    assert len(after[1].body) <= len(after[0].body) + 1


def test_more_mixes_of_flags_than_a_manifest_holds_are_still_told() -> None:
    """The manifest begins again with what the batch speaks of; a hub is never stuck."""
    inline = None
    for seq in range(1, 60):
        mixes = [replace(WARM, kind=f"k{kind}", flags=2 * seq) for kind in range(60)]
        encoded = encode(batch([(quantity, 0, seq) for quantity in mixes], seq), inline)
        inline = encoded.inline
        assert [flags for _, flags, _ in heard(encoded)] == [2 * seq] * 60

    assert QUANTITIES_MAX < 59 * 60
