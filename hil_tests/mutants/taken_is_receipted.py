"""What the broker took counts as delivered, and is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "cloud_sync.uplink:Uplink._send"
CAUGHT_BY = "p1_intake_dies"


def planted(original: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in its place."""

    async def send(self: Any, session: Any, stream: Any, item: Any) -> None:
        from edge_agent.core.retention import Limits  # noqa: PLC0415 - in the hub's process

        await original(self, session, stream, item)
        sender, shelf = self._sender, self._shelf
        sender.receipt(stream, item.head, (), sender._generation)  # noqa: SLF001 - a bug asks nobody
        await shelf.receipted(stream, item.head)
        outbox, now_ms = shelf._outbox, shelf._clock.wall_ms()  # noqa: SLF001
        self.let_go(await shelf._call(outbox.prune, now_ms, Limits(retain_bytes_max=0)))  # noqa: SLF001

    return send
