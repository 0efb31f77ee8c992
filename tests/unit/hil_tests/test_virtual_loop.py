"""Virtual time."""

from __future__ import annotations

import asyncio
import time

from hil_tests.rig.virtual_loop import run_virtually


def test_a_day_passes_in_no_time() -> None:
    """Sleeping a day takes virtual, not real time."""

    async def main() -> float:
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    began_s = time.monotonic()
    assert 86_400 <= run_virtually(main()) < 86_401
    assert time.monotonic() - began_s < 5


def test_timers_fire_in_their_order() -> None:
    """Time jumps from timer to timer and skips none."""
    fired: list[tuple[str, float]] = []

    async def nap(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        fired.append((name, round(asyncio.get_running_loop().time(), 6)))

    async def main() -> None:
        await asyncio.gather(nap("late", 3), nap("early", 1), nap("middle", 2))

    run_virtually(main())
    assert fired == [("early", 1), ("middle", 2), ("late", 3)]
