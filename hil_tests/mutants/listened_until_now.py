"""A listening span ends now, whether anything was heard or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "edge_agent.core.coverage:Coverage.take_spans"
CAUGHT_BY = "p4_deaf_controller"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""

    def take_spans(self: Any) -> Any:
        import time  # noqa: PLC0415 - in the hub's process

        if self._running:
            now_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
            self._running = (self._running[0], now_ms)
        return original(self)

    return take_spans
