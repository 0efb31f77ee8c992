"""The hub's radio on the virtual air: bleak's scanner and the hub's own parsing; only HCI is left out.

Adverts go to the hub's ``HciScanner`` as the report that a Bluetooth host would make of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from bleak import BleakScanner

from edge_agent.adapters.hci import HciScanner
from edge_agent.adapters.radio import Radio

if TYPE_CHECKING:
    from bumble import hci

    from edge_agent.adapters.hci_link import AdvertReport
    from hil_tests.rig.air import Air, Pdu
    from hil_tests.rig.controller import VirtualController

STATION = "hub"  # the name that scenarios' links use


class Report(NamedTuple):
    """What the scanner reads of a host's report of one whole advert; Bumble's own is slow to make."""

    address: hci.Address
    data: bytes
    rssi: int


class AirScanner(HciScanner):
    """A bleak scanner backend that is a station on the air itself."""

    name = STATION

    def __init__(self, *arguments: Any, air: Air, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self._air = air
        self.listening = False

    async def start(self) -> None:
        """Join the air."""
        self.listening = True
        self._air.controllers.add(cast("VirtualController", self))

    async def stop(self) -> None:
        """Leave it."""
        self.leave()

    def leave(self) -> None:
        """Hear nothing any more, from this moment on."""
        self.listening = False
        self._air.controllers.discard(cast("VirtualController", self))

    def hear(self, pdu: Pdu, signal_dbm: int) -> bool:
        """Take one advert off the air."""
        self._hear(cast("AdvertReport", Report(pdu.address, pdu.data, signal_dbm)))
        return True


class AirRadio(Radio):
    """The hub's radio, with the air in place of a transport."""

    def __init__(self, hear: Callable[..., None], air: Air, *, boot_ms: Callable[[], int]) -> None:
        super().__init__(hear, boot_ms=boot_ms, transport="air")
        self._air = air

    def _new_scanner(self) -> BleakScanner:
        return BleakScanner(
            self._detected, backend=AirScanner, transport="air", lost=self._end, air=self._air
        )
