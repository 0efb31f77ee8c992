"""A socket that is a Bluetooth dongle: who connects drives a fresh controller on the air.

The hub is killed and comes back; so each connection gets a new controller, as a dongle
that was unplugged and plugged in again, and it leaves the air when the connection ends.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Self, cast

from bumble.transport.common import StreamPacketSource

from hil_tests.rig.controller import VirtualController

if TYPE_CHECKING:
    from pathlib import Path

    from hil_tests.rig.air import Air

UNREAD_MAX_BYTES = 262_144  # about 4,000 adverts that the host has not read; later ones are dropped


class HciServer:
    """Serves HCI (H4 framing) on a unix socket that only its owner may open."""

    def __init__(self, air: Air, path: Path, *, name: str = "hub") -> None:
        """Prepare to serve.

        Args:
            air: The medium that each controller joins.
            path: Where to make the socket; a leftover one is replaced.
            name: The controllers' station name on the air.
        """
        self.attached = 0  # connections so far
        self._air = air
        self._path = path
        self._name = name
        self._plugs: set[_Plug] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        umask = os.umask(0o177)  # 0600 from its first moment: HCI knows no password
        try:
            listener.bind(str(self._path))
        finally:
            os.umask(umask)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Plug(self), sock=listener)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            self.unplug()
            await asyncio.gather(*(plug.terminated for plug in self._plugs))
            await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    async def absent(self) -> None:
        """Pull the dongle and leave none: the socket is gone until :meth:`present`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._path.unlink(missing_ok=True)
        self.unplug()

    async def present(self) -> None:
        """Plug a dongle in again."""
        if self._server is None:
            await self.__aenter__()

    def unplug(self) -> None:
        """Pull the dongle: end all connections; a new one may be made at once."""
        for plug in tuple(self._plugs):
            plug.pull()

    def plugged(self, plug: _Plug) -> VirtualController:
        """Give a new connection its controller."""
        self.attached += 1
        self._plugs.add(plug)
        return VirtualController(
            self._name, self._air, host_source=plug, host_sink=plug, congested=plug.is_congested
        )

    def unplugged(self, plug: _Plug, controller: VirtualController) -> None:
        """Take the controller of an ended connection off the air."""
        self._plugs.discard(plug)
        controller.stop()
        self._air.remove_controller(controller)


class _Plug(StreamPacketSource):
    """One connection: the host's packets in, the controller's packets out."""

    def __init__(self, server: HciServer) -> None:
        super().__init__()
        self._server = server
        self._transport: asyncio.WriteTransport
        self._controller: VirtualController

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._controller = self._server.plugged(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._server.unplugged(self, self._controller)
        self.on_transport_lost()

    def on_packet(self, packet: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(packet)

    def is_congested(self) -> bool:
        return self._transport.is_closing() or self._transport.get_write_buffer_size() > UNREAD_MAX_BYTES

    def pull(self) -> None:
        self._transport.abort()
