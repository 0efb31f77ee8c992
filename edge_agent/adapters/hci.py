"""Listening without BlueZ: a bleak scanner over any HCI transport that Bumble can open.

For hubs with a USB or serial dongle and no Bluetooth daemon (``usb:0``, ``serial:/dev/ttyACM0``), and
for a radio at the end of a socket (``unix-client:/run/radio``). Importing this module costs
some 0.2 s and 15 MB, so ``radio.py`` does it only when a transport is configured.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.uuids import normalize_uuid_16, normalize_uuid_32
from bumble import hci
from bumble.core import AdvertisingData

from edge_agent.adapters.hci_link import AdvertReport, HciLink, HciPeer
from edge_agent.errors import RadioError

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice

DEVICES_MAX = 1024  # neighbours change their addresses every quarter of an hour, for ever
FRAGMENTED_MAX = 32  # long adverts in the course of arriving
UUIDS_KEPT = 256  # the same few services are on the air again and again
ADVERT_MAX_BYTES = 1650  # Core 5.4, Vol 4, Part E, 7.8.54


class HciScanner(BaseBleakScanner):
    """A bleak scanner backend; pass it as ``BleakScanner(..., backend=HciScanner, transport=...)``."""

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,
        *,
        transport: str,
        lost: Callable[[RadioError], None],
        **_others: Any,
    ) -> None:
        """Prepare to scan; bleak makes this call.

        Args:
            detection_callback: Called with each advert.
            service_uuids: Only adverts that list one of them; None: all.
            scanning_mode: ``active`` asks for scan responses, ``passive`` only listens.
            transport: Bumble's name of an HCI transport.
            lost: Called once, with what to raise, if the transport ends while scanning.
            **_others: What bleak passes for backends of other systems.
        """
        super().__init__(detection_callback, service_uuids)
        self._link = HciLink(transport, active=scanning_mode == "active", hear=self._hear, lost=lost)
        self._fragments: dict[tuple[bytes, int], bytes] = {}

    async def start(self) -> None:
        """Open the transport, reset the controller and scan without a pause.

        Raises:
            ConfigError: There is no such kind of transport.
            RadioError: The transport cannot be opened, or no controller answers on it.
        """
        self.seen_devices = {}
        self._fragments = {}
        await self._link.open()

    async def stop(self) -> None:
        """Let go of the radio; that ends connections, too."""
        await self._link.close()

    def _hear(self, report: AdvertReport) -> None:
        data = self._complete(report)
        if data is None:
            return
        advert = _fields(data).advert(report.rssi)
        if not self.is_allowed_uuid(advert.service_uuids):
            return
        self.call_detection_callbacks(self._device(report.address, advert), advert)

    def _device(self, sender: hci.Address, advert: AdvertisementData) -> BLEDevice:
        address = bytes(sender)[::-1].hex(":").upper()
        known = self.seen_devices.get(address)
        if known is None and len(self.seen_devices) >= DEVICES_MAX:
            del self.seen_devices[next(iter(self.seen_devices))]
        # The name often comes in the scan response alone, so it is kept.
        name = advert.local_name or (known[0].name if known else None)
        peer = HciPeer(self._link, sender)
        device = self.create_or_update_device(address, address, name, peer, advert)
        device.details = peer  # the newest: only the advert tells a public address from a random one
        return device

    def _complete(self, report: AdvertReport) -> bytes | None:
        """Put an advert that came in parts together; None while more is to come, or if it is cut short.

        Vol 4, Part E, 7.7.65.13: bits 5 and 6 of the event type.
        """
        if not isinstance(report, hci.HCI_LE_Extended_Advertising_Report_Event.Report):
            return report.data
        status = report.event_type >> 5 & 0b11
        key = (bytes(report.address), report.advertising_sid)
        data = self._fragments.pop(key, b"") + report.data
        if status == 0:
            return data
        if status == 1 and len(data) <= ADVERT_MAX_BYTES:
            if len(self._fragments) >= FRAGMENTED_MAX:  # the oldest will hardly be finished
                del self._fragments[next(iter(self._fragments))]
            self._fragments[key] = data
        return None


@dataclass(slots=True)
class _Fields:
    """What an advert says, collected structure by structure."""

    name: str | None = None
    manufacturer_data: dict[int, bytes] = field(default_factory=dict)
    service_data: dict[str, bytes] = field(default_factory=dict)
    service_uuids: list[str] = field(default_factory=list)
    power_dbm: int | None = None

    def advert(self, signal_dbm: int) -> AdvertisementData:
        return AdvertisementData(
            local_name=self.name,
            manufacturer_data=self.manufacturer_data,
            service_data=self.service_data,
            service_uuids=self.service_uuids,
            tx_power=self.power_dbm,
            rssi=signal_dbm,
            platform_data=(),
        )


_Type: TypeAlias = AdvertisingData.Type
_SERVICE_DATA: dict[int, int] = {
    _Type.SERVICE_DATA_16_BIT_UUID: 2,
    _Type.SERVICE_DATA_32_BIT_UUID: 4,
    _Type.SERVICE_DATA_128_BIT_UUID: 16,
}
_SERVICE_LISTS: dict[int, int] = {
    _Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    _Type.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    _Type.COMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
    _Type.INCOMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
    _Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
    _Type.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
}
_NAMES = (_Type.COMPLETE_LOCAL_NAME, _Type.SHORTENED_LOCAL_NAME)


def _fields(data: bytes) -> _Fields:
    """Take advertising data apart; a structure that runs past the end is dropped, and so is its rest."""
    found = _Fields()
    offset = 0
    while offset + 1 < len(data):
        length = data[offset]
        end = offset + 1 + length
        if length == 0 or end > len(data):  # Vol 3, Part C, 11: zero length ends the significant part
            break
        _take(found, data[offset + 1], data[offset + 2 : end])
        offset = end
    return found


def _take(found: _Fields, kind: int, body: bytes) -> None:
    if (width := _SERVICE_DATA.get(kind)) is not None and len(body) >= width:
        found.service_data[_uuid_text(body[:width])] = body[width:]
    elif (width := _SERVICE_LISTS.get(kind)) is not None:
        found.service_uuids += [
            _uuid_text(body[at : at + width]) for at in range(0, len(body) - width + 1, width)
        ]
    elif kind == _Type.MANUFACTURER_SPECIFIC_DATA and len(body) >= 2:
        found.manufacturer_data[int.from_bytes(body[:2], "little")] = body[2:]
    elif kind in _NAMES:
        found.name = body.decode("utf-8", errors="replace")
    elif kind == _Type.TX_POWER_LEVEL and len(body) == 1:
        found.power_dbm = int.from_bytes(body, signed=True)


@lru_cache(UUIDS_KEPT)
def _uuid_text(little_endian: bytes) -> str:
    number = int.from_bytes(little_endian, "little")
    if len(little_endian) == 2:
        return normalize_uuid_16(number)
    if len(little_endian) == 4:
        return normalize_uuid_32(number)
    return str(uuid.UUID(int=number))
