"""In which spans did the hub really listen, and which sensors keep their contract?

A listening span ends at the last decoded frame of any sender, never at "now":
a radio that says it scans and delivers nothing has proven nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloud_sync.wire.batch import Contract

SILENCE_MAX_MS = 90_000  # no frame for longer: listening is not proven
MISSES_ALLOWED = 3  # periods of a contract without a frame before it counts as broken


@dataclass(frozen=True, slots=True)
class Liveness:
    """A sensor's contract: periodic or heartbeat every ``period_s``, or event-only (0)."""

    contract: Contract
    period_s: int


@dataclass(frozen=True, slots=True)
class Standing:
    """When one sensor was last heard (None: not in this boot), and whether it keeps its contract."""

    last_ms: int | None
    kept: bool


class Coverage:
    """What was listened to since the hub process started (times: boot clock, ms)."""

    def __init__(self, sensors: Mapping[str, Liveness], started_ms: int) -> None:
        self._sensors = dict(sensors)
        self._last: dict[str, int] = {}
        self._told: dict[str, bool] = {}
        self._started_ms = started_ms
        self._closed: list[tuple[int, int]] = []
        self._running: tuple[int, int] | None = None
        self.last_frame_ms: int | None = None

    def frame_age_ms(self, now_ms: int) -> int:
        """How long nothing has been decoded: since the last frame, or since the start."""
        return now_ms - (self._started_ms if self.last_frame_ms is None else self.last_frame_ms)

    def frame(self, at_ms: int) -> None:
        """A frame of anybody was decoded at ``at_ms``."""
        if self._running and at_ms - self._running[1] <= SILENCE_MAX_MS:
            self._running = (self._running[0], max(self._running[1], at_ms))
        else:
            self._close()
            self._running = (at_ms, at_ms)
        self.last_frame_ms = at_ms

    def hear(self, sensor: str, at_ms: int) -> None:
        """A believable frame of one of our sensors was heard, repeats included."""
        self._last[sensor] = at_ms

    def take_spans(self) -> tuple[tuple[int, int], ...]:
        """The spans proven since the last take; a running one goes on from where this ends."""
        self._close()
        spans, self._closed = tuple(self._closed), []
        if self._running:
            self._running = (self._running[1], self._running[1])
        return spans

    def standing(self, sensor: str, now_ms: int) -> Standing:
        """One sensor now. Event-only sensors never keep a contract by themselves."""
        return Standing(self._last.get(sensor), self._is_kept(sensor, now_ms))

    def changed(self, now_ms: int) -> dict[str, Standing]:
        """Sensors whose contract was broken, or kept again, since we last told."""
        return {
            sensor: self.standing(sensor, now_ms)
            for sensor in self._sensors
            if self._due_to_tell(sensor, self._is_kept(sensor, now_ms), now_ms)
        }

    def told(self, standing: Mapping[str, Standing]) -> None:
        """These statements are committed."""
        self._told.update((sensor, now.kept) for sensor, now in standing.items())

    def heard(self, now_ms: int) -> dict[str, Standing]:
        """Every sensor that was heard in this boot."""
        return {sensor: self.standing(sensor, now_ms) for sensor in self._last}

    def _is_kept(self, sensor: str, now_ms: int) -> bool:
        """Asked of every sensor at every frame, so it makes nothing."""
        liveness, last = self._sensors[sensor], self._last.get(sensor)
        if last is None or liveness.contract is Contract.EVENT_ONLY:
            return False
        return now_ms - last <= liveness.period_s * 1000 * MISSES_ALLOWED

    def _close(self) -> None:
        """One instant alone proves no span."""
        if self._running and self._running[0] < self._running[1]:
            self._closed.append(self._running)

    def _due_to_tell(self, sensor: str, kept: bool, now_ms: int) -> bool:  # noqa: FBT001 - a state, not a switch
        """A sensor not yet heard gets its contract's time before it is called broken."""
        liveness = self._sensors[sensor]
        if liveness.contract is Contract.EVENT_ONLY or kept == self._told.get(sensor):
            return False
        waited = now_ms - self._started_ms > liveness.period_s * 1000 * MISSES_ALLOWED
        return kept or sensor in self._last or waited
