"""The loop of virtual time without threads."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hil_tests.inprocess.loop import BLOCKED_MAX_S, run_threadless


def test_what_would_block_runs_here_and_takes_the_same_time_in_each_run() -> None:
    """A thread's end would fall on another moment in each run."""

    async def main() -> tuple[int, float]:
        there = await asyncio.to_thread(threading.get_ident)
        return there, asyncio.get_running_loop().time()

    once, again, other = run_threadless(main(), 1), run_threadless(main(), 1), run_threadless(main(), 2)
    assert once == again
    assert once[0] == threading.get_ident()
    assert 0 < once[1] <= BLOCKED_MAX_S
    assert once[1] != other[1]


def test_what_was_asked_first_is_told_first() -> None:
    """There is one thread for the disk."""

    async def main() -> list[int]:
        told: list[int] = []

        async def ask(number: int) -> None:
            told.append(await asyncio.to_thread(int, number))

        await asyncio.gather(*map(ask, range(20)))
        return told

    assert run_threadless(main()) == list(range(20))


def test_whoever_no_longer_waits_is_not_told() -> None:
    """A task that was cancelled meanwhile."""

    async def main() -> None:
        asked = asyncio.create_task(asyncio.to_thread(int, 1))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await asyncio.sleep(BLOCKED_MAX_S)

    run_threadless(main())


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
