"""What the service has for hardware: a controller on the air with a Bumble host on it, and what is wrong with it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bumble import hci
from bumble.device import Advertisement, Connection, Device, DeviceConfiguration
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from hil_tests.rig.controller import VirtualController

if TYPE_CHECKING:
    from hil_tests.rig.air import Air, Pdu

ADDRESS = "F0:F1:F2:F3:F4:F5"
CONNECT_MAX_S = 20.0  # Linux gives up then, too: HCI_LE_CONN_TIMEOUT


@dataclass(slots=True)
class Switches:
    """What is wrong just now, and how often it made itself felt. Outlives the service's lives."""

    powered: bool = True
    plugged: bool = True
    deaf: bool = False
    blank: bool = False
    stuck: bool = False
    swallowed: int = 0  # adverts kept from the host while deaf
    blanked: int = 0  # adverts whose data was taken away
    refused: int = 0  # calls of StartDiscovery refused while stuck


class Dongle:
    """An adapter; at most one connection is being made at a time, as with Linux."""

    def __init__(
        self, air: Air, station: str, switches: Switches, hear: Callable[[Advertisement], None]
    ) -> None:
        """Plug it in.

        Args:
            air: The medium.
            station: Its name on the air.
            switches: What is wrong with it, looked at again with each advert.
            hear: Given each advert while it scans.
        """
        self._air = air
        self._controller = _Controller(station, air)
        self._controller.switches = switches
        self._connecting = asyncio.Lock()
        self._scanning: bool | None = None
        self.device = Device(
            config=DeviceConfiguration(name=station, address=hci.Address(ADDRESS)),
            host=Host(self._controller, AsyncPipeSink(self._controller)),
        )
        self.device.on(Device.EVENT_ADVERTISEMENT, hear)

    async def power_on(self) -> None:
        """Make it ready."""
        await self.device.power_on()

    async def power_off(self) -> None:
        """Hang up everywhere and fall silent."""
        await self.scan(None)
        await self.give_up()
        for connection in tuple(self.device.connections.values()):
            await connection.disconnect()

    def pull(self) -> None:
        """Take it off the air; whoever is connected notices by supervision timeout."""
        self._controller.stop()
        self._air.remove_controller(self._controller)

    async def scan(self, duplicates: bool | None) -> None:  # noqa: FBT001  # three states, not a switch
        """Scan actively, with or without copies of what was reported before; None: do not scan."""
        if duplicates is self._scanning:
            return
        if self._scanning is not None:
            await self.device.stop_scanning()
        if duplicates is not None:
            await self.device.start_scanning(active=True, filter_duplicates=not duplicates)
        self._scanning = duplicates

    async def connect(self, address: hci.Address) -> Connection:
        """Connect, as soon as nobody else is being connected to.

        Raises:
            core.BaseBumbleError: It did not come about.
        """
        async with self._connecting:
            return await self.device.connect_le(address, timeout=CONNECT_MAX_S)

    async def give_up(self) -> None:
        """Cease to wait for whom ``connect`` waits for."""
        await self.device.cancel_connection()  # type: ignore[no-untyped-call]  # Bumble leaves it untyped


class _Controller(VirtualController):
    """A controller that may be deaf, or forget what adverts say.

    What it keeps to itself it does not call heard, so that the rig's ledger does not expect it.
    """

    switches: Switches

    def hear(self, pdu: Pdu, signal_dbm: int) -> bool:
        if self.switches.deaf:
            self.switches.swallowed += self.le_scan_enable
            return False
        if self.switches.blank:
            self.switches.blanked += self.le_scan_enable
            super().hear(dataclasses.replace(pdu, data=b"", scan_response=b""), signal_dbm)
            return False
        return super().hear(pdu, signal_dbm)
