"""From an advert (or a value told) to readings worth keeping: decode, assigned to this home?, fresh?, odd?

Only sensors assigned to this home and not paused are kept; a neighbour's phone proves that we listen
and is otherwise forgotten at once.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from device_profiles.advert import Advert
from device_profiles.catalogue import Catalogue
from device_profiles.outcome import Outcome, Status
from device_profiles.reading import Flag, Form, Reading, words
from device_profiles.stillness import Stillness
from edge_agent.core.coverage import Coverage
from edge_agent.core.freshness import Freshness, Guard, confirmed, judge, kept
from edge_agent.core.quality import Quality, Rules


@dataclass(frozen=True, slots=True)
class Assigned:
    """A sensor of this home; with a ``key`` only its encrypted frames are believed."""

    address: str
    name: str
    room: str
    model: str
    key: bytes | None = field(default=None, repr=False)
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True)
class Told:
    """A value that a sensor told over a connection (characteristic: 16-bit id or full UUID; time: boot clock, ms)."""

    sensor: str
    characteristic: str
    value: bytes
    at_ms: int


class Kept(msgspec.Struct, frozen=True):
    """The new readings of one frame (time: boot clock, ms) and the guard to commit with them."""

    sensor: str
    at_ms: int
    readings: tuple[Reading, ...]
    guard: Guard
    encrypted: bool  # a key proved that the sensor itself said it
    urgent: bool  # one of the readings must not wait


class Hearing:
    """Judges adverts one by one; ``counts`` says what became of them, by reason."""

    def __init__(
        self,
        catalogue: Catalogue,
        sensors: Mapping[str, Assigned],
        guards: Mapping[str, Guard],
        coverage: Coverage,
        paused: Callable[[int], frozenset[str]] = lambda _boot_ms: frozenset(),
    ) -> None:
        self._paused = paused
        self._catalogue = catalogue
        self._sensors = sensors
        self._guards = dict(guards)
        self._coverage = coverage
        self._quality = Quality({address: sensor.rules for address, sensor in sensors.items()})
        self._states: dict[tuple[str, str], int | str] = {}  # last boolean of each urgent kind
        self._stillness = Stillness()  # of this life: after a start the first movement is told at once
        self.counts: Counter[str] = Counter()

    @property
    def doubted(self) -> tuple[str, ...]:
        """Sensors whose counter began again, and nobody has confirmed a new battery."""
        return tuple(sensor for sensor, guard in self._guards.items() if guard.reset is not None)

    def hear(self, advert: Advert) -> Kept | None:
        """The readings to keep from ``advert``, or None; the reason is counted."""
        paused = self.rest(advert.heard_ms)
        self._coverage.frame(advert.heard_ms)
        self.counts["adverts"] += 1
        sensor = self._sensors.get(advert.address)
        if sensor is None:
            return self._drop("strangers")
        if advert.address in paused:
            return self._drop("paused")
        outcome = self._catalogue.decode(advert, key=sensor.key, model=sensor.model)
        return self._fresh(sensor, outcome, advert)

    def told(self, told: Told) -> Kept | None:
        """The readings to keep from a value that a sensor of this home told over a connection, or None.

        It was asked for, or confirmed: the same value again is another measurement, not a copy.
        """
        sensor = self._sensors[told.sensor]
        self.counts["values"] += 1
        if told.sensor in self.rest(told.at_ms):
            return self._drop("paused")
        outcome = self._catalogue.decode_value(told.characteristic, told.value, sensor.model)
        if outcome.status is not Status.DECODED:
            return self._drop(_reason(outcome))
        self._coverage.hear(told.sensor, told.at_ms)
        return self._kept(sensor, outcome, told.at_ms, None, Guard(kept_ms=told.at_ms))

    def rest(self, boot_ms: int) -> frozenset[str]:
        """The sensors left out at that moment, before anything of them is decoded."""
        paused = self._paused(boot_ms)
        self._coverage.rest(paused, boot_ms)
        return paused

    def confirm(self, sensor: str) -> Guard | None:
        """A person changed its battery: its counter may begin again. The guard to commit, if there is one."""
        guard = self._guards.get(sensor)
        if guard is None:
            return None
        self._guards[sensor] = confirmed(guard)
        return self._guards[sensor]

    def _fresh(self, sensor: Assigned, outcome: Outcome, advert: Advert) -> Kept | None:
        if outcome.status is not Status.DECODED:
            return self._drop(_reason(outcome))
        standing = self._guards.get(sensor.address)
        frame = Guard(outcome.counter, outcome.repeat, _content(outcome.readings), advert.heard_ms)
        freshness = judge(standing, frame)
        behind = freshness is Freshness.COUNTER_RESET
        if not behind:  # a replay must not make a dead sensor look alive
            self._coverage.hear(sensor.address, advert.heard_ms)
        if freshness is Freshness.REPEAT:
            return self._drop("repeats")
        if behind:
            doubted = tuple(replace(one, flags=one.flags | Flag.COUNTER_RESET) for one in outcome.readings)
            outcome = replace(outcome, readings=doubted)
        return self._kept(
            sensor, outcome, advert.heard_ms, advert.signal_dbm, kept(standing, frame, freshness)
        )

    def _kept(
        self, sensor: Assigned, outcome: Outcome, at_ms: int, signal_dbm: int | None, guard: Guard
    ) -> Kept:
        address = sensor.address
        self._guards[address] = guard
        readings = self._quality.judged(address, outcome.readings, at_ms, signal_dbm)
        self._count(readings)
        # All are told, so that each state and movement is remembered; what comes from behind is never urgent by itself.
        news = [
            self._is_news(address, one) | self._ends_stillness(address, one, at_ms)
            for one in readings
            if not (one.flags and one.flags & Flag.COUNTER_RESET)
        ]
        return Kept(address, at_ms, readings, guard, outcome.proven, urgent=any(news))

    def _ends_stillness(self, sensor: str, reading: Reading, at_ms: int) -> bool:
        """The first movements after a stillness do not wait: somebody got up, came home, or is found."""
        if reading.form is not Form.BOOLEAN:
            return False
        return self._stillness.ended_by(sensor, reading.kind, int(reading.value), at_ms)

    def _is_news(self, sensor: str, reading: Reading) -> bool:
        """An urgent kind is urgent as an event or a change; a state said again (a door's heartbeat) is not."""
        if not reading.urgent:
            return False
        told = self._states.get((sensor, reading.kind))
        self._states[sensor, reading.kind] = reading.value
        return reading.form is not Form.BOOLEAN or told != reading.value

    def _count(self, readings: tuple[Reading, ...]) -> None:
        self.counts["heard"] += len(readings)
        for reading in readings:
            for word in words(reading.flags):
                self.counts[f"flag:{word}"] += 1

    def _drop(self, reason: str) -> Kept | None:
        self.counts[reason] += 1
        return None


def _reason(outcome: Outcome) -> str:
    return f"{outcome.status.value}:{outcome.reason}" if outcome.reason else outcome.status.value


def _content(readings: tuple[Reading, ...]) -> int:
    """A number that changes with the content and survives a restart, as Python's own hash would not."""
    return zlib.crc32(repr([(one.kind, one.value, one.exponent) for one in readings]).encode())
