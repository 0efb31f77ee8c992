"""What was heard before a restart is forgotten by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "edge_agent.adapters.outbox:Outbox.guards"
CAUGHT_BY = "p2_replay_after_restart"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""
    del original
    return lambda _self: {}
