"""Listening without BlueZ: a bleak scanner over any HCI transport that Bumble can open.

For hubs with a USB or serial dongle and no Bluetooth daemon (``usb:0``, ``serial:/dev/ttyACM0``), and
for a radio at the end of a socket (``unix-client:/run/radio``). Importing this module costs
some 0.2 s and 15 MB, so ``radio.py`` does it only when a transport is configured.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.uuids import normalize_uuid_16, normalize_uuid_32
from bumble import hci
from bumble.core import AdvertisingData, BaseBumbleError
from bumble.host import Host
from bumble.transport import open_transport
from bumble.transport.common import Transport, TransportSpecError

from edge_agent.errors import ConfigError, RadioError, RadioTrouble

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice

START_TIMEOUT_S = 10.0  # a healthy controller answers all of it in 0.02 s
COMMAND_TIMEOUT_S = 5.0
SCAN_INTERVAL = 0x60  # 60 ms in units of 0.625 ms; the window is as long, so there is no gap
DEVICES_MAX = 1024  # neighbours change their addresses every quarter of an hour, for ever
FRAGMENTED_MAX = 32  # long adverts in the course of arriving
ADVERT_MAX_BYTES = 1650  # Core 5.4, Vol 4, Part E, 7.8.54

Answer = TypeVar("Answer")
AdvertReport: TypeAlias = (
    hci.HCI_LE_Advertising_Report_Event.Report | hci.HCI_LE_Extended_Advertising_Report_Event.Report
)

# Bumble logs what it also raises, with tracebacks; we raise it as one sentence.
logging.getLogger("bumble").setLevel(logging.CRITICAL)


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
        self._spec = transport
        self._active = scanning_mode == "active"
        self._lost = lost
        self._transport: Transport | None = None
        self._fragments: dict[tuple[bytes, int], bytes] = {}

    async def start(self) -> None:
        """Open the transport, reset the controller and scan without a pause.

        Raises:
            ConfigError: There is no such kind of transport.
            RadioError: The transport cannot be opened, or no controller answers on it.
        """
        self.seen_devices = {}
        self._fragments = {}
        self._transport = await _open(self._spec)
        try:
            # Shielded: a command that is cancelled half-way leaves Bumble's host unusable.
            await _to_its_end(self._begin(self._transport))
        except (
            TimeoutError,
            BaseBumbleError,
            RuntimeError,
            AssertionError,
        ) as error:  # Bumble's, on odd answers
            gone = self._transport.source.terminated.done()
            await self._close()
            raise (_lost(self._spec) if gone else _silent(self._spec)) from error
        except BaseException:
            await self._close()
            raise
        self._transport.source.terminated.add_done_callback(self._notice_loss)

    async def stop(self) -> None:
        """Let go of the radio; closing its transport ends the scan with it."""
        await self._close()

    async def _begin(self, transport: Transport) -> None:
        host = Host(transport.source, transport.sink)
        host.on("advertising_report", self._hear)
        async with asyncio.timeout(START_TIMEOUT_S):
            await host.reset()
            await self._scan(host)

    async def _scan(self, host: Host) -> None:
        async def command(sent: hci.HCI_SyncCommand[Any]) -> None:
            await host.send_sync_command(sent, response_timeout=COMMAND_TIMEOUT_S)

        # A new address each time: scan requests of a hub must not make its home trackable.
        await command(hci.HCI_LE_Set_Random_Address_Command(random_address=_fresh_address()))
        kind = int(self._active)  # Vol 4, Part E, 7.8.10: 0 passive, 1 active
        if host.supports_le_features(hci.LeFeatureMask.LE_EXTENDED_ADVERTISING):
            # 1M PHY alone: the coded PHY would take half of the listening time.
            parameters: hci.HCI_SyncCommand[Any] = hci.HCI_LE_Set_Extended_Scan_Parameters_Command(
                own_address_type=hci.OwnAddressType.RANDOM,
                scanning_filter_policy=0,
                scanning_phys=1 << hci.HCI_LE_1M_PHY_BIT,
                scan_types=[kind],
                scan_intervals=[SCAN_INTERVAL],
                scan_windows=[SCAN_INTERVAL],
            )
            enable: hci.HCI_SyncCommand[Any] = hci.HCI_LE_Set_Extended_Scan_Enable_Command(
                enable=1, filter_duplicates=0, duration=0, period=0
            )
        else:
            parameters = hci.HCI_LE_Set_Scan_Parameters_Command(
                le_scan_type=kind,
                le_scan_interval=SCAN_INTERVAL,
                le_scan_window=SCAN_INTERVAL,
                own_address_type=hci.OwnAddressType.RANDOM,
                scanning_filter_policy=0,
            )
            enable = hci.HCI_LE_Set_Scan_Enable_Command(le_scan_enable=1, filter_duplicates=0)
        await command(parameters)
        await command(enable)

    def _notice_loss(self, _ended: asyncio.Future[None]) -> None:
        if self._transport is not None:  # else we closed it ourselves
            self._lost(_lost(self._spec))

    async def _close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    def _hear(self, report: AdvertReport) -> None:
        data = self._complete(report)
        if data is None:
            return
        advert = _fields(data).advert(report.rssi)
        if not self.is_allowed_uuid(advert.service_uuids):
            return
        address = report.address.to_string(with_type_qualifier=False)
        self.call_detection_callbacks(self._device(address, advert), advert)

    def _device(self, address: str, advert: AdvertisementData) -> BLEDevice:
        known = self.seen_devices.get(address)
        if known is None and len(self.seen_devices) >= DEVICES_MAX:
            del self.seen_devices[next(iter(self.seen_devices))]
        # The name often comes in the scan response alone, so it is kept.
        name = advert.local_name or (known[0].name if known else None)
        return self.create_or_update_device(address, address, name, {"transport": self._spec}, advert)

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


def _uuid_text(little_endian: bytes) -> str:
    number = int.from_bytes(little_endian, "little")
    if len(little_endian) == 2:
        return normalize_uuid_16(number)
    if len(little_endian) == 4:
        return normalize_uuid_32(number)
    return str(uuid.UUID(int=number))


def _fresh_address() -> hci.Address:
    octets = bytearray(secrets.token_bytes(6))
    octets[-1] |= 0xC0  # Vol 6, Part B, 1.3.2.1: a random static address; least octet first
    return hci.Address(bytes(octets), hci.Address.RANDOM_DEVICE_ADDRESS)


async def _open(spec: str) -> Transport:
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            return await open_transport(spec)
    except (TransportSpecError, ValueError, AssertionError) as error:  # Bumble asserts that there is a path
        raise ConfigError(
            f"The radio transport {spec!r} is none that Lum knows.",
            hint="Write usb:0, serial:/dev/ttyACM0, tcp-client:HOST:PORT or unix-client:/PATH, or leave it out for BlueZ.",
        ) from error
    except (OSError, BaseBumbleError, ImportError, TimeoutError) as error:
        raise RadioError(
            f"The radio transport {spec} cannot be opened: {_words(error)}.",
            RadioTrouble.ABSENT,
            hint="Check that the dongle is plugged in and that this user may open it.",
        ) from error


def _lost(spec: str) -> RadioError:
    return RadioError(
        f"The radio on {spec} went away.",
        RadioTrouble.LOST,
        hint="Check that the dongle is plugged in; the hub tries again by itself.",
    )


def _silent(spec: str) -> RadioError:
    return RadioError(
        f"No Bluetooth controller answers on {spec}.",
        RadioTrouble.ABSENT,
        hint="Check that the dongle is plugged in and that nothing else uses it.",
    )


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).rstrip(".") or "no answer"


async def _to_its_end(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Await ``work``; if we are cancelled, let it end first, then be cancelled."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # seen, if nobody waits
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
