"""Readings get the wall clock's time, whatever that says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "edge_agent.adapters.clock:Clock.boot_ms"
CAUGHT_BY = "p2_clock_jumps"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""
    del original
    return lambda self: self.wall_ms()
