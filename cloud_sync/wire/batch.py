"""The batch: consecutive readings of one stream, and what was listened to meanwhile. READ FIRST of the format.

:func:`encode` turns one into the bytes that a hub signs, leaning on the manifest of an earlier batch where that
still fits (:class:`Inline`); :func:`decode` is its inverse. ``SPEC.md`` is the definition of the bytes; the other
modules are its chapters: ``body.py`` (header), ``manifest.py``, ``columns.py``, ``coverage.py``, ``coder.py``.

Times are milliseconds of the hub's boot clock under its boot id; the anchor ties that clock to the wall.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import msgspec

from cloud_sync.wire import hints, manifest
from cloud_sync.wire.body import (
    Anchor,
    Header,
    Origin,
    Quality,
    Stream,
    decode_payload,
    encode_body,
    parse_body,
    start_of,
)
from cloud_sync.wire.chain import chain_next, chain_start, content_digest
from cloud_sync.wire.columns import Layout
from cloud_sync.wire.columns import Row as CodedRow
from cloud_sync.wire.coverage import Coverage, Heard
from cloud_sync.wire.errors import WireError
from cloud_sync.wire.manifest import PLAIN, Contract, Manifest

__all__ = [
    "Anchor", "Batch", "Contract", "Encoded", "Heard", "Inline", "Origin", "Quality", "Quantity", "Reading", "Sensor",
    "Stream", "chain_next", "chain_start", "content_digest", "decode", "encode", "indexed", "leans_on", "rows",
]  # fmt: skip

EVENT_TICK_MS, CLIMATE_TICK_MS = 1, 1000
RENEW_AFTER_BATCHES = 96  # a day of routine batches: hints drawn from newer readings cost less than they save
ANCHOR_DRIFT_MS = 250  # a clock that has moved by more is told again
LAYOUTS_KEPT = 4096


class Sensor(msgspec.Struct, frozen=True):
    """One physical transmitter of this home, and how it proves that it is alive."""

    address: str
    name: str
    room: str
    model: str
    contract: Contract
    period_s: int  # of the contract; 0 for event-only
    role: str = ""  # what it is there for, such as "entrance"


class Quantity(msgspec.Struct, frozen=True, array_like=True):
    """What a column measures: its kind, unit and decimal exponent (number), or boolean, or text."""

    kind: str
    unit: str
    exponent: int
    form: str  # "number" | "boolean" | "text"
    flags: int = 0  # what makes its readings less than they seem: SPEC.md, "Flags"
    tick_ms: int = 0  # resolution of its times; 0: what its form suggests

    @property
    def resolution_ms(self) -> int:
        """Climate times mean nothing below a second; events are told to the millisecond."""
        return self.tick_ms or (CLIMATE_TICK_MS if self.form == "number" else EVENT_TICK_MS)

    @property
    def in_full(self) -> Quantity:
        """The same, with its resolution said."""
        return msgspec.structs.replace(self, tick_ms=self.resolution_ms)


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One quantity of one sensor at one time (boot clock, ms); a struct, as a site makes millions of them."""

    sensor: int  # index into Batch.sensors
    quantity: int  # index into Batch.quantities
    at_ms: int
    value: int | str


@dataclass(frozen=True, slots=True)
class Batch:
    """One numbered batch of one stream of one hub."""

    site: str
    hub: str
    epoch: bytes
    stream: Stream
    seq: int
    boot_id: bytes
    made_ms: int
    anchor: Anchor | None  # None: the last one told in this boot holds on
    sensors: tuple[Sensor, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    readings: tuple[Reading, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()  # listened from..to; each ends at a decoded frame
    heard: tuple[Heard, ...] = ()
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Inline:
    """What later batches of a stream may lean on: the manifest that batch ``seq`` carries, and the clock last told."""

    seq: int
    packed: bytes
    readings: int  # that its hints were drawn from
    anchor: Anchor | None


@dataclass(frozen=True, slots=True)
class Encoded:
    """The bytes to sign, and what the next batch of the stream may lean on."""

    body: bytes
    inline: Inline


def encode(batch: Batch, before: Inline | None = None, chain: bytes | None = None) -> Encoded:
    """The bytes that are signed, stored and sent.

    Args:
        batch: what to say; its readings may come in any order.
        before: of the last batch of this stream and epoch; None for the first.
        chain: in a checkpoint, the stream's chain hash before this batch.

    Raises:
        WireError: a limit is broken.
    """
    known = _fitting(batch, before)
    packed = known.packed if known else _packed(batch, before)
    opened, layout = _layout(packed)
    numbers = {sensor.address: number for number, sensor in enumerate(opened.sensors)}
    coded = list(_coded(batch, opened, numbers))
    anchor = batch.anchor if known is None or _moved(known.anchor, batch.anchor) else None
    header = Header(
        epoch=batch.epoch,
        stream=batch.stream,
        seq=batch.seq,
        distance=batch.seq - known.seq if known else 0,
        count=len(coded),
        made_ms=batch.made_ms,
        start_ms=start_of(coded, batch.made_ms),
        anchor=anchor,
        chain=chain,
        origin=batch.origin,
    )
    told = [replace(h, sensor=numbers[batch.sensors[h.sensor].address]) for h in batch.heard]
    told.sort(key=lambda heard: heard.sensor)
    body = encode_body(header, layout, Coverage(batch.spans, tuple(told)), coded, None if known else packed)
    if known is None:
        return Encoded(body, Inline(batch.seq, packed, len(coded), anchor))
    return Encoded(body, replace(known, anchor=anchor or known.anchor))


def leans_on(body: bytes) -> tuple[Header, bytes | None]:
    """The header of a body, and its manifest (packed) if it carries one; else batch ``seq - distance`` does.

    Raises:
        WireError: the bytes break the format or a limit.
    """
    parsed = parse_body(body)
    if parsed.manifest is not None:
        _layout(parsed.manifest)  # is it one?
    return parsed.header, parsed.manifest


def decode(body: bytes, site: str, hub: str, packed: bytes) -> Batch:
    """The batch in ``body``. Call it only on bytes whose signature has been verified.

    Args:
        body: what was signed.
        site: name of the site that the signature names.
        hub: id of the hub that the signature names.
        packed: the manifest it leans on, see :func:`leans_on`.

    Raises:
        WireError: the bytes break the format or a limit.
    """
    parsed, (opened, layout) = parse_body(body), _layout(packed)
    coverage, coded = decode_payload(parsed, layout)
    header, (quantities, places) = parsed.header, _quantities(packed)
    return Batch(
        site=site,
        hub=hub,
        epoch=header.epoch,
        stream=header.stream,
        seq=header.seq,
        boot_id=opened.boot_id,
        made_ms=header.made_ms,
        anchor=header.anchor,
        sensors=_sensors(packed),
        quantities=quantities,
        readings=tuple([Reading(s, places[s][q], at_ms, value) for s, q, at_ms, value in coded]),
        spans=coverage.spans,
        heard=coverage.heard,
        origin=header.origin,
    )


def rows(batch: Batch) -> Iterable[tuple[Sensor, Quantity, Reading]]:
    """Each reading with its sensor and quantity."""
    for reading in batch.readings:
        yield batch.sensors[reading.sensor], batch.quantities[reading.quantity], reading


def indexed(items: Iterable[Any]) -> Mapping[Any, int]:
    """Number distinct items in order of first appearance."""
    numbers: dict[Any, int] = {}
    for item in items:
        numbers.setdefault(item, len(numbers))
    return numbers


def _fitting(batch: Batch, before: Inline | None) -> Inline | None:
    """The earlier manifest, if it names all that this batch speaks of and its hints are not stale."""
    if before is None or batch.seq - before.seq >= RENEW_AFTER_BATCHES:
        return None
    if len(batch.readings) >= 4 * before.readings + 100:
        return None  # drawn from too little
    opened, _ = _layout(before.packed)
    if opened.boot_id != batch.boot_id:
        return None
    known = {sensor.address: sensor for sensor in opened.sensors}
    spoken = _spoken(batch)
    fits = all(
        sensor.address in known
        and _described_alike(sensor, known[sensor.address])
        and spoken[number].keys() <= set(map(_plain_quantity, _tracked(known[sensor.address])))
        for number, sensor in enumerate(batch.sensors)
    )
    return before if fits else None


def _packed(batch: Batch, before: Inline | None) -> bytes:
    """A fresh manifest as bytes, of everything known so far if that can be said."""
    try:
        return _described(batch, before).pack()
    except WireError:  # each mix of flags is a quantity of its own: a boot may see more than a manifest holds
        return _described(batch, None).pack()


def _described(batch: Batch, before: Inline | None) -> Manifest:
    """A manifest of everything known so far and everything this batch speaks of, with fresh hints."""
    opened = _layout(before.packed)[0] if before else None
    known = {sensor.address: sensor for sensor in opened.sensors} if opened else {}
    spoken = {
        sensor.address: (sensor, quantities)
        for sensor, quantities in zip(batch.sensors, _spoken(batch), strict=True)
    }
    addresses = [*known, *(address for address in spoken if address not in known)]
    return Manifest(
        batch.boot_id, tuple(_sensor(known.get(a), *spoken.get(a, (None, {}))) for a in addresses)
    )


_Said = Mapping[Quantity, Sequence[Reading]]


def _sensor(known: manifest.Sensor | None, sensor: Sensor | None, said: _Said) -> manifest.Sensor:
    """One sensor: as this batch describes it, with all quantities ever heard of it."""
    before = dict.fromkeys(map(_plain_quantity, _tracked(known))) if known else {}
    described: Any = sensor or known
    tracks: dict[tuple[int, bool, int], list[Quantity]] = {}
    for quantity in [*before, *(q for q in said if q not in before)]:
        # What is flagged has tracks of its own, or every row of the others would lack something.
        key = (quantity.resolution_ms, quantity.form != "number", quantity.flags & ~PLAIN)
        tracks.setdefault(key, []).append(quantity)
    return manifest.Sensor(
        described.address,
        described.name,
        described.room,
        described.role,
        described.model,
        described.contract,
        described.period_s,
        tuple(_track(tick_ms, event, group, said) for (tick_ms, event, _), group in tracks.items()),
    )


def _track(tick_ms: int, event: bool, group: Sequence[Quantity], said: _Said) -> manifest.Track:  # noqa: FBT001 - as Track
    times = sorted({reading.at_ms for quantity in group for reading in said.get(quantity, ())})
    timing = hints.timing(times, tick_ms, event=event)
    columns = tuple(_column(quantity, [r.value for r in said.get(quantity, ())]) for quantity in group)
    return manifest.Track(event, tick_ms, timing.period_us, timing.skip, timing.noise, columns)


def _column(quantity: Quantity, values: Sequence[int | str]) -> manifest.Quantity:
    last = values[-1] if values else 0
    return manifest.Quantity(
        quantity.kind,
        quantity.unit,
        quantity.exponent,
        quantity.form,
        quantity.flags,
        hints.spread(quantity.form, values),
        recent=last if isinstance(last, int) and quantity.form == "number" else 0,
    )


def _coded(batch: Batch, opened: Manifest, numbers: Mapping[str, int]) -> Iterator[CodedRow]:
    """The readings as the columns want them: sensor and quantity as the manifest counts them."""
    places = [
        {quantity: place for place, quantity in enumerate(map(_plain_quantity, _tracked(sensor)))}
        for sensor in opened.sensors
    ]
    sensors = [numbers[sensor.address] for sensor in batch.sensors]
    quantities = [quantity.in_full for quantity in batch.quantities]
    for reading in batch.readings:
        sensor = sensors[reading.sensor]
        yield sensor, places[sensor][quantities[reading.quantity]], reading.at_ms, reading.value


def _spoken(batch: Batch) -> list[dict[Quantity, list[Reading]]]:
    """By sensor, what it says, in order of time."""
    said: list[dict[Quantity, list[Reading]]] = [{} for _ in batch.sensors]
    quantities = [quantity.in_full for quantity in batch.quantities]
    for reading in sorted(batch.readings, key=lambda reading: reading.at_ms):
        said[reading.sensor].setdefault(quantities[reading.quantity], []).append(reading)
    return said


def _tracked(sensor: manifest.Sensor) -> Iterator[tuple[manifest.Track, manifest.Quantity]]:
    return ((track, quantity) for track in sensor.tracks for quantity in track.quantities)


def _plain_quantity(tracked: tuple[manifest.Track, manifest.Quantity]) -> Quantity:
    track, q = tracked
    return Quantity(q.kind, q.unit, q.exponent, q.form, q.flags, track.tick_ms)


def _described_alike(sensor: Sensor, known: manifest.Sensor) -> bool:
    return sensor == _plain_sensor(known)


def _plain_sensor(s: manifest.Sensor) -> Sensor:
    return Sensor(s.address, s.name, s.room, s.model, s.contract, s.period_s, s.role)


def _moved(told: Anchor | None, now: Anchor | None) -> bool:
    """Whether the clock must be told again: it jumped, drifted, or is better known."""
    if told is None or now is None:
        return now is not None
    drift_ms = (now.wall_ms - now.boot_ms) - (told.wall_ms - told.boot_ms)
    return now.quality is not told.quality or abs(drift_ms) > ANCHOR_DRIFT_MS


@lru_cache(LAYOUTS_KEPT)
def _layout(packed: bytes) -> tuple[Manifest, Layout]:
    opened = Manifest.unpack(packed)
    return opened, Layout.of(opened)


@lru_cache(LAYOUTS_KEPT)
def _sensors(packed: bytes) -> tuple[Sensor, ...]:
    return tuple(map(_plain_sensor, _layout(packed)[0].sensors))


@lru_cache(LAYOUTS_KEPT)
def _quantities(packed: bytes) -> tuple[tuple[Quantity, ...], list[list[int]]]:
    """All quantities of a manifest, each once, and where each sensor's stand among them."""
    by_sensor = [list(map(_plain_quantity, _tracked(sensor))) for sensor in _layout(packed)[0].sensors]
    numbers = indexed(quantity for quantities in by_sensor for quantity in quantities)
    return tuple(numbers), [[numbers[quantity] for quantity in quantities] for quantities in by_sensor]
