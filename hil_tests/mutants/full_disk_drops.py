"""What a full disk has no room for is thrown away, and nobody is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "edge_agent.adapters.outbox:Outbox.commit"
CAUGHT_BY = "p1_card_full"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""

    def commit(self: Any, change: Any) -> Any:
        from edge_agent.core.batching import Committed  # noqa: PLC0415 - in the hub's process
        from edge_agent.errors import OutboxFullError  # noqa: PLC0415

        try:
            return original(self, change)
        except OutboxFullError:
            return Committed(None, ())

    return commit
