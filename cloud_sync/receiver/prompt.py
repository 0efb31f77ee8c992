"""HTTP for strangers: whoever has not said what they want soon is hung up on, and sooner if somebody else comes.

A connection costs a stranger nothing, and uvicorn waits for its first request for ever: as many silent ones as it
serves at a time would shut everybody out.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_WAIT_S = 10.0  # from the connection to the end of its first request, which has 8 kB at most


class PromptProtocol(H11Protocol):
    """HTTP/1.1 that makes room for those who ask."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait; if there are too many, whoever has been silent longest goes."""
        super().connection_made(transport)
        self.since = self.loop.time()
        self._deadline = self.loop.call_later(REQUEST_WAIT_S, self.hang_up_if_silent)
        others = [one for one in self.connections if isinstance(one, PromptProtocol) and one is not self]
        silent = sorted((one for one in others if one.silent), key=lambda one: one.since)
        too_many = len(self.connections) - (self.limit_concurrency or len(self.connections) + 1) + 1
        for one in silent[: max(0, too_many)]:
            one.hang_up_if_silent()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._deadline.cancel()
        super().connection_lost(exc)

    @property
    def silent(self) -> bool:
        """Whether no request is complete: none has begun, or its end is still to come."""
        return self.conn.their_state in {h11.IDLE, h11.SEND_BODY}

    def hang_up_if_silent(self) -> None:
        """End the connection without a word, unless it has asked for something."""
        if self.silent:
            self.connections.discard(self)
            self.transport.abort()
