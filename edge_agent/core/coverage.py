"""In which spans did the hub really listen, and which sensors keep their contract?

A listening span ends at the last decoded frame of any sender, never at "now":
a radio that says it scans and delivers nothing has proven nothing. While a sensor is
left out (a pause), no span is claimed: it would say that all of the home was listened for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloud_sync.wire.batch import Contract

SILENCE_MAX_MS = 90_000  # no frame for longer: listening is not proven
MISSES_ALLOWED = 3  # periods of a contract without a frame before it counts as broken
TOGETHER_MS = 5_000  # several sensors that are heard again may be told of together


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
        self._patience_ms = {  # of those that promise to be heard again
            sensor: liveness.period_s * 1000 * MISSES_ALLOWED
            for sensor, liveness in sensors.items()
            if liveness.contract is not Contract.EVENT_ONLY
        }
        self._since_ms = dict.fromkeys(
            self._patience_ms, started_ms
        )  # what was told before says nothing of now
        self._paused: frozenset[str] = frozenset()
        self._last: dict[str, int] = {}
        self._told: dict[str, bool] = {}
        self._settled = False  # until the next breach there is nothing new to tell of any contract
        self.due_ms = started_ms  # when there may next be something to tell, if nobody is heard
        self._started_ms = started_ms
        self._closed: list[tuple[int, int]] = []
        self._running: tuple[int, int] | None = None
        self.last_frame_ms: int | None = None

    def frame_age_ms(self, now_ms: int) -> int:
        """How long nothing has been decoded: since the last frame, or since the start."""
        return now_ms - (self._started_ms if self.last_frame_ms is None else self.last_frame_ms)

    def frame(self, at_ms: int) -> None:
        """A frame of anybody was decoded at ``at_ms``."""
        self.last_frame_ms = at_ms
        if self._paused:  # a span says that all of the home was listened for
            return
        if self._running and at_ms - self._running[1] <= SILENCE_MAX_MS:
            self._running = (self._running[0], max(self._running[1], at_ms))
        else:
            self._close()
            self._running = (at_ms, at_ms)

    def rest(self, paused: frozenset[str], now_ms: int) -> None:
        """These sensors are left out from now on, and nothing is told of them; those left out before begin anew."""
        if paused == self._paused:
            return
        self._close()
        self._running = None
        for sensor in paused ^ self._paused:
            self._last.pop(sensor, None)
            self._told.pop(sensor, None)
            if sensor in self._patience_ms:
                self._since_ms[sensor] = now_ms
        self._paused, self._settled, self.due_ms = paused, False, now_ms

    def hear(self, sensor: str, at_ms: int) -> None:
        """A believable frame of one of our sensors was heard, repeats included."""
        self._last[sensor] = at_ms
        if sensor in self._patience_ms and not self._told.get(sensor):
            self._settled, self.due_ms = False, min(self.due_ms, at_ms + TOGETHER_MS)

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
        """Sensors whose contract was broken, or kept again, since we last told.

        Asked at every frame, so it looks at each sensor only when there may be something.
        """
        if self._settled and now_ms < self.due_ms:
            return {}
        changed = {
            sensor: self.standing(sensor, now_ms)
            for sensor in self._patience_ms
            if sensor not in self._paused and self._due_to_tell(sensor, self._is_kept(sensor, now_ms), now_ms)
        }
        if not changed:
            self._settled, self.due_ms = True, self._next_breach_ms(now_ms)
        return changed

    def told(self, standing: Mapping[str, Standing]) -> None:
        """These statements are committed."""
        self._told.update((sensor, now.kept) for sensor, now in standing.items())

    def heard(self, now_ms: int) -> dict[str, Standing]:
        """Every sensor that was heard in this boot."""
        return {sensor: self.standing(sensor, now_ms) for sensor in self._last}

    def _is_kept(self, sensor: str, now_ms: int) -> bool:
        last, patience_ms = self._last.get(sensor), self._patience_ms.get(sensor)
        return last is not None and patience_ms is not None and now_ms - last <= patience_ms

    def _next_breach_ms(self, now_ms: int) -> int:
        """When the first contract will be broken if nobody is heard any more."""
        breaches = (
            self._last.get(sensor, self._since_ms[sensor]) + patience_ms + 1
            for sensor, patience_ms in self._patience_ms.items()
            if sensor not in self._paused
        )
        return min((at_ms for at_ms in breaches if at_ms > now_ms), default=now_ms + SILENCE_MAX_MS)

    def _close(self) -> None:
        """One instant alone proves no span."""
        if self._running and self._running[0] < self._running[1]:
            self._closed.append(self._running)

    def _due_to_tell(self, sensor: str, kept: bool, now_ms: int) -> bool:  # noqa: FBT001 - a state, not a switch
        """A sensor not yet heard gets its contract's time before it is called broken."""
        if kept == self._told.get(sensor):
            return False
        waited = now_ms - self._since_ms[sensor] > self._patience_ms[sensor]
        return kept or sensor in self._last or waited
