"""The hub's ear: every advert in reach, through BlueZ or through an HCI transport.

The only door to bleak. ``hear`` is called in the event loop for each advert and must only hand
over; nothing is decided here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from bleak import BleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakError

from device_profiles.advert import Advert
from edge_agent.errors import RadioError, RadioTrouble

if TYPE_CHECKING:
    from bleak.args.bluez import BlueZScannerArgs
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

NO_BLUETOOTH_HINT = (
    "Plug in a Bluetooth adapter and see that the bluetooth service runs, "
    "or name a radio transport in the configuration."
)


class Radio:
    """Listens without a pause. One per process: BlueZ grants one discovery session to each."""

    def __init__(
        self,
        hear: Callable[[Advert], None],
        *,
        boot_ms: Callable[[], int],
        transport: str | None = None,
        adapter: str | None = None,
    ) -> None:
        """Prepare to listen.

        Args:
            hear: Given each advert; must return at once.
            boot_ms: Milliseconds since boot, the time an advert is stamped with.
            transport: An HCI transport such as ``usb:0``; None: the system's BlueZ.
            adapter: Which of BlueZ's adapters, such as ``hci1``; None: its default.
        """
        self._hear = hear
        self._boot_ms = boot_ms
        self._transport = transport
        self._adapter = adapter
        self._ended: asyncio.Future[None]

    async def run(self) -> None:
        """Listen until cancelled.

        Raises:
            RadioError: There is no Bluetooth to use, or it went away.
            ConfigError: There is no such kind of transport.
        """
        self._ended = asyncio.get_running_loop().create_future()
        scanner = self._scanner()
        await _start(scanner)
        try:
            await self._ended
        finally:
            with contextlib.suppress(BleakError, OSError):  # what is gone already need not be stopped
                await scanner.stop()

    def _scanner(self) -> BleakScanner:
        if self._transport is None:
            return BleakScanner(self._detected, bluez=_bluez_args(self._adapter))
        from edge_agent.adapters.hci import HciScanner  # noqa: PLC0415  # Bumble costs 15 MB; BlueZ hubs spare it

        return BleakScanner(self._detected, backend=HciScanner, transport=self._transport, lost=self._end)

    def _detected(self, device: BLEDevice, data: AdvertisementData) -> None:
        try:
            self._hear(
                Advert(
                    address=device.address.upper(),
                    local_name=data.local_name or device.name,
                    service_uuids=tuple(data.service_uuids),
                    service_data=data.service_data,
                    manufacturer_data=data.manufacturer_data,
                    signal_dbm=data.rssi,
                    heard_ms=self._boot_ms(),
                )
            )
        except Exception as error:  # noqa: BLE001  # libraries swallow it here; it must end run() instead
            self._end(error)

    def _end(self, error: Exception) -> None:
        if not self._ended.done():
            self._ended.set_exception(error)


async def _start(scanner: BleakScanner) -> None:
    try:
        await scanner.start()
    except BleakBluetoothNotAvailableError as error:
        raise _not_available(error) from error
    except (BleakError, OSError) as error:  # no D-Bus at all is a bare FileNotFoundError
        raise RadioError(
            f"Bluetooth cannot be used: {_words(error)}.", RadioTrouble.ABSENT, hint=NO_BLUETOOTH_HINT
        ) from error


def _bluez_args(adapter: str | None) -> BlueZScannerArgs:
    # Without DuplicateData a sensor that says the same thing twice looks like one that fell silent.
    args: BlueZScannerArgs = {"filters": {"DuplicateData": True}}
    if adapter is not None:
        args["adapter"] = adapter
    return args


def _not_available(error: BleakBluetoothNotAvailableError) -> RadioError:
    if error.reason is BleakBluetoothNotAvailableReason.POWERED_OFF:
        return RadioError(
            "Bluetooth is switched off.", RadioTrouble.OFF, hint="Switch it on: rfkill unblock bluetooth."
        )
    return RadioError(
        f"Bluetooth cannot be used: {_words(error)}.", RadioTrouble.ABSENT, hint=NO_BLUETOOTH_HINT
    )


def _words(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no D-Bus on this system"
    return str(error.args[0] if error.args else type(error).__name__).rstrip(".")
