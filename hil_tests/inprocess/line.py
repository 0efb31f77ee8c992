"""The line between hub and site: messages arrive after a fixed time, or, while the network is away, sending fails.

Stands in for the MQTT client, the broker and TLS; the hub's ``Uplink`` above it is the real one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Self, TypeAlias, cast

from aiomqtt import Message, MqttError, Topic

from cloud_sync.uplink import Uplink
from cloud_sync.wire.topics import up_topic

if TYPE_CHECKING:
    import aiomqtt

    from cloud_sync.uplink import Link

ONE_WAY_S = 0.02

Take: TypeAlias = Callable[[bytes], list[bytes]]  # what a hub says -> the site's answers


class Line:
    """One hub's way to its site."""

    def __init__(self, hub: str, site: Take) -> None:
        self.away = False
        self.failed = 0  # connections and messages that the absence cost
        self._hub = hub
        self._site = site
        self._client: Client | None = None
        self._up: deque[tuple[Client, bytes]] = deque()
        self._down: deque[tuple[Client, bytes]] = deque()

    def leave(self) -> None:
        """The network goes away; whoever is connected is told at once."""
        self.away = True
        self.hang_up()

    def hang_up(self) -> None:
        """End the connection there is; what is under way is lost."""
        if self._client is not None:
            self.failed += 1
            self._client.lose()

    def come_back(self) -> None:
        """It is there again."""
        self.away = False

    def connect(self, client: Client) -> None:
        """Let a client in, in place of the one before.

        Raises:
            MqttError: the network is away.
        """
        if self.away:
            self.failed += 1
            raise MqttError("the network is away")
        self._client = client

    def send_up(self, client: Client, topic: str, payload: bytes) -> None:
        """Carry a message to the site, and its answers back.

        Raises:
            MqttError: the network is away.
        """
        if self.away or client.lost:
            self.failed += 1
            raise MqttError("the network is away")
        if topic == up_topic(self._hub):
            self._up.append((client, payload))
            asyncio.get_running_loop().call_later(ONE_WAY_S, self._arrive)

    def _arrive(self) -> None:
        client, payload = self._up.popleft()  # timers of one moment come in any order, messages do not
        if self.away:
            return
        for answer in self._site(payload):
            self._down.append((client, answer))
            asyncio.get_running_loop().call_later(ONE_WAY_S, self._answer)

    def _answer(self) -> None:
        client, answer = self._down.popleft()
        client.receive(answer)


class Client:
    """As much of an MQTT client as the uplink uses."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._incoming: asyncio.Queue[bytes | None] = asyncio.Queue()  # None: the connection is lost
        self.lost = False

    async def __aenter__(self) -> Self:
        await asyncio.sleep(2 * ONE_WAY_S)
        self._line.connect(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.lost = True

    async def subscribe(self, topic: str, *, qos: int = 0) -> None:
        """Ask for a topic; there is only the one."""

    async def publish(self, topic: str, payload: bytes, *, qos: int = 0) -> None:  # noqa: ARG002 - as the library's
        """Send a message."""
        self._line.send_up(self, topic, payload)

    @property
    async def messages(self) -> AsyncIterator[Message]:
        """What comes down, until the connection is lost."""
        while (payload := await self._incoming.get()) is not None:
            yield Message(Topic("down"), payload, 0, retain=False, mid=0, properties=None)
        raise MqttError("the connection was lost")

    def receive(self, payload: bytes) -> None:
        """A message comes down."""
        if not self.lost:
            self._incoming.put_nowait(payload)

    def lose(self) -> None:
        """The connection is lost."""
        if not self.lost:
            self.lost = True
            self._incoming.put_nowait(None)


def uplink_over(line: Line) -> type[Uplink]:
    """The hub's uplink, as a class, over this line."""

    class LineUplink(Uplink):
        """Everything but the MQTT client is the hub's own."""

        def _client(self, link: Link) -> aiomqtt.Client:  # noqa: ARG002 - there is one line only
            return cast("aiomqtt.Client", Client(line))

    return LineUplink
