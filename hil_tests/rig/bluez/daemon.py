"""One life of ``bluetoothd``: the name on the bus, and the adapter behind it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hil_tests.rig.bluez.adapter import PATH, Adapter
from hil_tests.rig.bluez.objects import Objects, Reply
from hil_tests.rig.bluez.service import Service

if TYPE_CHECKING:
    from dbus_fast import Message

    from hil_tests.rig.air import Air
    from hil_tests.rig.bluez.dongle import Switches


class Daemon:
    """A service with at most one adapter."""

    def __init__(
        self, air: Air, address: str, switches: Switches, station: str, forget_after_s: float
    ) -> None:
        """Prepare it; see ``FakeBluez``."""
        self._air = air
        self._switches = switches
        self._station = station
        self._forget_after_s = forget_after_s
        self._service = Service(address, self._answer, self._client_left)
        self._objects = Objects(self._service.send)
        self._adapter: Adapter | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def unique_name(self) -> str:
        """Who it is on the bus."""
        return self._service.unique_name

    @property
    def sessions(self) -> int:
        """How many clients discover."""
        return len(self._adapter.sessions) if self._adapter else 0

    @property
    def devices(self) -> int:
        """How many devices it knows."""
        return len(self._adapter.devices) if self._adapter else 0

    async def start(self) -> None:
        """Take the name, and show the adapter if there is one.

        Raises:
            RigError: There is no bus, or the name is taken.
        """
        await self._service.open()
        if self._switches.plugged:
            await self.plug()

    async def end(self) -> None:
        """End as a process does that crashes: no signal, no answer, only the name is lost."""
        for task in self._tasks:
            task.cancel()
        if self._adapter is not None:
            self._adapter.pull()
            self._adapter = None
        await self._service.close()

    async def plug(self) -> None:
        """Plug the adapter in."""
        self._adapter = Adapter(self._air, self._objects, self._switches, self._station, self._forget_after_s)
        await self._adapter.prepare()
        self._adapter.export()

    def unplug(self) -> None:
        """Pull the adapter out."""
        if self._adapter is not None:
            self._adapter.pull()
            self._adapter = None
            self._objects.remove(PATH)

    async def power(self, *, on: bool) -> None:
        """Switch the adapter on or off, if there is one."""
        if self._adapter is not None:
            await self._adapter.power(on=on)

    async def _answer(self, call: Message) -> Reply:
        return await self._objects.answer(call)

    def _client_left(self, client: str) -> None:
        if self._adapter is None:
            return
        task = asyncio.get_running_loop().create_task(self._adapter.client_left(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
