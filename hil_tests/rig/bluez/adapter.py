"""``org.bluez.Adapter1``: power, and discovery in sessions, one for each client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dbus_fast import Variant

from hil_tests.rig.bluez.devices import Devices
from hil_tests.rig.bluez.dongle import ADDRESS, Dongle, Switches
from hil_tests.rig.bluez.objects import ADAPTER, NOTHING, BluezError, Objects, Reply

if TYPE_CHECKING:
    from bumble.device import Advertisement
    from dbus_fast import Message

    from hil_tests.rig.air import Air

PATH = "/org/bluez/hci0"


class Adapter:
    """The one adapter, from being plugged in to being pulled out."""

    def __init__(
        self, air: Air, objects: Objects, switches: Switches, station: str, forget_after_s: float
    ) -> None:
        """Plug it in.

        Args:
            air: The medium.
            objects: Where it is exported, with its devices.
            switches: What is wrong with it.
            station: Its name on the air.
            forget_after_s: How long a silent device is remembered.
        """
        self.sessions: dict[str, bool] = {}  # by client: whether it wants duplicates
        self._wants: dict[str, bool] = {}  # set by filter, for the session to come
        self._objects = objects
        self._switches = switches
        self._dongle = Dongle(air, station, switches, self._hear)
        self.devices = Devices(objects, PATH, self._dongle, forget_after_s)
        self._duplicates = False
        self._settling = asyncio.Lock()

    async def prepare(self) -> None:
        """Start its hardware."""
        await self._dongle.power_on()

    def export(self) -> None:
        """Show it to clients."""
        values = {
            "Address": Variant("s", ADDRESS),
            "AddressType": Variant("s", "random"),
            "Name": Variant("s", "hub"),
            "Alias": Variant("s", "hub"),
            "Class": Variant("u", 0),
            "Powered": Variant("b", self._switches.powered),
            "Discoverable": Variant("b", False),
            "Pairable": Variant("b", False),
            "Discovering": Variant("b", False),
            "UUIDs": Variant("as", []),
            "Roles": Variant("as", ["central"]),
        }
        answers = {
            "SetDiscoveryFilter": self._filter,
            "StartDiscovery": self._start,
            "StopDiscovery": self._stop,
            "RemoveDevice": self._remove,
        }
        self._objects.add(PATH, ADAPTER, values, answers)

    async def power(self, *, on: bool) -> None:
        """Switch it on or off; off ends sessions and connections."""
        self._switches.powered = on
        if not on:
            self.sessions.clear()
            await self._settle()
            await self._dongle.power_off()
        self._objects.change(PATH, {"Powered": Variant("b", on)})

    def pull(self) -> None:
        """Take the hardware away; who still shows the objects must remove them."""
        self.devices.close()
        self._dongle.pull()

    async def client_left(self, client: str) -> None:
        """End what that client had going."""
        self._wants.pop(client, None)
        self.devices.client_left(client)
        if self.sessions.pop(client, None) is not None:
            await self._settle()

    async def _filter(self, call: Message) -> Reply:
        client, (wanted,) = call.sender or "", call.body
        duplicates = wanted.get("DuplicateData")
        self._wants[client] = duplicates is not None and duplicates.value
        if client in self.sessions:
            self.sessions[client] = self._wants[client]
            await self._settle()
        return NOTHING

    async def _start(self, call: Message) -> Reply:
        client = call.sender or ""
        if not self._switches.powered:
            raise BluezError("NotReady", "Resource Not Ready")
        if self._switches.stuck:
            self._switches.refused += 1
            raise BluezError("InProgress", "Operation already in progress")
        if client in self.sessions:
            raise BluezError("InProgress", "Operation already in progress")
        self.sessions[client] = self._wants.get(client, False)
        await self._settle()
        return NOTHING

    async def _stop(self, call: Message) -> Reply:
        if not self._switches.powered:
            raise BluezError("NotReady", "Resource Not Ready")
        if self.sessions.pop(call.sender or "", None) is None:
            raise BluezError("Failed", "No discovery started")
        await self._settle()
        return NOTHING

    async def _remove(self, call: Message) -> Reply:
        self.devices.forget(call.body[0])
        return NOTHING

    async def _settle(self) -> None:
        """Let the hardware do what the sessions ask for, and say so."""
        async with self._settling:
            wanted = any(self.sessions.values()) if self.sessions else None
            self._duplicates = bool(wanted)
            await self._dongle.scan(wanted)
            discovering = Variant("b", wanted is not None)
            if PATH in self._objects and self._objects.values(PATH)["Discovering"] != discovering:
                self._objects.change(PATH, {"Discovering": discovering})
                if wanted is None:
                    self.devices.end_discovery()

    def _hear(self, advert: Advertisement) -> None:
        self.devices.hear(advert, duplicates=self._duplicates)
