"""From an advert to readings worth keeping: decode, assigned to this home?, fresh?

Only sensors assigned to this home are kept; a neighbour's phone proves that we listen
and is otherwise forgotten at once.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from device_profiles.advert import Advert
from device_profiles.catalogue import Catalogue
from device_profiles.outcome import Outcome, Status
from device_profiles.reading import Form, Reading
from edge_agent.core.coverage import Coverage
from edge_agent.core.freshness import Freshness, Guard, judge


@dataclass(frozen=True, slots=True)
class Assigned:
    """A sensor of this home; with a ``key`` only its encrypted frames are believed."""

    address: str
    name: str
    room: str
    model: str
    key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """The new readings of one frame (time: boot clock, ms) and the guard to commit with them."""

    sensor: str
    at_ms: int
    readings: tuple[Reading, ...]
    guard: Guard
    encrypted: bool
    urgent: bool  # one of the readings must not wait


class Hearing:
    """Judges adverts one by one; ``counts`` says what became of them, by reason."""

    def __init__(
        self,
        catalogue: Catalogue,
        sensors: Mapping[str, Assigned],
        guards: Mapping[str, Guard],
        coverage: Coverage,
    ) -> None:
        self._catalogue = catalogue
        self._sensors = sensors
        self._guards = dict(guards)
        self._coverage = coverage
        self._states: dict[tuple[str, str], int | str] = {}  # last boolean of each urgent kind
        self.counts: Counter[str] = Counter()

    def hear(self, advert: Advert) -> Kept | None:
        """The readings to keep from ``advert``, or None; the reason is counted."""
        self._coverage.frame(advert.heard_ms)
        self.counts["adverts"] += 1
        sensor = self._sensors.get(advert.address)
        if sensor is None:
            return self._drop("strangers")
        outcome = self._catalogue.decode(advert, key=sensor.key, model=sensor.model)
        if outcome.status is not Status.DECODED:
            return self._drop(
                f"{outcome.status.value}:{outcome.reason}" if outcome.reason else outcome.status.value
            )
        return self._fresh(advert, outcome, encrypted=sensor.key is not None)

    def _fresh(self, advert: Advert, outcome: Outcome, *, encrypted: bool) -> Kept | None:
        frame = Guard(outcome.counter, outcome.repeat, _content(outcome.readings), advert.heard_ms)
        freshness = judge(self._guards.get(advert.address), frame)
        if freshness is Freshness.COUNTER_DROPPED:
            return self._drop(freshness.value)
        self._coverage.hear(advert.address, advert.heard_ms)
        if freshness is Freshness.REPEAT:
            return self._drop("repeats")
        self._guards[advert.address] = frame
        self.counts["heard"] += len(outcome.readings)
        news = [self._is_news(advert.address, reading) for reading in outcome.readings]
        return Kept(advert.address, advert.heard_ms, outcome.readings, frame, encrypted, urgent=any(news))

    def _is_news(self, sensor: str, reading: Reading) -> bool:
        """An urgent kind is urgent as an event or a change; a state said again (a door's heartbeat) is not."""
        if not reading.urgent:
            return False
        told = self._states.get((sensor, reading.kind))
        self._states[sensor, reading.kind] = reading.value
        return reading.form is not Form.BOOLEAN or told != reading.value

    def _drop(self, reason: str) -> Kept | None:
        self.counts[reason] += 1
        return None


def _content(readings: tuple[Reading, ...]) -> int:
    """A number that changes with the content and survives a restart, as Python's own hash would not."""
    return zlib.crc32(repr(readings).encode())
