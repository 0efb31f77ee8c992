"""Nobody looks whether bluetoothd still runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "edge_agent.adapters.bluez:watched"
CAUGHT_BY = "p4_bluetoothd_crashes"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""
    del original
    import contextlib  # noqa: PLC0415 - in the hub's process

    @contextlib.asynccontextmanager
    async def watched(*_given: Any) -> Any:
        yield

    return watched
