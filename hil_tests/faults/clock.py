"""Faults of the hub's wall clock; its other clocks stay true, as on a hub without a battery-backed one."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from hil_tests.faults.base import Fault
from hil_tests.rig.clock import TOLERANCE_S

if TYPE_CHECKING:
    from hil_tests.strategy import Bench


class _Clock(Fault, frozen=True, kw_only=True):
    """The wall clock is wrong; right again after ``for_s``, if that is given."""

    needs: ClassVar[str] = "clock"

    async def begin(self, bench: Bench) -> None:
        """Note how wrong it was before."""
        bench.notes[self, "before_s"] = bench.equipment.clock.ahead_s

    async def end(self, bench: Bench) -> None:
        """See that the hub believes it; set it right."""
        clock, status = bench.equipment.clock, bench.hub.status_file
        await bench.until(lambda: clock.seen(status).fired(), "the hub's believing its clock")
        bench.notes[self] = clock.seen(status)
        if self.for_s:
            clock.come_right()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the hub's own word was as wrong, and it had not been so before."""
        seen = bench.notes[self]
        moved_s = abs(seen.asked_s - bench.notes[self, "before_s"])
        return (
            seen.fired() and moved_s > 2 * TOLERANCE_S,
            f"the hub's clock was {seen.seen_s:+.0f} s from the truth",
            {"ahead_s": seen.seen_s},
        )


class ClockJump(_Clock, frozen=True, kw_only=True, tag="clock.jump"):
    """It jumps, forward or back."""

    seconds: float

    async def begin(self, bench: Bench) -> None:
        """Jump."""
        await super().begin(bench)
        bench.equipment.clock.jump(self.seconds)


class ClockSet(_Clock, frozen=True, kw_only=True, tag="clock.set"):
    """It shows another time: 1970 without a battery, 2031 after a bad time server."""

    to: datetime

    async def begin(self, bench: Bench) -> None:
        """Set it."""
        await super().begin(bench)
        bench.equipment.clock.stand_at(self.to)


class ClockDrift(_Clock, frozen=True, kw_only=True, tag="clock.drift"):
    """It goes too fast, or too slow (parts per million; as many as a story of seconds needs)."""

    parts_per_million: float

    async def begin(self, bench: Bench) -> None:
        """Drift."""
        await super().begin(bench)
        stack = bench.notes[self, "drift"] = contextlib.AsyncExitStack()
        await stack.enter_async_context(bench.equipment.clock.drifting(self.parts_per_million))

    async def end(self, bench: Bench) -> None:
        """Drift no more."""
        await bench.notes[self, "drift"].aclose()
        await super().end(bench)
