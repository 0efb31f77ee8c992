"""A counter from behind is as good as any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "edge_agent.core.freshness:_by_counter"
CAUGHT_BY = "p2_replayed_door"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""

    def by_counter(guard: Any, counter: int, content: int) -> Any:
        from edge_agent.core.freshness import Freshness  # noqa: PLC0415 - in the hub's process

        verdict = original(guard, counter, content)
        return Freshness.FRESH if verdict is Freshness.COUNTER_RESET else verdict

    return by_counter
