"""How long has it been how cold, where it is warmest? Pure."""

from __future__ import annotations

from typing import Final

from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.plan import Ladder

AGE_MAX_MS: Final = 120 * MINUTE_MS  # an older temperature says nothing of now
WARMER: Final = (
    0.5  # °C above a step, and it is left; else a thermostat's swing would tell the family each hour
)


class Cold:
    """The temperatures of one home's rooms."""

    __slots__ = ("_ladder", "_rooms", "since_ms")

    def __init__(self, ladder: Ladder) -> None:
        self._ladder = ladder
        self._rooms: dict[str, tuple[int, float]] = {}
        self.since_ms: dict[int, int] = {}  # step of the ladder -> since when it has been below it

    def feel(self, sensor: str, value: float, at_ms: int) -> None:
        """Take in one temperature, °C."""
        self._rooms[sensor] = (at_ms, value)
        warmest = self.warmest(at_ms)
        for step, limit in enumerate(self._ladder.steps):
            if warmest is not None and warmest < limit:
                self.since_ms.setdefault(step, at_ms)
            elif warmest is None or warmest >= limit + WARMER:
                self.since_ms.pop(step, None)

    def warmest(self, now_ms: int) -> float | None:
        """What the warmest room has, °C; None if no room has told lately."""
        return max(
            (value for at_ms, value in self._rooms.values() if now_ms - at_ms <= AGE_MAX_MS), default=None
        )

    def step(self, now_ms: int) -> int | None:
        """The lowest step below which it has been for long enough; None if it is warm."""
        lasting_ms = self._ladder.lasting_min * MINUTE_MS
        return max(
            (step for step, at_ms in self.since_ms.items() if now_ms - at_ms >= lasting_ms), default=None
        )
