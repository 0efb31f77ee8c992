"""The rig's virtual event loop, with its threads done away with: what would block runs at once, and is told later."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context
from functools import partial
from typing import TypeVar, TypeVarTuple

from hil_tests.rig.virtual_loop import JumpingSelector, VirtualLoop

Answer = TypeVar("Answer")
Given = TypeVarTuple("Given")


STEP_S = 1e-6
BLOCKED_MAX_S = 2.0  # a cheap card mostly writes in milliseconds; one time in twelve it takes over a second


class _TimersAlone(JumpingSelector):
    """Asks the system for nothing: no file and no thread has anything to say in virtual time."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Time passes at once; a loop without a timer waits, as it would for ever."""
        if timeout is None:
            return super().select(None)
        if timeout > 0:
            self._loop.advance(timeout)
        return []


class ThreadlessLoop(VirtualLoop):
    """A thread would run while virtual time jumps, so that its end fell on another moment in each run."""

    _jumping = _TimersAlone

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._chance = random.Random(f"{seed}/blocked")
        self.blocked_until_s = 0.0  # when the last call that blocks is told of

    def call_at(
        self, when: float, callback: Callable[[*Given], object], *args: *Given, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Set a timer; for one that is due at once time goes on a little, as it does for whoever asks the time twice.

        Else a rounding error would keep a timer that comes a hair too early coming for ever.
        """
        if when <= self._now_s + STEP_S:
            self._now_s += STEP_S
        return super().call_at(when, callback, *args, context=context)

    def run_in_executor(
        self,
        executor: Executor | None,  # noqa: ARG002 - a thread is what there is none of
        func: Callable[[*Given], Answer],
        *args: *Given,
    ) -> asyncio.Future[Answer]:
        """Call ``func`` now; whoever waits for it learns of it as late as from a thread that a slow disk blocks."""
        called: asyncio.Future[Answer] = self.create_future()
        try:
            told = partial(called.set_result, func(*args))
        except Exception as error:  # noqa: BLE001 - whoever awaits it shall have it
            told = partial(called.set_exception, error)
        blocked_s = BLOCKED_MAX_S * self._chance.random() ** 8
        # One thread: who asked first is told first.
        self.blocked_until_s = max(self.blocked_until_s + STEP_S, self._now_s + blocked_s)
        self.call_at(self.blocked_until_s, lambda: called.done() or told())
        return called


def run_threadless(main: Coroutine[None, None, Answer], seed: int = 0) -> Answer:
    """Run a coroutine to its end in virtual time, beginning at second 0; ``seed``: for how long what blocks does so."""
    with asyncio.Runner(loop_factory=partial(ThreadlessLoop, seed)) as runner:
        return runner.run(main)
