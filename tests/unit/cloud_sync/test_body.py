"""Bodies that no correct hub makes are refused, each with its sentence."""

from __future__ import annotations

import zlib
from dataclasses import replace

import msgpack
import pytest

from cloud_sync.wire import body as wire
from cloud_sync.wire.columns import Layout
from cloud_sync.wire.coverage import Coverage, Heard
from cloud_sync.wire.errors import WireError
from cloud_sync.wire.limits import READINGS_MAX
from cloud_sync.wire.manifest import Contract, Manifest, Quantity, Sensor, Track

_TRACK = Track(True, 1, 1, 0, 0, (Quantity("door", "", 0, "boolean", flags=1, spread=7),))
MANIFEST = Manifest(
    bytes(16), (Sensor("A4:C1", "door", "Hall", "entrance", "m", Contract.EVENT_ONLY, 0, (_TRACK,)),)
)
LAYOUT = Layout.of(MANIFEST)
ANCHOR = wire.Anchor(1_767_225_600_000, 4000, wire.Quality.COARSE)
HEADER = wire.Header(bytes(8), wire.Stream.URGENT, 1, 0, 1, 5000, 4000, ANCHOR, bytes(32))
BODY = wire.encode_body(HEADER, LAYOUT, Coverage(), [(0, 0, 4500, 1)], MANIFEST.pack())
HEADER_BYTES = 1 + 8 + 1 + 1 + 1 + 2 + 1 + (1 + 2 + 6 + 1) + 32


def test_the_header_takes_what_the_specification_says() -> None:
    """An event alone, without anchor and checkpoint, has a header of at most 25 bytes, late in a long life."""
    header = replace(HEADER, seq=1_000_000, distance=1000, made_ms=86_400_000_000, start_ms=86_399_100_000)
    header = replace(header, anchor=None, chain=None, count=0)
    assert len(wire.encode_body(header, LAYOUT, Coverage(), [])) <= 25


@pytest.mark.parametrize("length", range(HEADER_BYTES + 1))
def test_a_body_cut_in_its_header_is_refused(length: int) -> None:
    """Wherever it is cut."""
    with pytest.raises(WireError):
        wire.parse_body(BODY[:length])


@pytest.mark.parametrize("first", [0x00, 0x20, 0x40, 0xF0])
def test_other_versions_are_named_so(first: int) -> None:
    """A receiver that is too old says so, and does not guess."""
    with pytest.raises(WireError) as caught:
        wire.parse_body(bytes([first]) + BODY[1:])
    assert caught.value.code == "batch-version-unknown"


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 0},
        {"seq": 1 << 32},
        {"distance": 1},
        {"count": 2},
        {"start_ms": 6000},
        {"start_ms": 4001},
        {"start_ms": -1000},
        {"epoch": bytes(7)},
        {"chain": bytes(31)},
        {"anchor": replace(ANCHOR, boot_ms=5001)},
        {"anchor": replace(ANCHOR, wall_ms=1 << 48)},
    ],
)
def test_an_impossible_header_is_not_written(change: dict[str, object]) -> None:
    """The encoder refuses what the decoder would."""
    with pytest.raises(WireError):
        wire.encode_body(
            replace(HEADER, **change),  # type: ignore[arg-type]
            LAYOUT,
            Coverage(),
            [(0, 0, 4500, 1)],
            MANIFEST.pack(),
        )


def test_more_readings_than_the_limit_are_refused_before_any_is_read() -> None:
    """A claim above the limit is not even tried."""
    claim = bytes([0x38]) + bytes(8) + b"\2\1" + b"\x81\x20" + b"\0\0"
    with pytest.raises(WireError, match=str(READINGS_MAX)):
        wire.parse_body(claim)


def test_a_number_not_in_its_shortest_form_is_refused() -> None:
    """There is one spelling for each header."""
    with pytest.raises(WireError, match="shortest"):
        wire.parse_body(bytes([0x38]) + bytes(8) + b"\x82\x00" + b"\1\0\0\0")
    with pytest.raises(WireError, match="too long"):
        wire.parse_body(bytes([0x38]) + bytes(8) + b"\xff" * 10)


@pytest.mark.parametrize(
    "coverage",
    [
        Coverage(((0, 6000),)),
        Coverage(((3000, 2000),)),
        Coverage(((0, 2000), (1000, 3000))),
        Coverage((), (Heard(1, 0, kept=True),)),
        Coverage((), (Heard(0, 0, kept=True), Heard(0, 0, kept=False))),
        Coverage((), (Heard(0, 5001, kept=True),)),
        Coverage(((0, 0),) * 257),
    ],
)
def test_impossible_coverage_is_not_written(coverage: Coverage) -> None:
    """Spans that overlap or lie in the future, sensors unknown or told of twice."""
    with pytest.raises(WireError):
        wire.encode_body(HEADER, LAYOUT, coverage, [(0, 0, 4500, 1)], MANIFEST.pack())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((0,), bytes(15)),
        ((1,), None),
        ((1, 0, 0), "x" * 201),
        ((1, 0, 3), None),
        ((1, 0, 5), 3),
        ((1, 0, 6), -1),
        ((1, 0, 7, 0, 0), 1),
        ((1, 0, 7, 0, 1), 0),
        ((1, 0, 7, 0, 2), 0),
        ((1, 0, 7, 0, 4), 4),
        ((1, 0, 7, 0, 5), []),
        ((1, 0, 7, 0, 5, 0, 2), 129),
        ((1, 0, 7, 0, 5, 0, 3), "colour"),
        ((1, 0, 7, 0, 5, 0, 4), 65536),
        ((1, 0, 7, 0, 5, 0, 4), -1),
        ((1, 0, 7, 0, 5, 0, 4), True),
        ((1, 0, 7, 0, 5, 0, 5), 8),
        ((1, 0, 7, 0, 5, 0, 6), True),
        ((1, 0, 7, 0, 5, 0), [1]),
    ],
)
def test_a_manifest_out_of_bounds_is_refused(path: tuple[int, ...], value: object) -> None:
    """Field by field: wrong type, wrong length, outside its limit."""
    quantity = ["door", "", 0, "boolean", 1, 7, 0]
    fields: list[object] = [bytes(16), [["a", "", "", "", "", 0, 0, [[True, 1, 1, 0, 0, [quantity]]]]]]
    Manifest.unpack(b"\0" + msgpack.packb(fields))
    place: object = fields
    for step in path[:-1]:
        assert isinstance(place, list)
        place = place[step]
    assert isinstance(place, list)
    place[path[-1]] = value
    with pytest.raises(WireError):
        Manifest.unpack(b"\0" + msgpack.packb(fields))


def test_a_manifest_that_inflates_without_end_is_refused() -> None:
    """A few bytes cannot fill the receiver's memory."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"\1" + squeeze.compress(bytes(10_000_000)) + squeeze.flush()
    with pytest.raises(WireError, match="longer"):
        Manifest.unpack(bomb)
