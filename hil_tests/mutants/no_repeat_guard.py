"""Every copy of a frame is news."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "edge_agent.core.hearing:judge"
CAUGHT_BY = "p1_update"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""
    del original
    from edge_agent.core.freshness import Freshness  # noqa: PLC0415 - in the hub's process

    return lambda *_given: Freshness.FRESH
