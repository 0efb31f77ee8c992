"""The loop of virtual time without threads."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hil_tests.inprocess.loop import run_threadless


def test_what_would_block_runs_here_and_takes_no_time() -> None:
    """A thread's end would fall on another moment in each run."""

    async def main() -> tuple[int, float]:
        there = await asyncio.to_thread(threading.get_ident)
        return there, asyncio.get_running_loop().time()

    assert run_threadless(main()) == (threading.get_ident(), 0)


def test_what_goes_wrong_there_is_raised_here() -> None:
    """As from a thread."""

    async def main() -> None:
        await asyncio.to_thread(int, "no number")

    with pytest.raises(ValueError, match="no number"):
        run_threadless(main())


def test_time_does_not_stand_still_for_a_timer_that_comes_too_early() -> None:
    """Whoever finds by a rounding error that it is not yet time, and asks again, gets there."""

    async def main() -> int:
        loop = asyncio.get_running_loop()
        due_s, asked, over = loop.time() + 1e-5, [0], asyncio.Event()

        def ask() -> None:
            asked[0] += 1
            if loop.time() > due_s:
                over.set()
            else:
                loop.call_at(loop.time(), ask)

        ask()
        await over.wait()
        return asked[0]

    assert run_threadless(main()) < 20
