"""What the people of a home do to it: nothing is broken, and something must not be recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hil_tests.faults.base import Fault

if TYPE_CHECKING:
    from hil_tests.strategy import Bench


class HomePaused(Fault, frozen=True, kw_only=True, tag="home.paused"):
    """The resident has all but calls and warners paused; from when the hub goes by it, none of it may be stored."""

    async def begin(self, bench: Bench) -> None:
        """Ask for it, and wait until the hub goes by it."""
        await bench.pause_home()
        bench.notes[self] = bench.counted("paused")

    async def end(self, bench: Bench) -> None:
        """Look what was left out; then it is over."""
        bench.notes[self] = bench.counted("paused") - bench.notes[self]
        await bench.resume_home()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if paused sensors were on the air meanwhile, and the hub left them out."""
        count = bench.notes[self]
        return count > 0, f"the hub left out {count} adverts of paused sensors", {"left_out": count}
