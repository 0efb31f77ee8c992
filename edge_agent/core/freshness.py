"""Is this frame new, one we have already kept, or one from behind what we have seen?

Sensors say everything several times over. An encryption counter decides if there is
one, else the packet id, else the content within a window. The guard is committed in
the same transaction as the reading: a restart must not let a repeat in.

A counter that drops is a new battery or a replay, and nobody can tell which: it is kept
with a flag until the counter is past its old maximum, or a person confirms a new battery.
"""

from __future__ import annotations

import enum

import msgspec
from msgspec.structs import replace

REPEAT_WINDOW_MS = 60_000  # for frames with neither counter nor packet id


class Freshness(enum.Enum):
    """What a frame is, next to the last one kept from its sensor."""

    FRESH = "fresh"
    REPEAT = "repeat"
    COUNTER_RESET = "counter-reset"  # kept, but it proves nothing by itself


class Guard(msgspec.Struct, frozen=True):
    """What we remember of the last frame kept from one sensor.

    Attributes:
        counter: The greatest encryption counter seen.
        repeat: The packet id or frame counter.
        content: A hash of the readings; of the greatest counter's frame, where there are counters.
        kept_ms: When it was kept, on the clock of its boot.
        reset: The last counter kept from behind the greatest; ``None`` while there is none.
    """

    counter: int | None = None
    repeat: int | None = None
    content: int = 0
    kept_ms: int = 0
    reset: int | None = None


def judge(guard: Guard | None, frame: Guard) -> Freshness:
    """Compare a frame (as the guard it would leave) with the guard that stands."""
    if guard is None:
        return Freshness.FRESH
    if frame.counter is not None:
        return Freshness.FRESH if guard.counter is None else _by_counter(guard, frame.counter, frame.content)
    if frame.repeat is not None:
        return Freshness.REPEAT if frame.repeat == guard.repeat else Freshness.FRESH
    recent = 0 <= frame.kept_ms - guard.kept_ms < REPEAT_WINDOW_MS
    return Freshness.REPEAT if recent and frame.content == guard.content else Freshness.FRESH


def kept(guard: Guard | None, frame: Guard, freshness: Freshness) -> Guard:
    """The guard to remember once ``frame`` is kept."""
    if freshness is Freshness.COUNTER_RESET and guard is not None:
        return replace(frame, counter=guard.counter, reset=frame.counter, content=guard.content)
    if frame.counter is None and guard is not None:  # a frame without a counter proves nothing about it
        return replace(frame, counter=guard.counter, reset=guard.reset)
    return frame


def confirmed(guard: Guard) -> Guard:
    """The guard after a person said that the battery was changed: its counter begins anew."""
    return replace(guard, counter=guard.reset, reset=None)


def _by_counter(guard: Guard, counter: int, content: int) -> Freshness:
    if counter == guard.reset:
        return Freshness.REPEAT
    if counter == guard.counter:
        # A sensor that began anew comes by its old maximum, with something else to say.
        news = guard.reset is not None and content != guard.content
        return Freshness.COUNTER_RESET if news else Freshness.REPEAT
    return Freshness.FRESH if counter > (guard.counter or 0) else Freshness.COUNTER_RESET
