"""The batch format holds any readings, and survives any bytes."""

from __future__ import annotations

import random
import time
import tracemalloc
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sync.wire import body as wire
from cloud_sync.wire.columns import Layout, Row, decode_columns, encode_columns
from cloud_sync.wire.coverage import Coverage, Heard
from cloud_sync.wire.errors import WireError
from cloud_sync.wire.limits import READINGS_MAX, VALUE_MAX
from cloud_sync.wire.manifest import TEXT, Contract, Manifest, Quantity, Sensor, Track

HOSTILE_MAX_S = 0.5
HOSTILE_MAX_BYTES = 64_000_000

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
integers = st.one_of(
    st.sampled_from([0, 1]),
    st.integers(-50, 50),
    st.sampled_from([-VALUE_MAX, VALUE_MAX - 1]),
    st.integers(-VALUE_MAX, VALUE_MAX - 1),
)


@st.composite
def quantities(draw: st.DrawFn) -> Quantity:
    """Any quantity, its hints as wrong as can be."""
    form = draw(st.sampled_from(["number", "boolean", "text"]))
    spread = TEXT if form == "text" else draw(st.integers(0, 7))
    exponent, flags, recent = draw(st.integers(-128, 128)), draw(st.integers(0, 65535)), draw(integers)
    return Quantity(draw(words), draw(words), exponent, form, flags, spread, recent)


tracks = st.builds(
    Track,
    st.booleans(),
    st.sampled_from([1, 7, 100, 1000, 3_600_000]),
    st.integers(1, 1 << 40) | st.sampled_from([1, 1000, 60_000_000]),
    st.integers(0, 1 << 20),
    st.integers(0, 3),
    st.lists(quantities(), min_size=1, max_size=4).map(tuple),
)
sensors = st.builds(
    Sensor,
    words,
    words,
    words,
    words,
    words,
    st.sampled_from(Contract),
    st.integers(0, 86_400),
    st.lists(tracks, max_size=3).map(tuple),
)
manifests = st.builds(Manifest, st.binary(min_size=16, max_size=16), st.lists(sensors, max_size=5).map(tuple))


@st.composite
def batches(draw: st.DrawFn) -> tuple[Manifest, list[Row], int]:
    """A manifest, readings that fit it in any order, and where they start."""
    manifest = draw(manifests)
    start_ms = draw(st.integers(0, 1 << 40)) // 1000 * 1000
    places = [(s, q) for s, sensor in enumerate(manifest.sensors) for q in range(len(sensor.quantities))]
    rows: list[Row] = []
    for _ in range(draw(st.integers(0, 40)) if places else 0):
        sensor, quantity = draw(st.sampled_from(places))
        is_text = manifest.sensors[sensor].quantities[quantity].spread == TEXT
        after_ms = draw(st.sampled_from([0, 1, 500, 60_000]) | st.integers(0, 1 << 50))
        value: int | str = draw(words) if is_text else draw(integers)
        rows.append((sensor, quantity, start_ms + after_ms, value))
    return manifest, rows, start_ms


def as_decoded(manifest: Manifest, rows: list[Row]) -> list[Row]:
    """The same readings, times rounded down to their ticks, in the order in which they come back."""
    ticks = {
        number: [track.tick_ms for track in sensor.tracks for _ in track.quantities]
        for number, sensor in enumerate(manifest.sensors)
    }
    floored = [(s, q, at_ms // ticks[s][q] * ticks[s][q], value) for s, q, at_ms, value in sorted_rows(rows)]
    return sorted(sorted(floored, key=itemgetter(0, 1)), key=itemgetter(2))


def sorted_rows(rows: list[Row]) -> list[Row]:
    """By time; readings of one time keep their order."""
    return sorted(rows, key=itemgetter(2))


@given(batches())
def test_any_readings_come_back(batch: tuple[Manifest, list[Row], int]) -> None:
    """Nothing is lost or altered but the part of a time below its tick."""
    manifest, rows, start_ms = batch
    layout = Layout.of(manifest)
    data = encode_columns(layout, rows, start_ms)
    assert decode_columns(layout, data, len(rows), start_ms) == as_decoded(manifest, rows)


@given(manifests)
def test_any_manifest_comes_back(manifest: Manifest) -> None:
    """Packed, deflated or not, it is the same manifest."""
    assert Manifest.unpack(manifest.pack()) == manifest


@given(batches(), st.data())
def test_any_body_comes_back(batch: tuple[Manifest, list[Row], int], data: st.DataObject) -> None:
    """Header, manifest, coverage and readings survive together."""
    manifest, rows, start_ms = batch
    made_ms = max([start_ms, *(row[2] for row in rows)]) + data.draw(st.integers(0, 10_000))
    anchor = wire.Anchor(data.draw(st.integers(0, (1 << 48) - 1)), made_ms, wire.Quality.COARSE, 7)
    header = wire.Header(
        bytes(8),
        data.draw(st.sampled_from(wire.Stream)),
        data.draw(st.integers(1, wire.SEQ_MAX)),
        0,
        len(rows),
        made_ms,
        start_ms,
        data.draw(st.none() | st.just(anchor)),
        data.draw(st.none() | st.binary(min_size=32, max_size=32)),
    )
    coverage = data.draw(_coverages(len(manifest.sensors), made_ms))
    packed = manifest.pack()
    body = wire.parse_body(wire.encode_body(header, Layout.of(manifest), coverage, rows, packed))
    assert (body.header, body.manifest) == (header, packed)
    decoded, readings = wire.decode_payload(body, Layout.of(Manifest.unpack(packed)))
    assert readings == as_decoded(manifest, rows)
    assert decoded.spans == coverage.spans
    assert [(h.sensor, h.kept) for h in decoded.heard] == [(h.sensor, h.kept) for h in coverage.heard]
    latest = {row[0]: row[2] for row in readings}
    for told, sent in zip(decoded.heard, coverage.heard, strict=True):
        assert told.last_ms == max(sent.last_ms // 1000 * 1000, latest.get(sent.sensor, 0)) or (
            told.last_ms // 1000 == sent.last_ms // 1000
        )


@st.composite
def _coverages(draw: st.DrawFn, sensors: int, made_ms: int) -> Coverage:
    edges = sorted(draw(st.lists(st.integers(0, made_ms), max_size=6)))
    spans = tuple(zip(edges[::2], edges[1::2], strict=False))
    told = sorted(draw(st.sets(st.integers(0, sensors - 1)))) if sensors else []
    heard = tuple(Heard(s, draw(st.integers(0, made_ms)), draw(st.booleans())) for s in told)
    return Coverage(spans, heard)


@given(batches(), st.binary(max_size=400), st.integers(0, READINGS_MAX))
def test_any_bytes_end_in_readings_or_a_refusal(
    batch: tuple[Manifest, list[Row], int], data: bytes, count: int
) -> None:
    """A body that passed the signature check and yet is rubbish does no harm."""
    layout = Layout.of(batch[0])
    try:
        rows = decode_columns(layout, data, count, batch[2])
    except WireError:
        return
    assert len(rows) == count
    assert all(isinstance(v, str) or -VALUE_MAX <= v < VALUE_MAX for _, _, _, v in rows)
    assert all(0 <= at_ms < VALUE_MAX for _, _, at_ms, _ in rows)


@given(st.binary(max_size=400))
def test_any_bytes_as_a_body_or_manifest_end_in_one_or_a_refusal(data: bytes) -> None:
    """Nothing but our own error leaves the parsers."""
    for parse in (wire.parse_body, Manifest.unpack):
        for candidate in (data, b"\x38" + data, b"\1" + data, b"\0" + data):
            try:
                parse(candidate)
            except WireError:
                continue


@settings(max_examples=20, deadline=None)
@given(batches())
def test_a_stream_cut_short_never_passes_for_another_batch_of_as_many(
    batch: tuple[Manifest, list[Row], int],
) -> None:
    """Every truncation is refused, or gives just as many readings: the signature is what tells then."""
    manifest, rows, start_ms = batch
    layout = Layout.of(manifest)
    data = encode_columns(layout, rows, start_ms)
    for length in range(len(data)):
        try:
            assert len(decode_columns(layout, data[:length], len(rows), start_ms)) == len(rows)
        except WireError:
            continue


@pytest.mark.long
def test_ten_thousand_hostile_bodies_end_soon() -> None:
    """Rubbish, and good payloads with bytes struck out, changed and added, each within half a second."""
    rng = random.Random(11)
    columns = (
        Quantity("t", "", -2, "number", flags=0, spread=3),
        Quantity("b", "", 0, "text", flags=0, spread=TEXT),
        Quantity("m", "", 0, "boolean", flags=0, spread=7),
    )
    tracks = tuple(Track(event, 1, 60_000_000, 1, 1, columns) for event in (True, False))
    layout = Layout.of(
        Manifest(bytes(16), (Sensor("a", "", "", "", "", Contract.PERIODIC, 60, tracks),) * 20)
    )
    rows: list[Row] = [(n % 20, n % 2 * 3, 1000 * n, rng.randint(-99, 99)) for n in range(1000)]
    good = encode_columns(layout, rows, 0)
    worst_s = 0.0
    for number in range(10_000):
        at, length = rng.randrange(len(good)), rng.choice([0, 1, 8, 300])
        rubbish = rng.randbytes(length) if rng.random() < 0.5 else bytes([rng.choice([0, 255])]) * length
        data = rubbish if number % 4 == 0 else good[:at] + rubbish + good[at + rng.randrange(9) :]
        began_s = time.process_time()
        _decode_or_refuse(layout, data)
        worst_s = max(worst_s, time.process_time() - began_s)
    assert worst_s < HOSTILE_MAX_S


HOSTILE = {
    "all ones": b"\xff" * 250_000,
    "all zeros": bytes(250_000),
    "ones, then zeros": b"\xff" * 1000 + bytes(1000),
    "nothing": b"",
    "alternating": b"\x55\xaa" * 100_000,
    "long texts": b"\x00" * 50 + b"\xfe" * 200_000,
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("event", [True, False])
def test_hostile_bytes_take_bounded_time_and_memory(data: bytes, event: bool) -> None:
    """At the limits of the format, half a second and 64 MB are the most that a body can cost."""
    columns = tuple(
        Quantity("k", "", 0, "text" if n % 3 == 2 else "number", 0, 8 if n % 3 == 2 else 6) for n in range(8)
    )
    track = Track(event, 1, 1 << 40, 1 << 20, 3, columns)
    sensor = Sensor("a", "", "", "", "", Contract.EVENT_ONLY, 0, (track,))
    layout = Layout.of(Manifest(bytes(16), (sensor,) * 256))
    began_s = time.process_time()
    _decode_or_refuse(layout, data)
    took_s = time.process_time() - began_s
    tracemalloc.start()
    _decode_or_refuse(layout, data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took_s < HOSTILE_MAX_S
    assert peak < HOSTILE_MAX_BYTES


def _decode_or_refuse(layout: Layout, data: bytes) -> None:
    try:
        decode_columns(layout, data, READINGS_MAX, 0)
    except WireError:
        return


def test_a_value_out_of_place_is_refused_when_writing() -> None:
    """A text among numbers, a number too long, an unknown index, a time before the start: one sentence each."""
    quantity = Quantity("temperature", "°C", -2, "number", flags=0, spread=3)
    text = Quantity("button", "", 0, "text", flags=0, spread=TEXT)
    track = Track(False, 1, 60_000_000, 1, 0, (quantity, text))
    sensor = Sensor("a", "", "", "", "", Contract.EVENT_ONLY, 0, (track,))
    layout = Layout.of(Manifest(bytes(16), (sensor,)))
    wrong: list[Row] = [
        (0, 0, 5000, "warm"),
        (0, 1, 5000, 7),
        (0, 0, 5000, VALUE_MAX),
        (0, 2, 5000, 1),
        (1, 0, 5000, 1),
        (0, 0, 999, 1),
        (0, 1, 5000, "x" * 201),
    ]
    for row in wrong:
        with pytest.raises(WireError):
            encode_columns(layout, [row], 1000)
