"""Real traces: recorded readings, put on the air again as BTHome adverts.

A trace is CSV, plain or xz-compressed: ``ts,sensor_id,kind,value``, with ``ts`` in milliseconds
and ``value`` an integer at the recording sensor's resolution. The file does not say which
resolution that was; ``exponents_of`` tells how we find out.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import itertools
import lzma
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, TextIO

from device_profiles.encode import encode, reading
from device_profiles.errors import EncodeError
from device_profiles.reading import Flag
from hil_tests.rig.advertising import advert_bytes
from hil_tests.rig.air import Air, Link, Pdu
from hil_tests.rig.beacons import PACKET_IDS, Report, Transmission, random_address, random_static_address
from hil_tests.rig.errors import RigError

if TYPE_CHECKING:
    from pathlib import Path

    from device_profiles.reading import Reading

MODEL = "bthome_v2"
HEADER = ["ts", "sensor_id", "kind", "value"]
ADVERTS_PER_S_MAX = 300.0
FINEST_EXPONENT = -3  # no BTHome field is finer
COLUMNS = len(HEADER)

# A home whose usual value is above this in tenths (100 %, 45 °C) must be counting in hundredths.
_TENTHS_MAX = {"humidity": 1000, "temperature": 450}
_WHOLE = {"motion", "door", "window", "opening", "occupancy", "presence", "battery"}
_WORDS = {"button": {1: "press"}}  # a trace holds numbers only
_KINDS = _WHOLE | _TENTHS_MAX.keys() | _WORDS.keys()


class TraceError(RigError):
    """A trace cannot be replayed; names file and line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded reading and the line it stands on."""

    line: int
    ts_ms: int
    sensor: str
    kind: str
    value: int


@dataclass(frozen=True, slots=True)
class TraceSensor:
    """One sensor of a trace as the hub is to know it."""

    name: str
    address: str
    model: str = MODEL
    contract: str = "event-only"  # a recording makes no promise about its silences


@dataclass(frozen=True, slots=True)
class Moment:
    """What one sensor said at one time."""

    ts_ms: int
    sensor: TraceSensor
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace ready to be replayed.

    Attributes:
        sensors: In order of first appearance.
        moments: In order of time.
        exponents: Of each kind: a value means value * 10 ** exponent.
        rows: How many readings.
    """

    sensors: tuple[TraceSensor, ...]
    moments: tuple[Moment, ...]
    exponents: Mapping[str, int]
    rows: int

    @property
    def span_s(self) -> float:
        """Time from first to last reading, in seconds."""
        return (self.moments[-1].ts_ms - self.moments[0].ts_ms) / 1000


def load_trace(path: Path) -> Trace:
    """Read a trace file, plain or ``.xz``.

    Raises:
        TraceError: It cannot be read, a row is wrong, or BTHome cannot carry a reading.
    """
    rows = read_rows(path)
    for row in rows:
        if row.kind not in _KINDS:
            raise _bad_row(path, row.line, f"kind {row.kind!r} is none that a replay can put on the air")
    exponents = exponents_of(rows)
    sensors = {
        name: TraceSensor(name, address_of(name)) for name in dict.fromkeys(row.sensor for row in rows)
    }
    _refuse_twins(path, sensors.values())
    moments = tuple(_moments(path, rows, sensors, exponents))
    return Trace(tuple(sensors.values()), moments, exponents, len(rows))


def read_rows(path: Path) -> list[Row]:
    """Read the rows of a trace file, plain or ``.xz``, in order of time.

    Raises:
        TraceError: It cannot be read, a row is wrong, or there is none.
    """
    try:
        with open_text(path) as file:
            rows = sorted(_rows(path, file), key=lambda row: row.ts_ms)
    except (OSError, lzma.LZMAError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TraceError(f"Trace {path} cannot be read: {reason}.", hint="Check the file.") from error
    if not rows:
        raise TraceError(f"Trace {path} holds no readings.", hint="Give a recording with rows.")
    return rows


def exponents_of(rows: Iterable[Row]) -> dict[str, int]:
    """Find the resolution of each kind, for the whole file.

    Temperature and humidity come from one sensor, in tenths or in hundredths. Their medians tell
    which (humidity if there is any, as it leaves less doubt); a single odd value tells nothing,
    and is refused later. All other kinds count in whole units.
    """
    values: dict[str, list[int]] = {}
    for row in rows:
        values.setdefault(row.kind, []).append(row.value)
    telling = next((kind for kind in _TENTHS_MAX if kind in values), None)
    hundredths = telling is not None and statistics.median(values[telling]) > _TENTHS_MAX[telling]
    scaled = -2 if hundredths else -1
    return {kind: scaled if kind in _TENTHS_MAX else 0 for kind in values}


def address_of(name: str) -> str:
    """Derive a sensor's random static address from its name, the same on every run."""
    address = random_static_address(hashlib.sha256(name.encode()).digest())
    return str(address.to_string(with_type_qualifier=False))


class Replay:
    """Puts a trace on the air, faster than it was recorded."""

    def __init__(
        self,
        air: Air,
        trace: Trace,
        report: Report,
        *,
        speed: float,
        adverts_per_s_max: float = ADVERTS_PER_S_MAX,
        hub: str = "hub",
    ) -> None:
        """Prepare a replay over lossless links, one copy of each transmission.

        Args:
            air: The medium.
            trace: What to replay.
            report: Told each transmission before it is sent.
            speed: How many recorded seconds pass in one.
            adverts_per_s_max: Where the trace is denser, the replay falls behind instead.
            hub: The station that is to hear it.
        """
        self.sent = 0
        self._air = air
        self._trace = trace
        self._report = report
        self._speed = speed
        self._gap_s = 1 / adverts_per_s_max
        self._numbers = {sensor.address: itertools.count(1) for sensor in trace.sensors}
        for sensor in trace.sensors:
            air.arrange(sensor.address, hub, Link())

    async def run(self) -> None:
        """Send everything; return when the last advert is on the air."""
        loop = asyncio.get_running_loop()
        began_s = due_s = loop.time()
        first_ms = self._trace.moments[0].ts_ms
        for moment in self._trace.moments:
            recorded_s = began_s + (moment.ts_ms - first_ms) / 1000 / self._speed
            due_s = max(due_s + self._gap_s, recorded_s)
            # Waiting until just past the moment, never for less than a tick: adverts due meanwhile
            # follow at once, so the average rate holds.
            if (wait_s := due_s - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            self._send(moment)

    def _send(self, moment: Moment) -> None:
        address = moment.sensor.address
        number = next(self._numbers[address])
        advert = encode(MODEL, address, moment.readings, repeat=number % PACKET_IDS)
        data = advert_bytes(advert)
        self._report(Transmission(address, number, moment.readings, self._air.wall(), data))
        self._air.broadcast(address, Pdu(address=random_address(address), data=data))
        self.sent += 1


def open_text(path: Path) -> TextIO:
    """Open a text file, plain or ``.xz``, with or without a byte order mark."""
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _rows(path: Path, file: TextIO) -> Iterator[Row]:
    reader = csv.reader(file)
    try:
        if next(reader, None) != HEADER:
            raise _bad_row(path, 1, f"the first line is not {','.join(HEADER)}")
        for fields in filter(None, reader):
            yield _row(path, reader.line_num, fields)
    except (csv.Error, UnicodeDecodeError) as error:
        raise _bad_row(path, reader.line_num + 1, f"not CSV text ({error})") from error


def _row(path: Path, line: int, fields: list[str]) -> Row:
    if len(fields) != COLUMNS:
        raise _bad_row(path, line, f"{len(fields)} columns instead of {COLUMNS}")
    ts_ms, sensor, kind, value = fields
    if not sensor:
        raise _bad_row(path, line, "no sensor_id")
    try:
        return Row(line, int(ts_ms), sensor, kind, int(value))
    except ValueError as error:
        raise _bad_row(path, line, f"ts {ts_ms!r} and value {value!r} must be whole numbers") from error


def _bad_row(path: Path, line: int, complaint: str) -> TraceError:
    return TraceError(
        f"Trace {path}, line {line}: {complaint}.",
        hint="A row is ts (ms), sensor_id, kind, value (integer); kinds: " + ", ".join(sorted(_KINDS)) + ".",
    )


def _refuse_twins(path: Path, sensors: Iterable[TraceSensor]) -> None:
    names: dict[str, str] = {}
    for sensor in sensors:
        twin = names.setdefault(sensor.address, sensor.name)
        if twin != sensor.name:
            raise TraceError(
                f"Trace {path}: sensors {twin!r} and {sensor.name!r} come out at one address.",
                hint="Rename one of them.",
            )


def _moments(
    path: Path, rows: list[Row], sensors: Mapping[str, TraceSensor], exponents: Mapping[str, int]
) -> Iterator[Moment]:
    """Join the rows of one sensor at one time; a kind that comes twice begins another moment."""
    fitting: set[tuple[str, ...]] = set()
    for ts_ms, together in itertools.groupby(rows, key=lambda row: row.ts_ms):
        for group in _groups(together):
            readings = tuple(_reading(path, row, exponents[row.kind]) for row in group)
            kinds = tuple(row.kind for row in group)
            if kinds not in fitting:
                _refuse_too_long(path, group[0], readings)
                fitting.add(kinds)
            yield Moment(ts_ms, sensors[group[0].sensor], readings)


def _groups(together: Iterable[Row]) -> Iterator[list[Row]]:
    by_sensor: dict[str, list[list[Row]]] = {}
    for row in together:
        groups = by_sensor.setdefault(row.sensor, [[]])
        if any(row.kind == other.kind for other in groups[-1]):
            groups.append([])
        groups[-1].append(row)
    return itertools.chain.from_iterable(by_sensor.values())


def _reading(path: Path, row: Row, exponent: int) -> Reading:
    """Make the reading at the recorded resolution, or the next finer one that BTHome has."""
    words = _WORDS.get(row.kind)
    value = words.get(row.value, row.value) if words else Decimal(row.value).scaleb(exponent)
    trouble: EncodeError | None = None
    for finer in range(exponent, FINEST_EXPONENT - 1, -1):
        try:
            made = reading(MODEL, row.kind, value, finer)
        except EncodeError as error:
            trouble = error
        else:
            if made.flags & Flag.IMPLAUSIBLE:
                break  # a recording of what cannot be true is a mistake in the file
            return made
    raise _bad_row(path, row.line, f"BTHome cannot carry {row.kind} {value}") from trouble


def _refuse_too_long(path: Path, row: Row, readings: tuple[Reading, ...]) -> None:
    try:
        advert_bytes(encode(MODEL, address_of(row.sensor), readings, repeat=0))
    except RigError as error:
        raise _bad_row(path, row.line, f"too many readings at one time ({error})") from error
