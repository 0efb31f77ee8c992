"""An event loop whose time jumps to the next timer instead of waiting for it.

For code that waits on nothing but its loop; a day of sensors then takes seconds, and the same
seed gives the same run to the bit.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

Answer = TypeVar("Answer")


def run_virtually(main: Coroutine[None, None, Answer]) -> Answer:
    """Run a coroutine to its end in virtual time, beginning at second 0."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class JumpingSelector(selectors.DefaultSelector):
    """Never sleeps for a timer: tells its loop that the time has passed."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; else time passes at once."""
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            return super().select(None)
        if timeout > 0:
            self._loop.advance(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector loop with a clock of its own."""

    _jumping: type[JumpingSelector] = JumpingSelector

    def __init__(self) -> None:
        self._now_s = 0.0
        super().__init__(self._jumping(self))

    def time(self) -> float:
        """Tell virtual seconds since the loop was made."""
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_s += seconds
