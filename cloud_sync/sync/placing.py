"""When did it happen? Places a hub's boot-clock times on the wall clock, and says how well."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_sync.wire.batch import Anchor, Batch, Quality

AHEAD_MAX_MS = 5_000  # an anchor may run ahead of its own arrival by clock noise, not by more


@dataclass(frozen=True, slots=True)
class Placing:
    """``wall = boot + offset_ms``; UNSET means: bounded by the arrival only."""

    offset_ms: int
    quality: Quality

    def at(self, boot_ms: int) -> int:
        """A boot-clock time on the wall clock, ms since 1970."""
        return boot_ms + self.offset_ms


def clock_fault(anchor: Anchor | None, received_ms: int) -> bool:
    """An anchor later than its own arrival cannot be true."""
    return anchor is not None and anchor.wall_ms > received_ms + AHEAD_MAX_MS


def place(batch: Batch, anchor: Anchor | None, received_ms: int) -> Placing:
    """Place a batch by the best clock its boot has told; without one, by its arrival (the latest it can have happened)."""
    if anchor is None or anchor.quality is Quality.UNSET or clock_fault(anchor, received_ms):
        return Placing(received_ms - batch.made_ms, Quality.UNSET)
    return Placing(anchor.wall_ms - anchor.boot_ms, anchor.quality)
