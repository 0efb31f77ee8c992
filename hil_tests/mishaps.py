"""What goes wrong where nobody awaits it: in a timer of a sensor's, or a callback of the radio's.

asyncio logs it and goes on, with a sensor that has fallen silent: such a run proves nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def mishaps() -> Iterator[list[str]]:
    """One sentence for each, from now on; of runs beside each other on one loop, each hears of all."""
    loop = asyncio.get_running_loop()
    listeners = loop.get_exception_handler()
    if not isinstance(listeners, _Listeners):
        listeners = _Listeners()
        loop.set_exception_handler(listeners)
    told: list[str] = []
    listeners.ears.append(told)
    try:
        yield told
    finally:
        listeners.ears = [ear for ear in listeners.ears if ear is not told]


class _Listeners:
    """A loop's exception handler that tells whoever listens, and logs as usual."""

    def __init__(self) -> None:
        self.ears: list[list[str]] = []

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if (error := context.get("exception")) and "handle" in context:
            for ear in self.ears:
                ear.append(f"The rig failed: {type(error).__name__} in a callback: {error}")
        loop.default_exception_handler(context)
