"""The hub's ear: every advert in reach, and visits to sensors that tell more once connected to.

Through BlueZ or through an HCI transport. With ``visits.py`` and ``hci*.py`` the only door to bleak.
``hear`` and ``take`` are called in the event loop and must only hand over; nothing is decided here.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from bleak import BleakClient, BleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakDBusError

from device_profiles.advert import Advert
from edge_agent.adapters.visits import GONE, NEARER_HINT, Call, Take, Visit
from edge_agent.core.deafness import deaf_in_ms
from edge_agent.errors import RadioError, RadioTrouble, VisitError

if TYPE_CHECKING:
    from bleak.args.bluez import BlueZScannerArgs
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

__all__ = ["Radio", "Visit"]

NO_BLUETOOTH_HINT = (
    "Plug in a Bluetooth adapter and see that the bluetooth service runs, "
    "or name a radio transport in the configuration."
)
_BLUEZ_WORDS = {
    "org.freedesktop.DBus.Error.ServiceUnknown": "the bluetooth service does not run",
    "org.bluez.Error.InProgress": "somebody else's scan stands in the way, or the bluetooth service hangs",
}
SIGNAL_UNKNOWN_DBM = -127  # what bleak gives where BlueZ knows none


class Radio:
    """Listens without a pause. One per process: BlueZ grants one discovery session to each."""

    def __init__(
        self,
        hear: Callable[[Advert], None],
        *,
        boot_ms: Callable[[], int],
        transport: str | None = None,
        adapter: str | None = None,
        active: bool = True,
    ) -> None:
        """Prepare to listen.

        Args:
            hear: Given each advert; must return at once.
            boot_ms: Milliseconds since boot, the time an advert is stamped with.
            transport: An HCI transport such as ``usb:0``; None: the system's BlueZ.
            adapter: Which of BlueZ's adapters, such as ``hci1``; None: its default.
            active: Ask for scan responses, where some sensors put their name or data; False spares
                their batteries. BlueZ asks in any case.
        """
        self._hear = hear
        self._boot_ms = boot_ms
        self._transport = transport
        self._adapter = adapter
        self._active = active
        self._scanner: BleakScanner | None = None
        self._ended: asyncio.Future[None] | None = None
        self._heard_ms = 0  # the last frame, or the beginning
        self._visiting = asyncio.Lock()

    async def run(self) -> None:
        """Listen until cancelled.

        Raises:
            RadioError: There is no Bluetooth to use, it went away, or it has been silent for too long.
            ConfigError: There is no such kind of transport.
        """
        self._ended = ended = asyncio.get_running_loop().create_future()
        ended.add_done_callback(_look_at)
        self._heard_ms = self._boot_ms()
        scanner = self._new_scanner()
        async with contextlib.AsyncExitStack() as stack:
            await self._watch(stack)
            await _start(scanner)
            self._scanner = scanner
            try:
                await self._listen(ended)
            finally:
                self._scanner = None
                ended.cancel()  # so that a visit under way knows why it was broken off
                with contextlib.suppress(*GONE):  # what is gone already need not be stopped
                    await scanner.stop()

    async def visit(self, visit: Visit, take: Take) -> None:
        """Connect, subscribe, read, stay until the sensor hangs up or ``stay_s`` is over, and leave.

        One visit at a time, the next one waits; listening goes on meanwhile. What the sensor lacks is
        left out, unless it lacks all of it.

        Args:
            visit: What to do.
            take: Given each value under its characteristic's UUID; must return at once. What it raises
                ends the visit.

        Raises:
            VisitError: The sensor has not been heard, could not be connected to, has nothing of what is
                wanted, refused (it wants to be paired), or hung up before all was read.
            RadioError: The radio is not listening, or went away.
        """
        async with self._visiting:
            ended = self._ended
            trouble: VisitError | None = None
            try:
                await Call(visit, functools.partial(self._told, take)).make(self._client)
            except BleakBluetoothNotAvailableError as error:
                raise _not_available(error) from error
            except VisitError as error:
                trouble = error
            if ended is not None and ended.done():  # then it is not the sensor that hung up
                raise _not_listening() from trouble
            if trouble is not None:
                raise trouble

    async def _watch(self, stack: contextlib.AsyncExitStack) -> None:
        """Have BlueZ watched: bleak's scanner would not notice its end."""
        if self._transport is None:
            from edge_agent.adapters.bluez import watched  # noqa: PLC0415  # D-Bus, for who uses it

            with _in_our_words():
                await stack.enter_async_context(watched(self._adapter, self._end))

    async def _listen(self, ended: asyncio.Future[None]) -> None:
        while wait_ms := deaf_in_ms(self._heard_ms, self._boot_ms()):
            await asyncio.wait({ended}, timeout=wait_ms / 1000)
            if ended.done():
                return ended.result()
        raise RadioError(
            "The radio says that it listens, and hears nothing at all.",
            RadioTrouble.DEAF,
            hint="The hub starts it anew; if this stays, restart the hub or its Bluetooth adapter.",
        )

    def _new_scanner(self) -> BleakScanner:
        if self._transport is None:
            # Never passive: BlueZ then has to be told beforehand what the adverts contain.
            return BleakScanner(self._detected, bluez=_bluez_args(self._adapter))
        from edge_agent.adapters.hci import HciScanner  # noqa: PLC0415  # Bumble costs 15 MB; BlueZ hubs spare it

        return BleakScanner(
            self._detected,
            scanning_mode="active" if self._active else "passive",
            backend=HciScanner,
            transport=self._transport,
            lost=self._end,
        )

    def _client(self, visit: Visit, over: Callable[[BleakClient], None]) -> BleakClient:
        if self._scanner is None:
            raise _not_listening()
        heard = self._scanner.discovered_devices_and_advertisement_data.get(visit.address)
        if heard is None:  # given an address alone, bleak would begin a second scan, which BlueZ refuses
            raise VisitError(
                f"The sensor {visit.address} has not been heard, so it cannot be connected to.",
                hint=NEARER_HINT,
            )
        device, _ = heard
        if self._transport is None:
            return BleakClient(device, over, timeout=visit.connect_s)
        from edge_agent.adapters.hci_client import HciClient  # noqa: PLC0415  # for those who visit

        return BleakClient(device, over, timeout=visit.connect_s, backend=HciClient)

    def _told(self, take: Take, characteristic: str, value: bytes) -> None:
        self._heard_ms = self._boot_ms()
        take(characteristic, value)

    def _detected(self, device: BLEDevice, data: AdvertisementData) -> None:
        if self._transport is None and data.rssi == SIGNAL_UNKNOWN_DBM:
            return  # no advert: BlueZ has told of another change, such as the end of a discovery
        self._heard_ms = self._boot_ms()
        try:
            self._hear(
                Advert(
                    address=device.address.upper(),
                    local_name=data.local_name or device.name,
                    service_uuids=tuple(data.service_uuids),
                    service_data=data.service_data,
                    manufacturer_data=data.manufacturer_data,
                    signal_dbm=data.rssi,
                    heard_ms=self._heard_ms,
                )
            )
        except Exception as error:  # noqa: BLE001  # libraries swallow it here; it must end run() instead
            self._end(error)

    def _end(self, error: Exception) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(error)


def _look_at(ended: asyncio.Future[None]) -> None:
    """Take note of an end that came while nobody waited for it: during the start, or after another one."""
    if not ended.cancelled():
        ended.exception()


async def _start(scanner: BleakScanner) -> None:
    with _in_our_words():
        await scanner.start()


@contextlib.contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except BleakBluetoothNotAvailableError as error:
        raise _not_available(error) from error
    except GONE as error:  # no D-Bus at all is a bare FileNotFoundError
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


def _not_listening() -> RadioError:
    return RadioError(
        "The radio is not listening, so no sensor can be visited.",
        RadioTrouble.LOST,
        hint="The hub tries again by itself.",
    )


def _words(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no D-Bus on this system"
    if isinstance(error, BleakDBusError):
        return _BLUEZ_WORDS.get(error.dbus_error) or error.dbus_error_details or error.dbus_error
    return str(error.args[0] if error.args else type(error).__name__).rstrip(".")
