"""A hub in virtual time, as the watch sees it: its heartbeats, what it says of its sensors, when readings arrive.

It keeps the real hub's clockwork: a beat when it is back and each minute after, a statement on each sensor with every
batch and at once when a contract breaks, routine readings each quarter of an hour, urgent ones and the first movements
after a stillness at once (``device_profiles/stillness.py``, the very rule of the hub).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from cloud_sync.assurance.coverage import HubFacts, SensorFacts, Verdict
from cloud_sync.assurance.household import Event
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.wire.batch import Contract
from device_profiles.stillness import MOVEMENT, Stillness
from hil_tests.assuring.outages import Fault, Outage, merge
from hil_tests.assuring.recording import Liveness

BEAT_MS: Final = MINUTE_MS
LOOK_MS: Final = 2_000
BATCH_MS: Final = 15 * MINUTE_MS
MISSES_ALLOWED: Final = 3
SETTLED_MS: Final = (
    5 * MINUTE_MS
)  # an outage is known, or over, so long after the last contract that can break by it
_ROUTINE: Final = MOVEMENT | {"temperature", "humidity", "battery"}


class PlayedHub:
    """One hub and its sensors under a schedule of outages."""

    def __init__(self, liveness: Mapping[str, Liveness], outages: Iterable[Outage], enrolled_ms: int) -> None:
        self._outages = outages = list(outages)
        spans = {fault: merge((o.from_ms, o.to_ms) for o in outages if o.fault is fault) for fault in Fault}
        self._liveness = liveness
        self._enrolled_ms = enrolled_ms
        self._off = merge([*spans[Fault.HUB], *spans[Fault.LINE]])
        self._line = spans[Fault.LINE]
        self._starts = [end for _start, end in spans[Fault.HUB]]
        self._deaf = spans[Fault.RADIO]
        self._unheard = {
            sensor: merge(
                [
                    *spans[Fault.HUB],
                    *spans[Fault.RADIO],
                    *((o.from_ms, o.to_ms) for o in outages if o.sensor == sensor),
                ]
            )
            for sensor in liveness
        }
        longest_ms = max((one.period_s for one in liveness.values()), default=0) * 1000 * MISSES_ALLOWED
        self._uneasy = merge(
            (at_ms, at_ms + longest_ms + SETTLED_MS) for o in outages for at_ms in (o.from_ms, o.to_ms)
        )
        self._phase = {sensor: number * 7919 % 60_000 for number, sensor in enumerate(liveness)}

    def moments(self) -> list[int]:
        """When a watch that looks every two seconds sees more than one that looks each minute: where outages end."""
        return sorted({outage.to_ms + look_ms for outage in self._outages for look_ms in (-LOOK_MS, LOOK_MS)})

    def is_news(self, now_ms: int) -> bool:
        """Whether facts may have changed: always where an outage begins or ends, else looked at every quarter of an hour."""
        return now_ms % BATCH_MS == 0 or _within(self._uneasy, now_ms) is not None

    def facts(self, now_ms: int, before: Mapping[str, Verdict]) -> Iterator[SensorFacts]:
        """What the store would hold at ``now_ms``."""
        told_ms = now_ms  # the moment of the hub's last word
        if span := _within(self._off, now_ms):
            told_ms = span[0]
        deaf = _within(self._deaf, told_ms)
        back_ms = max((end for _start, end in self._off if end <= told_ms), default=self._enrolled_ms)
        beat_ms = told_ms - (told_ms - back_ms) % BEAT_MS
        hub = HubFacts(
            enrolled_ms=self._enrolled_ms,
            revoked_ms=None,
            beat_ms=beat_ms,
            frame_age_s=max(0, beat_ms - deaf[0]) // 1000 if deaf else 0,
        )
        for sensor, liveness in self._liveness.items():
            heard_ms = self._heard(sensor, told_ms)
            period_ms = liveness.period_s * 1000
            kept = (
                liveness.contract is not Contract.EVENT_ONLY
                and told_ms - heard_ms <= period_ms * MISSES_ALLOWED
            )
            yield SensorFacts(
                sensor,
                liveness.contract,
                heard_ms,
                kept=kept,
                told_ms=told_ms,
                hub=hub,
                before=before.get(sensor),
            )

    def unseen(self, sensor: str) -> list[tuple[int, int]]:
        """The outages in which nobody could know how this sensor was: it was not heard, or we could not be told."""
        return [(o.from_ms, o.to_ms) for o in self._outages if o.sensor in {"", sensor}]

    def arrivals(self, events: Sequence[Event]) -> list[tuple[int, Event]]:
        """When each event becomes known, in that order; those that nobody hears never do."""
        known = []
        lives, stillness = 0, Stillness()
        for event in events:
            if _within(self._unheard.get(event.sensor, ()), event.at_ms):
                continue
            if (
                bisect_right(self._starts, event.at_ms) > lives
            ):  # a hub that was off knows of no movement before
                lives, stillness = bisect_right(self._starts, event.at_ms), Stillness()
            ended = stillness.ended_by(event.sensor, event.kind, event.value, event.at_ms)
            urgent = ended or event.kind not in _ROUTINE
            at_ms = event.at_ms if urgent else event.at_ms + BATCH_MS - event.at_ms % BATCH_MS
            if span := _within(self._line, at_ms):
                at_ms = span[1]
            known.append((at_ms, event))
        return sorted(known)

    def _heard(self, sensor: str, until_ms: int) -> int:
        """When it was last heard. An event-only sensor is taken for heard once, at its fitting."""
        liveness = self._liveness[sensor]
        if liveness.contract is Contract.EVENT_ONLY:
            return self._enrolled_ms
        period_ms, first_ms = liveness.period_s * 1000, self._enrolled_ms + self._phase[sensor]
        tick_ms = until_ms
        while True:
            tick_ms = first_ms + (tick_ms - first_ms) // period_ms * period_ms
            if not (span := _within(self._unheard[sensor], tick_ms)):
                return max(tick_ms, self._enrolled_ms)
            tick_ms = span[0] - 1


def _within(spans: Sequence[tuple[int, int]], at_ms: int) -> tuple[int, int] | None:
    """The span that holds ``at_ms``, if one does."""
    place = bisect_right(spans, at_ms, key=_start) - 1
    return spans[place] if place >= 0 and at_ms < spans[place][1] else None


def _start(span: tuple[int, int]) -> int:
    return span[0]
