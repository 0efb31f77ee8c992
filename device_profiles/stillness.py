"""Which movements must not wait: the first after a home was still. Pure; the hub and whoever plays one share it.

Somebody gets up, comes home, or is found: a family that waits for that should not wait for the next batch. What
belongs to it in the next minutes is as urgent, since one pulse alone proves nothing. But each sensor is given only
as many as can matter, and none before half an hour of stillness: one that chatters makes nothing urgent but that.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

STILL_MIN_MS: Final = 1_800_000
ENDS_MS: Final = 300_000  # movements so long after the first belong to it
URGENT_OF_A_SENSOR_MAX: Final = 3  # so many of one are a sure sign of somebody
MOVEMENT: Final = frozenset({"motion", "moving", "occupancy", "presence"})


class Stillness:
    """How long one home has been still; times in ms on a clock that never goes back."""

    __slots__ = ("_ended_ms", "_ends", "_moved_ms", "_on", "_urgent")

    def __init__(self) -> None:
        """Nobody knows what was before: the first movement is told at once."""
        self._moved_ms: int | None = None
        self._ended_ms = 0  # when the last stillness ended
        self._urgent: Counter[str] = Counter()  # movements since then that were urgent, by sensor
        self._on: set[tuple[str, str]] = set()
        self._ends: set[tuple[str, str]] = set()  # what also says when it ends

    def ended_by(self, sensor: str, kind: str, value: float, at_ms: int) -> bool:
        """Take in one reading that is believed; whether it is a movement that must not wait."""
        if kind not in MOVEMENT or not self._is_movement((sensor, kind), value):
            return False
        if self._moved_ms is None or at_ms - self._moved_ms >= STILL_MIN_MS:
            self._ended_ms = at_ms
            self._urgent.clear()
        self._moved_ms = max(self._moved_ms or 0, at_ms)
        if at_ms - self._ended_ms > ENDS_MS or self._urgent[sensor] >= URGENT_OF_A_SENSOR_MAX:
            return False
        self._urgent[sensor] += 1
        return True

    def _is_movement(self, source: tuple[str, str], value: float) -> bool:
        """Whether something moved; a sensor that says its ends, and says again that it is on, only repeats itself."""
        if not value:
            self._on.discard(source)
            self._ends.add(source)
            return False
        repeated = source in self._on and source in self._ends
        self._on.add(source)
        return not repeated
