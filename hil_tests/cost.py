"""What a recorded home would cost on the wire: for choosing a data plan, and our own benchmark.

Sizes come from the real encoder; nothing is sent. ``cloud_sync/wire/SPEC.md`` has the formula of the limit.
"""

from __future__ import annotations

import csv
import lzma
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import ceil
from pathlib import Path
from typing import Any, Final

from cloud_sync.wire.body import Anchor, Header, Quality, Stream, encode_body, start_of
from cloud_sync.wire.columns import Layout, Row, encode_columns
from cloud_sync.wire.coverage import Coverage, Heard
from cloud_sync.wire.hints import spread, timing
from cloud_sync.wire.limits import READINGS_MAX
from cloud_sync.wire.manifest import Contract, Manifest, Quantity, Sensor, Track
from cloud_sync.wire.message import Head, Receipt, encode_receipt
from hil_tests.entropy import entropy_limit
from hil_tests.peers.json_text import json_objects, thingsboard
from hil_tests.peers.sample import Sample
from hil_tests.peers.senml_cbor import senml_cbor
from hil_tests.peers.sparkplug_b import sparkplug_b
from hil_tests.replay import address_of
from hil_tests.trace import HEADER, TraceError, exponents_of
from hil_tests.trace import Row as Recorded
from zero_trust.envelope import SEALED_OVERHEAD_BYTES
from zero_trust.keys import SIGNATURE_BYTES

DAY_MS: Final = 86_400_000
DAY: Final = "day"
BATCHES: Final = (100, 1000, DAY)

EVENT_KINDS: Final = frozenset(
    {"button", "door", "motion", "occupancy", "opening", "presence", "smoke", "water_leak", "window"}
)
CLIMATE_TICK_MS: Final = 1000
HISTORY_ROWS: Final = 200  # hints are drawn from a track's first rows, as a hub draws them from its last
BOOT_AGE_MS: Final = 10 * DAY_MS  # the hub booted so long before the trace begins

# A hub's day.
BATCH_AGE_MS: Final = 900_000
BATCH_READINGS: Final = 1000
CHECKPOINT_EVERY: Final = 64
STILLNESS_MS: Final = 1_800_000  # motion after so long is urgent; so is any other event but its end
HEARTBEAT_BYTES: Final = 31
HEARTBEAT_EVERY_MS: Final = 60_000
KEEP_ALIVE_EVERY_MS: Final = 120_000  # thingsboard-gateway's MQTT pings
PUBACK_BYTES: Final = 4
PING_BYTES: Final = 2

# What the layers below add.
TLS_RECORD_BYTES: Final = 22  # TLS 1.3: header 5, content type 1, tag 16
TCP_IP_BYTES: Final = (
    40  # IPv4 and TCP without options, on every segment; each is acknowledged by an empty one
)
SEGMENT_BYTES: Final = 1400
UP_TOPIC_CHARS: Final = 21  # hubs/<hub>/up
DOWN_TOPIC_CHARS: Final = 17  # cmd/<hub>
TELEMETRY_TOPIC_CHARS: Final = 20  # v1/gateway/telemetry

ASSUMPTIONS: Final = (
    "our routine batches go at 1000 readings or 15 minutes; doors, buttons and motion after 30 minutes of stillness at once",
    "each batch is answered by a receipt; a heartbeat goes each minute",
    "thingsboard-gateway publishes at once what a sensor says at one time, QoS 1, and pings each 2 minutes",
    "minutely is the same gateway, were it to collect for a minute",
    "MQTT 3.1.1 in TLS 1.3 records of 22 B more; each segment of at most 1400 B costs 40 B of TCP/IP, and 40 B to acknowledge",
    "connecting is left out on both sides",
)


@dataclass(frozen=True, slots=True)
class _Home:
    """A trace made ready: its manifest, its readings on the boot clock, and the same for the peers."""

    manifest: Manifest
    layout: Layout
    rows: tuple[Row, ...]
    samples: tuple[Sample, ...]
    wall_ms: int  # when the boot clock stood at 0


@dataclass(slots=True)
class _Hub:
    """How far a hub has got in a stream, so that each batch has the header it would have."""

    home: _Home
    stream: Stream = Stream.ROUTINE
    seq: int = 0

    def body_bytes(self, rows: Sequence[Row]) -> int:
        """The length of the body of the next batch, if it held these readings."""
        self.seq += 1
        made_ms = rows[-1][2] + 1
        header = Header(
            epoch=bytes(8),
            stream=self.stream,
            seq=self.seq,
            distance=self.seq - 1,
            count=len(rows),
            made_ms=made_ms,
            start_ms=start_of(rows, made_ms),
            anchor=Anchor(self.home.wall_ms + made_ms, made_ms, Quality.SYNCED, 20)
            if self.seq == 1
            else None,
            chain=bytes(32) if self.seq % CHECKPOINT_EVERY == 1 else None,
        )
        manifest = self.home.manifest.pack() if self.seq == 1 else None
        coverage = self._coverage(rows, made_ms) if self.stream is Stream.ROUTINE else Coverage()
        if len(rows) <= READINGS_MAX:
            return len(encode_body(header, self.home.layout, coverage, rows, manifest))
        # More than any receiver takes, but a day in one piece shows how near the limit the coder comes.
        around = encode_body(replace(header, count=0), self.home.layout, coverage, [], manifest)
        return len(around) + len(encode_columns(self.home.layout, rows, header.start_ms))

    def _coverage(self, rows: Sequence[Row], made_ms: int) -> Coverage:
        """One span from the first reading on, and each sensor that spoke.

        The hub hears a periodic one also between the readings that it keeps.
        """
        last = {sensor: at_ms for sensor, _, at_ms, _ in rows}
        for track in self.home.layout.tracks:
            if track.sensor in last and not track.event:
                last[track.sensor] = made_ms - (made_ms - last[track.sensor]) % (track.period_us // 1000)
        heard = tuple(Heard(sensor, at_ms, kept=True) for sensor, at_ms in sorted(last.items()))
        return Coverage(((rows[0][2], max(last.values())),), heard)


def cost(
    trace_file: Path, batches: Sequence[int | str] = BATCHES, *, time_ms: bool = False
) -> dict[str, Any]:
    """What a trace costs.

    Args:
        trace_file: CSV, plain or ``.xz``: ``ts,sensor_id,kind,value``.
        batches: readings in a batch, or ``"day"`` for all of each day.
        time_ms: millisecond times on everything; else climate kinds have whole seconds.

    Returns:
        Bytes a reading for each batch size and layer; ``entropy_limit`` likewise; bytes for ``per_day``.

    Raises:
        TraceError: the file cannot be read, or a row is wrong.
    """
    home = _home(_recorded(trace_file), 1 if time_ms else CLIMATE_TICK_MS)
    return {
        "trace": trace_file.name,
        "readings": len(home.rows),
        "sensors": len(home.manifest.sensors),
        "time_ms": time_ms,
        "batches": {str(size): _batch_cost(home, size) for size in batches},
        "entropy_limit": round(entropy_limit(home.manifest, home.rows), 4),
        "per_day": _per_day(home),
        "assumptions": list(ASSUMPTIONS),
    }


def in_words(result: Mapping[str, Any]) -> str:
    """The same for people."""
    times = "milliseconds" if result["time_ms"] else "whole seconds for climate, milliseconds for events"
    lines = [
        f"{result['trace']}: {result['readings']} readings of {result['sensors']} sensors; times in {times}.",
        f"The entropy limit is {result['entropy_limit']:.3f} bytes a reading.",
        "",
        f"{'bytes a reading, batches of':30}" + "".join(f"{size:>10}" for size in result["batches"]),
    ]
    layers: Mapping[str, float] = next(iter(result["batches"].values()), {})
    lines += [
        f"  {layer.replace('_', ' '):28}"
        + "".join(f"{sizes[layer]:10.3f}" for sizes in result["batches"].values())
        for layer in layers
    ]
    lines += ["", "Bytes a day on the wire, TCP/IP included:"]
    lines += [f"  {what.replace('_', ' '):28}{octets:>12,}" for what, octets in result["per_day"].items()]
    return "\n".join([*lines, "", *(f"Assumed: {words}." for words in result["assumptions"])])


def _recorded(path: Path) -> list[Recorded]:
    """The rows of a trace, of any kind, in order of time."""
    try:
        with lzma.open(path, "rt") if path.suffix == ".xz" else path.open() as file:
            reader = csv.reader(file)
            if next(reader, None) != HEADER:
                raise TraceError(f"Trace {path}: the first line is not {','.join(HEADER)}.", hint="Add it.")
            rows = [_recorded_row(path, reader.line_num, fields) for fields in reader]
    except (OSError, lzma.LZMAError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"Trace {path} cannot be read: {error}.", hint="Check the file.") from error
    if not rows:
        raise TraceError(f"Trace {path} holds no readings.", hint="Give a recording with rows.")
    return sorted(rows, key=lambda row: row.ts_ms)


def _recorded_row(path: Path, line: int, fields: Sequence[str]) -> Recorded:
    try:
        ts_ms, sensor, kind, value = fields
        return Recorded(line, int(ts_ms), sensor, kind, int(value))
    except ValueError as error:
        raise TraceError(
            f"Trace {path}, line {line}: {','.join(fields)!r} is no row.",
            hint="A row is ts (ms), sensor_id, kind, value (integer).",
        ) from error


def _home(recorded: Sequence[Recorded], climate_tick_ms: int) -> _Home:
    exponents = exponents_of(recorded)
    by_sensor: dict[str, dict[str, list[Recorded]]] = {}
    for row in recorded:
        by_sensor.setdefault(row.sensor, {}).setdefault(row.kind, []).append(row)
    sensors: list[Sensor] = []
    places: dict[tuple[str, str], tuple[int, int]] = {}
    for name, kinds in by_sensor.items():
        ordered = sorted(kinds, key=lambda kind: kind not in EVENT_KINDS)  # events first, as in tracks
        places |= {(name, kind): (len(sensors), place) for place, kind in enumerate(ordered)}
        tracks = tuple(
            _track(
                {kind: kinds[kind] for kind in group}, exponents, 1 if event else climate_tick_ms, event=event
            )
            for event, group in groupby(ordered, key=lambda kind: kind in EVENT_KINDS)
        )
        sensors.append(Sensor(address_of(name), name, "", "", "bthome_v2", Contract.EVENT_ONLY, 0, tracks))
    manifest = Manifest(bytes(16), tuple(sensors))
    wall_ms = recorded[0].ts_ms - BOOT_AGE_MS
    rows = tuple((*places[row.sensor, row.kind], row.ts_ms - wall_ms, row.value) for row in recorded)
    samples = tuple(_sample(row, exponents[row.kind]) for row in recorded)
    return _Home(manifest, Layout.of(manifest), rows, samples, wall_ms)


def _track(
    kinds: Mapping[str, Sequence[Recorded]], exponents: Mapping[str, int], tick_ms: int, *, event: bool
) -> Track:
    form = "boolean" if event else "number"
    quantities = tuple(
        Quantity(
            kind,
            "",
            exponents[kind],
            form,
            flags=0,
            spread=spread(form, [row.value for row in rows[:HISTORY_ROWS]]),
            recent=0 if event else rows[0].value,
        )
        for kind, rows in kinds.items()
    )
    times = sorted({row.ts_ms for rows in kinds.values() for row in rows[:HISTORY_ROWS]})
    kept = timing(times, tick_ms, event=event)
    return Track(event, tick_ms, kept.period_us, kept.skip, kept.noise, quantities)


def _sample(row: Recorded, exponent: int) -> Sample:
    address = address_of(row.sensor).replace(":", "")
    return Sample(row.ts_ms, address, row.kind, row.value, exponent, boolean=row.kind in EVENT_KINDS)


def _batch_cost(home: _Home, size: int | str) -> dict[str, float]:
    slices = list(_slices(home, size))
    hub = _Hub(home)
    bodies = [hub.body_bytes(home.rows[part]) for part in slices]
    octets = {
        "body": sum(bodies),
        "sealed": sum(map(_sealed_bytes, bodies)),
        "mqtt_tls": sum(_published(_sealed_bytes(body), UP_TOPIC_CHARS) for body in bodies),
    }
    peers: dict[str, Callable[[Sequence[Sample]], bytes]] = {
        "sparkplug_b": sparkplug_b,
        "senml_cbor": senml_cbor,
        "thingsboard_json": thingsboard,
        "json": json_objects,
    }
    for name, encode in peers.items():
        octets[name] = sum(len(encode(home.samples[part])) for part in slices)
    return {layer: round(total / len(home.rows), 4) for layer, total in octets.items()}


def _slices(home: _Home, size: int | str) -> Iterator[slice]:
    if isinstance(size, int):
        yield from (slice(first, first + size) for first in range(0, len(home.rows), size))
        return
    first = 0
    for _, day in groupby(home.rows, key=lambda row: (row[2] - home.rows[0][2]) // DAY_MS):
        after = first + sum(1 for _ in day)
        yield slice(first, after)
        first = after


def _sealed_bytes(body: int) -> int:
    """Message kind, key id and encryption, body, signature."""
    return 1 + SEALED_OVERHEAD_BYTES + body + SIGNATURE_BYTES


def _published(payload: int, topic_chars: int, *, packet_id: int = 0) -> int:
    """An MQTT PUBLISH in a TLS record."""
    remaining = 2 + topic_chars + packet_id + payload
    length_bytes = max(ceil(remaining.bit_length() / 7), 1)
    return TLS_RECORD_BYTES + 1 + length_bytes + remaining


def _sent(octets: int) -> int:
    """Over TCP/IP, acknowledgements included."""
    return octets + 2 * TCP_IP_BYTES * ceil(octets / SEGMENT_BYTES)


def _per_day(home: _Home) -> dict[str, int]:
    """Average bytes a day, up and down, over the days of the trace (at least one)."""
    days = max((home.rows[-1][2] - home.rows[0][2]) / DAY_MS, 1.0)
    urgent, routine = _streams(home)
    batches = sum(map(_batch_sent, urgent)) + sum(map(_batch_sent, routine))
    receipts = (len(urgent) + len(routine)) * _sent(_published(_receipt_bytes(), DOWN_TOPIC_CHARS))
    heartbeats = DAY_MS // HEARTBEAT_EVERY_MS * _sent(_published(HEARTBEAT_BYTES, UP_TOPIC_CHARS))
    pings = DAY_MS // KEEP_ALIVE_EVERY_MS * 2 * _sent(TLS_RECORD_BYTES + PING_BYTES)
    at_once = sum(map(_telemetry_sent, _by(home.samples, lambda s: (s.ts_ms, s.sensor))))
    minutely = sum(map(_telemetry_sent, _by(home.samples, lambda s: s.ts_ms // 60_000)))
    return {
        "batches": round(batches / days),
        "receipts": round(receipts / days),
        "heartbeats": heartbeats,
        "total": round((batches + receipts) / days) + heartbeats,
        "thingsboard_gateway": round(at_once / days) + pings,
        "thingsboard_gateway_minutely": round(minutely / days) + pings,
    }


def _streams(home: _Home) -> tuple[list[int], list[int]]:
    """The lengths of a hub's urgent and routine bodies."""
    urgent, routine = _Hub(home, Stream.URGENT), _Hub(home)
    urgent_bodies, routine_bodies, waiting = [], [], list[Row]()
    hurried = _urgent_places(home)
    for place, row in enumerate(home.rows):
        if waiting and (len(waiting) >= BATCH_READINGS or row[2] - waiting[0][2] >= BATCH_AGE_MS):
            routine_bodies.append(routine.body_bytes(waiting))
            waiting = []
        if place in hurried:
            urgent_bodies.append(urgent.body_bytes([row]))
        else:
            waiting.append(row)
    if waiting:
        routine_bodies.append(routine.body_bytes(waiting))
    return urgent_bodies, routine_bodies


def _urgent_places(home: _Home) -> set[int]:
    """Which readings cannot wait: events that begin; motion only after long stillness in the whole home."""
    urgent, moved_ms = set(), 0
    for place, sample in enumerate(home.samples):
        if sample.kind not in EVENT_KINDS or not sample.value:
            continue
        if sample.kind != "motion" or sample.ts_ms - moved_ms > STILLNESS_MS:
            urgent.add(place)
        if sample.kind == "motion":
            moved_ms = sample.ts_ms
    return urgent


def _batch_sent(body: int) -> int:
    return _sent(_published(_sealed_bytes(body), UP_TOPIC_CHARS))


def _receipt_bytes() -> int:
    """A receipt that holds nothing above its head, and its signature."""
    head = Head(1_000_000, bytes(32))
    receipt = Receipt("s" * 13, "h" * 13, bytes(8), Stream.ROUTINE, head, (), bytes(8))
    return 1 + len(encode_receipt(receipt)) + SIGNATURE_BYTES


def _telemetry_sent(samples: Sequence[Sample]) -> int:
    """One publish at QoS 1, and its PUBACK."""
    publish = _published(len(thingsboard(samples)), TELEMETRY_TOPIC_CHARS, packet_id=2)
    return _sent(publish) + _sent(TLS_RECORD_BYTES + PUBACK_BYTES)


def _by(samples: Iterable[Sample], key: Callable[[Sample], Hashable]) -> Iterator[list[Sample]]:
    return (list(group) for _, group in groupby(samples, key=key))
