"""Is this frame new, or one we have already kept?

Sensors say everything several times over. An encryption counter decides if there is
one, else the packet id, else the content within a window. The guard is committed in
the same transaction as the reading: a restart must not let a repeat in.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

REPEAT_WINDOW_MS = 60_000  # for frames with neither counter nor packet id


class Freshness(enum.Enum):
    """What a frame is, next to the last one kept from its sensor."""

    FRESH = "fresh"
    REPEAT = "repeat"
    COUNTER_DROPPED = "counter-dropped"  # replayed, or the sensor lost its memory: not believed


@dataclass(frozen=True, slots=True)
class Guard:
    """What we remember of the last frame kept from one sensor."""

    counter: int | None = None
    repeat: int | None = None
    content: int = 0  # a hash of the readings, within this boot
    kept_ms: int = 0


def judge(guard: Guard | None, frame: Guard) -> Freshness:
    """Compare a frame (as the guard it would leave) with the guard that stands."""
    if guard is None:
        return Freshness.FRESH
    if frame.counter is not None and guard.counter is not None:
        return _by_counter(guard.counter, frame.counter)
    if frame.repeat is not None:
        return Freshness.REPEAT if frame.repeat == guard.repeat else Freshness.FRESH
    recent = 0 <= frame.kept_ms - guard.kept_ms < REPEAT_WINDOW_MS
    return Freshness.REPEAT if recent and frame.content == guard.content else Freshness.FRESH


def _by_counter(last: int, counter: int) -> Freshness:
    if counter == last:
        return Freshness.REPEAT
    return Freshness.FRESH if counter > last else Freshness.COUNTER_DROPPED
