"""The batch: consecutive readings of one stream and what was listened to meanwhile, as msgpack columns.

Everything inside is signed; nothing here is. Times are milliseconds of the hub's boot
clock under its boot id; the anchor ties that clock to the wall, with its quality.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgpack

from cloud_sync.wire.errors import WireError
from cloud_sync.wire.limits import READINGS_MAX, SENSORS_MAX, SPANS_MAX, TEXT_MAX_CHARS, VALUE_MAX

VERSION = 1
DIGEST_BYTES = 32


class Stream(enum.IntEnum):
    """Two streams a hub, each with its own sequence, so that an alarm overtakes a backlog."""

    URGENT = 0
    ROUTINE = 1


class Quality(enum.IntEnum):
    """How far the wall clock behind an anchor can be believed."""

    UNSET = 0  # plainly wrong: before this software existed
    COARSE = 1  # plausible, not synchronised
    SYNCED = 2  # the kernel says it is disciplined


class Contract(enum.IntEnum):
    """How a sensor proves that it is alive."""

    EVENT_ONLY = 0
    PERIODIC = 1
    HEARTBEAT = 2


@dataclass(frozen=True, slots=True)
class Anchor:
    """``wall_ms`` since 1970 was read when the boot clock stood at ``boot_ms``."""

    wall_ms: int
    boot_ms: int
    quality: Quality


@dataclass(frozen=True, slots=True)
class Sensor:
    """One physical transmitter of this home, and how it proves that it is alive."""

    address: str
    name: str
    room: str
    model: str
    contract: Contract
    period_s: int  # of the contract; 0 for event-only


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a column measures: its kind, unit and decimal exponent (NUMBER), or BOOLEAN, or TEXT."""

    kind: str
    unit: str
    exponent: int
    form: str  # "number" | "boolean" | "text"
    plain: bool = False  # true: an urgent kind that came unencrypted, so anybody near could have sent it


@dataclass(frozen=True, slots=True)
class Reading:
    """One quantity of one sensor at one time (boot clock, ms)."""

    sensor: int  # index into Batch.sensors
    quantity: int  # index into Batch.quantities
    at_ms: int
    value: int | str


@dataclass(frozen=True, slots=True)
class Heard:
    """When a sensor was last heard (0: not in this boot), and whether it keeps its contract."""

    sensor: int
    last_ms: int
    kept: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch stood before its hub had to begin a new epoch: the same content must not count twice."""

    epoch: bytes
    seq: int
    digest: bytes


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
    anchor: Anchor | None
    sensors: tuple[Sensor, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    readings: tuple[Reading, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()  # listened from..to, boot ms; ends at a decoded frame
    heard: tuple[Heard, ...] = ()
    origin: Origin | None = None


def encode(batch: Batch) -> bytes:
    """The bytes that are signed, stored and sent. Readings keep their order."""
    columns: tuple[Sequence[Any], ...] = (
        [r.sensor for r in batch.readings],
        [r.quantity for r in batch.readings],
        _deltas(r.at_ms for r in batch.readings),
        [r.value for r in batch.readings],
    )
    packed: bytes = msgpack.packb(
        (
            VERSION,
            batch.site,
            batch.hub,
            batch.epoch,
            int(batch.stream),
            batch.seq,
            batch.boot_id,
            batch.made_ms,
            batch.anchor and (batch.anchor.wall_ms, batch.anchor.boot_ms, int(batch.anchor.quality)),
            [(s.address, s.name, s.room, s.model, int(s.contract), s.period_s) for s in batch.sensors],
            [(q.kind, q.unit, q.exponent, q.form, q.plain) for q in batch.quantities],
            columns,
            batch.spans,
            [(h.sensor, h.last_ms, h.kept) for h in batch.heard],
            batch.origin and (batch.origin.epoch, batch.origin.seq, batch.origin.digest),
        )
    )
    return packed


def decode(body: bytes) -> Batch:
    """The batch in ``body``. Call it only on bytes whose signature has been verified.

    Raises:
        WireError: the bytes break the format or a limit.
    """
    try:
        fields = msgpack.unpackb(body, use_list=False, max_array_len=READINGS_MAX, max_map_len=0)
    except (ValueError, msgpack.UnpackException) as error:
        raise WireError(f"the batch is not msgpack within its limits: {error}") from error
    if not isinstance(fields, tuple) or not fields or fields[0] != VERSION:
        raise WireError("the batch is of a version this receiver does not know", "batch-version-unknown")
    try:
        batch = _from_fields(fields)
    except (TypeError, ValueError, LookupError) as error:
        raise WireError(f"a field of the batch is missing or of the wrong type: {error}") from error
    _check(batch)
    return batch


def content_digest(body: bytes) -> bytes:
    """What identifies a batch's content: SHA-256 over the signed bytes, not the signature (ECDSA is malleable)."""
    return hashlib.sha256(b"lum-digest-1\0" + body).digest()


def chain_start(hub: str, epoch: bytes, stream: Stream) -> bytes:
    """The chain hash before the first batch of a stream."""
    return hashlib.sha256(b"lum-chain-1\0" + hub.encode() + b"\0" + epoch + bytes([stream])).digest()


def chain_next(chain: bytes, digest: bytes) -> bytes:
    """The chain hash after one more batch: equal chains mean equal histories."""
    return hashlib.sha256(chain + digest).digest()


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


def _from_fields(fields: tuple[Any, ...]) -> Batch:
    (
        _,
        site,
        hub,
        epoch,
        stream,
        seq,
        boot_id,
        made_ms,
        anchor,
        sensors,
        quantities,
        columns,
        spans,
        heard,
        origin,
    ) = fields
    sensor_column, quantity_column, deltas, values = columns
    if not len(sensor_column) == len(quantity_column) == len(deltas) == len(values):
        raise WireError("the columns of the batch differ in length")
    return Batch(
        site=site,
        hub=hub,
        epoch=epoch,
        stream=Stream(stream),
        seq=seq,
        boot_id=boot_id,
        made_ms=made_ms,
        anchor=None if anchor is None else Anchor(anchor[0], anchor[1], Quality(anchor[2])),
        sensors=tuple(Sensor(a, n, r, m, Contract(c), p) for a, n, r, m, c, p in sensors),
        quantities=tuple(Quantity(*q) for q in quantities),
        readings=tuple(map(Reading, sensor_column, quantity_column, _sums(deltas), values)),
        spans=tuple((start, end) for start, end in spans),
        heard=tuple(Heard(s, at, kept) for s, at, kept in heard),
        origin=None if origin is None else Origin(*origin),
    )


def _check(batch: Batch) -> None:
    """Every field is of its type and inside its limits; indices point at something."""
    good = {
        "site and hub": _is_text(batch.site) and _is_text(batch.hub),
        "epoch and boot id": _is_bytes(batch.epoch, 8) and _is_bytes(batch.boot_id, 16),
        "sequence number and time": _is_count(batch.seq) and batch.seq >= 1 and _is_count(batch.made_ms),
        "anchor": not batch.anchor or (_is_count(batch.anchor.wall_ms) and _is_count(batch.anchor.boot_ms)),
        "sensors": len(batch.sensors) <= SENSORS_MAX and all(map(_sensor_ok, batch.sensors)),
        "quantities": all(map(_quantity_ok, batch.quantities)),
        "readings": all(_reading_ok(reading, batch) for reading in batch.readings),
        "listening spans": len(batch.spans) <= SPANS_MAX and _spans_ok(batch.spans),
        "origin": batch.origin is None or _origin_ok(batch.origin),
        "coverage statements": all(_heard_ok(heard, batch) for heard in batch.heard),
    }
    for what, ok in good.items():
        if not ok:
            raise WireError(f"the {what} of the batch are not of their type or inside their limits")


def _spans_ok(spans: Sequence[tuple[int, int]]) -> bool:
    return all(_is_count(start) and _is_count(end) and start <= end for start, end in spans) and all(
        earlier[1] <= later[0] for earlier, later in pairwise(spans)
    )


def _origin_ok(origin: Origin) -> bool:
    return _is_bytes(origin.epoch, 8) and _is_count(origin.seq) and _is_bytes(origin.digest, DIGEST_BYTES)


def _heard_ok(heard: Heard, batch: Batch) -> bool:
    return (
        _is_index(heard.sensor, batch.sensors) and _is_count(heard.last_ms) and isinstance(heard.kept, bool)
    )


def _sensor_ok(sensor: Sensor) -> bool:
    return all(_is_text(t) for t in (sensor.address, sensor.name, sensor.room, sensor.model)) and _is_count(
        sensor.period_s
    )


def _quantity_ok(quantity: Quantity) -> bool:
    return (
        _is_text(quantity.kind)
        and _is_text(quantity.unit)
        and type(quantity.exponent) is int
        and -12 <= quantity.exponent <= 12
        and _is_text(quantity.form)
        and quantity.form in {"number", "boolean", "text"}
        and type(quantity.plain) is bool
    )


def _reading_ok(reading: Reading, batch: Batch) -> bool:
    if not (_is_index(reading.sensor, batch.sensors) and _is_index(reading.quantity, batch.quantities)):
        return False
    if not _is_count(reading.at_ms):
        return False
    if batch.quantities[reading.quantity].form == "text":
        return _is_text(reading.value)
    return type(reading.value) is int and -VALUE_MAX <= reading.value < VALUE_MAX


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_MAX_CHARS


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < VALUE_MAX


def _is_index(value: object, items: Sequence[object]) -> bool:
    return type(value) is int and 0 <= value < len(items)


def _is_bytes(value: object, length: int) -> bool:
    return isinstance(value, bytes) and len(value) == length


def _deltas(times: Iterable[int]) -> list[int]:
    deltas, last = [], 0
    for time in times:
        deltas.append(time - last)
        last = time
    return deltas


def _sums(deltas: Iterable[int]) -> list[int]:
    times, last = [], 0
    for delta in deltas:
        last += delta
        times.append(last)
    return times
