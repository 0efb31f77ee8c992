"""The rig's virtual event loop, with its threads done away with: what would block runs at once, and takes no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context
from typing import TypeVar, TypeVarTuple

from hil_tests.rig.virtual_loop import JumpingSelector, VirtualLoop

Answer = TypeVar("Answer")
Given = TypeVarTuple("Given")


STEP_S = 1e-6


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
        """Call ``func`` now."""
        called: asyncio.Future[Answer] = self.create_future()
        try:
            called.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whoever awaits it shall have it
            called.set_exception(error)
        return called


def run_threadless(main: Coroutine[None, None, Answer]) -> Answer:
    """Run a coroutine to its end in virtual time, beginning at second 0."""
    with asyncio.Runner(loop_factory=ThreadlessLoop) as runner:
        return runner.run(main)
