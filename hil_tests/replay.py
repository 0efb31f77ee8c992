"""A recorded home on the air again: each reading becomes a BTHome advert of the sensor that made it."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from device_profiles.encode import encode, reading
from device_profiles.errors import EncodeError
from device_profiles.reading import Flag
from hil_tests.rig.advertising import advert_bytes
from hil_tests.rig.air import Air, Link
from hil_tests.rig.beacons import Report, Transmission, random_static_address
from hil_tests.rig.errors import RigError
from hil_tests.rig.sensors import PACKET_IDS
from hil_tests.trace import KINDS, WORDS, Row, TraceError, bad_row, exponents_of, read_rows

if TYPE_CHECKING:
    from pathlib import Path

    from device_profiles.reading import Reading

MODEL = "bthome_v2"
ADVERTS_PER_S_MAX = 300.0
FINEST_EXPONENT = -3  # no BTHome field is finer


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
        if row.kind not in KINDS:
            raise bad_row(path, row.line, f"kind {row.kind!r} is none that a replay can put on the air")
    exponents = exponents_of(rows)
    sensors = {
        name: TraceSensor(name, address_of(name)) for name in dict.fromkeys(row.sensor for row in rows)
    }
    _refuse_twins(path, sensors.values())
    moments = tuple(_moments(path, rows, sensors, exponents))
    return Trace(tuple(sensors.values()), moments, exponents, len(rows))


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
        self._air.say(address, address, data)
        self.sent += 1


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
    words = WORDS.get(row.kind)
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
    raise bad_row(path, row.line, f"BTHome cannot carry {row.kind} {value}") from trouble


def _refuse_too_long(path: Path, row: Row, readings: tuple[Reading, ...]) -> None:
    try:
        advert_bytes(encode(MODEL, address_of(row.sensor), readings, repeat=0))
    except RigError as error:
        raise bad_row(path, row.line, f"too many readings at one time ({error})") from error
