"""The manifest: what the columns of the batches after it stand for.

Sent inside the first batch of each stream in each boot, and again whenever something in it changes;
later batches name it by its distance. ``SPEC.md`` ("Manifest") is the definition.
"""

from __future__ import annotations

import enum
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgpack

from cloud_sync.wire.errors import WireError
from cloud_sync.wire.limits import SENSORS_MAX, TEXT_MAX_CHARS, VALUE_MAX

BOOT_ID_BYTES: Final = 16
MANIFEST_MAX_BYTES: Final = 65_536  # unpacked
TRACKS_MAX: Final = 1024  # of all sensors together
QUANTITIES_MAX: Final = 2048  # of all sensors together
QUANTITIES_PER_TRACK_MAX: Final = 64
EXPONENT_MAX: Final = 128  # the exponent of an IEEE 11073 FLOAT has eight bits
FLAGS_END: Final = 1 << 16
TICK_MAX_MS: Final = 3_600_000
PERIOD_MAX_US: Final = 1 << 40
SKIP_MAX: Final = 1 << 20
NOISE_MAX: Final = 3

PLAIN: Final = 1  # of the flags, the only one that the format itself looks at
TWO_STATE: Final = 7  # the spread of a quantity that is 0 or 1 and toggles
TEXT: Final = 8  # the spread of a text

_AS_IT_IS, _DEFLATED = b"\0", b"\1"
_T = TypeVar("_T")


class Contract(enum.IntEnum):
    """How a sensor proves that it is alive."""

    EVENT_ONLY = 0
    PERIODIC = 1
    HEARTBEAT = 2


@dataclass(frozen=True, slots=True)
class Quantity:
    """What one column measures.

    Attributes:
        kind: such as ``temperature``.
        unit: as people write it, or empty.
        exponent: a number means ``value * 10**exponent``.
        form: ``number``, ``boolean`` or ``text``.
        flags: what makes its readings less than they seem, as bits (``SPEC.md``, "Flags"); 0 for nothing.
        spread: hint; 0 to 6 for how far it usually moves, ``TWO_STATE``. ``TEXT`` exactly for texts.
        recent: hint; a number near its next one, 0 for lack of any.
    """

    kind: str
    unit: str
    exponent: int
    form: str
    flags: int
    spread: int
    recent: int = 0


@dataclass(frozen=True, slots=True)
class Track:
    """Quantities of one sensor that share their times.

    Attributes:
        event: whether times are gaps between events, not multiples of a period.
        tick_ms: their resolution; a time is rounded down to it.
        period_us: hint; the period between two chances to hear this sensor.
        skip: hint; how many periods usually pass between two readings.
        noise: hint; 0 to 3 for how far a time usually strays from a multiple of the period.
        quantities: in the order of their columns.
    """

    event: bool
    tick_ms: int
    period_us: int
    skip: int
    noise: int
    quantities: tuple[Quantity, ...]


@dataclass(frozen=True, slots=True)
class Sensor:
    """One physical transmitter of this home, how it proves that it is alive, and what it measures."""

    address: str
    name: str
    room: str
    role: str  # what it is there for, such as ``entrance``; may be empty
    model: str
    contract: Contract
    period_s: int  # of the contract; 0 for event-only
    tracks: tuple[Track, ...]

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """All it measures; a reading's quantity index counts along this."""
        return tuple(quantity for track in self.tracks for quantity in track.quantities)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The sensors of a hub, as one boot knows them."""

    boot_id: bytes
    sensors: tuple[Sensor, ...]

    def pack(self) -> bytes:
        """The manifest as bytes: msgpack, deflated where that is shorter.

        Raises:
            WireError: it breaks a limit.
        """
        fields = [self.boot_id, [_sensor_fields(sensor) for sensor in self.sensors]]
        _from_fields(fields)
        plain: bytes = msgpack.packb(fields)
        _need(len(plain) <= MANIFEST_MAX_BYTES, f"is longer than {MANIFEST_MAX_BYTES} bytes")
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
        deflated = squeeze.compress(plain) + squeeze.flush()
        return _DEFLATED + deflated if len(deflated) < len(plain) else _AS_IT_IS + plain

    @classmethod
    def unpack(cls, data: bytes) -> Manifest:
        """Inverse of :meth:`pack`.

        Raises:
            WireError: the bytes break the format or a limit.
        """
        form, content = data[:1], data[1:]
        _need(form in {_AS_IT_IS, _DEFLATED}, "begins with neither 0 nor 1")
        plain = _inflated(content) if form == _DEFLATED else content
        _need(len(plain) <= MANIFEST_MAX_BYTES, f"is longer than {MANIFEST_MAX_BYTES} bytes")
        try:
            fields = msgpack.unpackb(plain, max_array_len=QUANTITIES_MAX, max_map_len=0)
        except (ValueError, msgpack.UnpackException) as error:
            raise WireError(f"the manifest is not msgpack within its limits: {error}") from error
        return _from_fields(fields)


def _sensor_fields(sensor: Sensor) -> list[Any]:
    tracks = [
        [t.event, t.tick_ms, t.period_us, t.skip, t.noise, [_quantity_fields(q) for q in t.quantities]]
        for t in sensor.tracks
    ]
    named = [sensor.address, sensor.name, sensor.room, sensor.role, sensor.model]
    return [*named, int(sensor.contract), sensor.period_s, tracks]


def _quantity_fields(quantity: Quantity) -> list[Any]:
    return [
        quantity.kind,
        quantity.unit,
        quantity.exponent,
        quantity.form,
        int(quantity.flags),
        quantity.spread,
        quantity.recent,
    ]


def _inflated(content: bytes) -> bytes:
    inflate = zlib.decompressobj(-15)
    try:
        plain = inflate.decompress(content, MANIFEST_MAX_BYTES + 1)
    except zlib.error as error:
        raise WireError(f"the manifest cannot be inflated: {error}") from error
    _need(len(plain) > MANIFEST_MAX_BYTES or inflate.eof, "is cut short")
    return plain


def _from_fields(fields: Any) -> Manifest:
    boot_id, sensors = _list(fields, 2)
    _need(isinstance(boot_id, bytes) and len(boot_id) == BOOT_ID_BYTES, "has no boot id of 16 bytes")
    manifest = Manifest(boot_id, _each(sensors, _sensor, SENSORS_MAX))
    tracks = [track for sensor in manifest.sensors for track in sensor.tracks]
    _need(len(tracks) <= TRACKS_MAX, f"has more than {TRACKS_MAX} tracks")
    quantities = sum(len(track.quantities) for track in tracks)
    _need(quantities <= QUANTITIES_MAX, f"has more than {QUANTITIES_MAX} quantities")
    return manifest


def _sensor(fields: Any) -> Sensor:
    address, name, room, role, model, contract, period_s, tracks = _list(fields, 8)
    named = (address, name, room, role, model)
    _need(all(map(_is_text, named)), "has a sensor with a name that is no text")
    _need(_is_within(contract, 0, 2), "has a sensor with an unknown contract")
    _need(_is_within(period_s, 0, PERIOD_MAX_US), "has a sensor with an impossible period")
    return Sensor(*named, Contract(contract), period_s, _each(tracks, _track, TRACKS_MAX))


def _track(fields: Any) -> Track:
    event, tick_ms, period_us, skip, noise, quantities = _list(fields, 6)
    _need(type(event) is bool, "has a track that does not say whether it holds events")
    _need(_is_within(tick_ms, 1, TICK_MAX_MS), "has a track with an impossible tick")
    _need(_is_within(period_us, 1, PERIOD_MAX_US), "has a track with an impossible period")
    _need(_is_within(skip, 0, SKIP_MAX) and _is_within(noise, 0, NOISE_MAX), "has a track with a wild hint")
    columns = _each(quantities, _quantity, QUANTITIES_PER_TRACK_MAX)
    _need(columns != (), "has a track without a quantity")
    return Track(event, tick_ms, period_us, skip, noise, columns)


def _quantity(fields: Any) -> Quantity:
    kind, unit, exponent, form, flags, spread, recent = _list(fields, 7)
    _need(_is_text(kind) and _is_text(unit), "has a quantity whose kind or unit is no text")
    _need(_is_within(exponent, -EXPONENT_MAX, EXPONENT_MAX), "has a quantity with an impossible exponent")
    _need(form in ("number", "boolean", "text"), "has a quantity of unknown form")
    _need(_is_within(flags, 0, FLAGS_END - 1), "has a quantity with impossible flags")
    _need(_is_within(spread, 0, TEXT) and (spread == TEXT) == (form == "text"), "has a wrong spread")
    _need(_is_within(recent, -VALUE_MAX, VALUE_MAX - 1), "has a quantity with an impossible recent value")
    return Quantity(kind, unit, exponent, form, flags, spread, recent)


def _each(items: Any, read: Callable[[Any], _T], most: int) -> tuple[_T, ...]:
    _need(isinstance(items, list) and len(items) <= most, f"has a list of more than {most} or no list at all")
    return tuple(read(item) for item in items)


def _list(fields: Any, length: int) -> list[Any]:
    _need(isinstance(fields, list) and len(fields) == length, "has a record with too few or too many fields")
    return list(fields)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_MAX_CHARS


def _is_within(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _need(ok: bool, lack: str) -> None:  # noqa: FBT001 - reads as "need this"
    if not ok:
        raise WireError(f"the manifest {lack}")
