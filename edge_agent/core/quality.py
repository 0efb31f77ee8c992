"""What is odd about a reading, next to those before it: told as flags, never as silence.

The profile flags what cannot be true and a low battery by itself; here is what needs memory:
a sudden jump, a value that has not moved for too long, a signal too weak to rely on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from device_profiles.reading import NO_FLAGS, Flag, Form, Reading

JUMP_WINDOW_MS = 600_000  # a change over a longer time is no jump
WEAK_DBM = -90  # fainter on average: frames will be missed
FAIR_DBM = -85  # stronger again: no longer weak; between the two it stays what it was
_NO_MEASURE = Flag.IMPLAUSIBLE | Flag.COUNTER_RESET
SIGNAL_MEMORY = 8  # frames over which the signal is averaged


@dataclass(frozen=True, slots=True)
class Rules:
    """A model's rules by kind: the largest true change (true units), the longest stillness (s)."""

    jump: Mapping[str, float] = field(default_factory=dict)
    stuck_s: Mapping[str, int] = field(default_factory=dict)


_NO_RULES = Rules()


@dataclass(slots=True)
class _Series:
    """One kind of one sensor: the level we trust, one that must repeat itself, and how long it is still."""

    level: float
    level_ms: int
    still: int | str
    still_ms: int
    leapt: float | None = None


class Quality:
    """Judges the readings of a home's sensors in the order in which they are kept."""

    def __init__(self, rules: Mapping[str, Rules]) -> None:
        self._rules = rules
        self._series: dict[tuple[str, str], _Series] = {}
        self._signal_dbm: dict[str, float] = {}
        self._weak: set[str] = set()

    def judged(
        self, sensor: str, readings: Iterable[Reading], at_ms: int, signal_dbm: int | None
    ) -> tuple[Reading, ...]:
        """The readings of one frame with the flags they earn (time: boot clock, ms; no signal over a connection)."""
        whole = self._weakness(sensor, signal_dbm)
        rules = self._rules.get(sensor, _NO_RULES)
        return tuple([self._judged(sensor, reading, at_ms, whole, rules) for reading in readings])

    def _judged(self, sensor: str, reading: Reading, at_ms: int, whole: Flag, rules: Rules) -> Reading:
        """One reading; most are not odd, and sums of flags are slow to make."""
        oddity = self._oddity(sensor, reading, at_ms, rules)
        return replace(reading, flags=reading.flags | whole | oddity) if whole or oddity else reading

    def _weakness(self, sensor: str, signal_dbm: int | None) -> Flag:
        if signal_dbm is not None:
            mean = self._signal_dbm.get(sensor, float(signal_dbm))
            mean = self._signal_dbm[sensor] = mean + (signal_dbm - mean) / SIGNAL_MEMORY
            if mean < WEAK_DBM:
                self._weak.add(sensor)
            elif mean > FAIR_DBM:
                self._weak.discard(sensor)
        return Flag.WEAK_SIGNAL if sensor in self._weak else NO_FLAGS

    def _oddity(self, sensor: str, reading: Reading, at_ms: int, rules: Rules) -> Flag:
        if reading.form is not Form.NUMBER or (reading.flags and reading.flags & _NO_MEASURE):
            return NO_FLAGS  # what is not believed is no measure for others
        jump, stuck_s = _rule(rules.jump, reading.kind), _rule(rules.stuck_s, reading.kind)
        if jump is None and stuck_s is None:
            return NO_FLAGS
        level = float(reading.value) * 10.0**reading.exponent
        series = self._series.get((sensor, reading.kind))
        if series is None:
            self._series[sensor, reading.kind] = _Series(level, at_ms, reading.value, at_ms)
            return NO_FLAGS
        leapt = jump is not None and _leaps(series, level, at_ms, jump)
        stuck = stuck_s is not None and _still_ms(series, reading.value, at_ms) >= stuck_s * 1000
        if leapt and stuck:
            return Flag.JUMP | Flag.STUCK
        return Flag.JUMP if leapt else Flag.STUCK if stuck else NO_FLAGS


def _rule(table: Mapping[str, float], kind: str) -> float | None:
    """The rule of a kind; ``temperature_2`` has that of ``temperature``."""
    base, _, number = kind.rpartition("_")
    return table.get(kind, table.get(base) if number.isdigit() else None)


def _leaps(series: _Series, level: float, at_ms: int, most: float) -> bool:
    """Whether this is a leap; a second one to the same place is believed: that is where things are now."""
    leap = abs(level - series.level) > most and at_ms - series.level_ms <= JUMP_WINDOW_MS
    if leap and (series.leapt is None or abs(level - series.leapt) > most):
        series.leapt = level
        return True
    series.level, series.level_ms, series.leapt = level, at_ms, None
    return False


def _still_ms(series: _Series, value: int | str, at_ms: int) -> int:
    """For how long the very same value has been said."""
    if value != series.still:
        series.still, series.still_ms = value, at_ms
    return at_ms - series.still_ms
