"""A help button waits for the disk as a thermometer does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "edge_agent.core.hearing:Hearing._is_news"
CAUGHT_BY = "p1_power_cut_door"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""
    del original
    return lambda *_given: False
