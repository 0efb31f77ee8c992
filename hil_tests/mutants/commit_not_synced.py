"""A commit that the disk has not got yet counts as kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "edge_agent.adapters.outbox:Outbox.__init__"
CAUGHT_BY = "p1_power_cut_while_cut_off"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""

    def opened(self: Any, *given: Any, **named: Any) -> None:
        original(self, *given, **named)
        self._db.execute("PRAGMA synchronous = NORMAL")

    return opened
