"""The broker's live sessions: finds those of one hub and ends them.

Admission is decided when somebody connects; a hub that is turned out later still has its session.
The broker lists its sessions and ends one by number on its system account; of that account the
authority may use these two requests and nothing else (``broker.py``).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import nats.errors
import structlog
from nats.aio.client import Client

from cloud_sync.receiver.broker import KICK_SUBJECT, SESSIONS_SUBJECT

ANSWER_WAIT_S = 2.0  # for a broker that runs
MORE_WAIT_S = 0.1  # for the other brokers of a cluster, once one has answered
LOOK_AGAIN_S = (0.5, 6.0)  # an admission under way may still become a session; the broker waits 5 s for it
SESSIONS_MAX = 64  # of one hub: the broker keeps one per client id, but each broker of a cluster its own

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Session:
    """A live connection: which broker holds it, and its number there."""

    server: str
    number: int


def read_sessions(reply: bytes) -> list[Session]:
    """Read one broker's answer to the question who is connected; what it says otherwise is no session."""
    try:
        told = json.loads(reply)
        server = str(told["server"]["id"])
        return [Session(server, int(one["cid"])) for one in told["data"]["connections"]]
    except (ValueError, KeyError, TypeError):
        return []


class Sessions:
    """Ends sessions of hubs, over the authority's own connection to the broker; ``may_stay`` judges by hub id."""

    def __init__(self, may_stay: Callable[[str], bool]) -> None:
        self._may_stay = may_stay
        self._connection: Client | None = None
        self._again: set[asyncio.Task[None]] = set()

    def use(self, connection: Client | None) -> None:
        """Ask over this connection from now on; None: the broker cannot be asked."""
        self._connection = connection

    async def end(self, hub: str) -> int | None:
        """End every session of ``hub``, now and a little later again.

        Returns:
            How many there were now; None if no broker answered. Then none needs ending: a broker that the
            authority comes back to is swept.
        """
        again = asyncio.create_task(self._end_again(hub), name=f"end {hub}")
        self._again.add(again)
        again.add_done_callback(self._again.discard)
        return await self._end(hub)

    async def _end_again(self, hub: str) -> None:
        for wait_s in LOOK_AGAIN_S:
            await asyncio.sleep(wait_s)
            if self._may_stay(hub):  # it was let in again meanwhile
                return
            await self._end(hub)

    async def _end(self, hub: str) -> int | None:
        connection = self._connection
        if connection is None or not connection.is_connected:
            return None
        ended, answered = 0, False
        try:
            async for reply in _answers(connection, hub):
                answered = True
                for session in read_sessions(reply):
                    order = json.dumps({"cid": session.number}).encode()
                    await connection.request(KICK_SUBJECT.format(session.server), order, ANSWER_WAIT_S)
                    ended += 1
        except (nats.errors.Error, TimeoutError) as error:
            _log.warning("broker.trouble", hub=hub, error=str(error) or type(error).__name__)
            return None
        if ended:
            _log.info("broker.session_ended", hub=hub, sessions=ended)
        return ended if answered else None


async def _answers(connection: Client, hub: str) -> AsyncIterator[bytes]:
    """What each broker says of this hub's sessions."""
    question = json.dumps({"mqtt_client": hub, "limit": SESSIONS_MAX}).encode()
    inbox = connection.new_inbox()
    replies = await connection.subscribe(inbox)
    try:
        await connection.publish(SESSIONS_SUBJECT, question, reply=inbox)
        wait_s = ANSWER_WAIT_S
        while True:
            try:
                reply = await replies.next_msg(wait_s)
            except TimeoutError:
                return
            yield reply.data
            wait_s = MORE_WAIT_S
    finally:
        await replies.unsubscribe()
