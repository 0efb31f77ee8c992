"""One visit to a sensor that must be connected to, over a bleak client of whichever backend.

``radio.py`` makes the client; the order of things and the words for what goes wrong are here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from edge_agent.errors import VisitError

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.characteristic import BleakGATTCharacteristic

ANSWER_TIMEOUT_S = 30.0  # Vol 3, Part F, 3.3.3: who has not answered by then never will
NEARER_HINT = "Bring it nearer to the hub, wake it up, or change its battery."
GONE = (BleakError, OSError, EOFError)  # what bleak's backends raise; a time-out and no D-Bus are OSErrors
UNPAIRED = (
    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHORIZATION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE,
)

Answer = TypeVar("Answer")
Take: TypeAlias = Callable[[str, bytes], None]
ClientFor: TypeAlias = "Callable[[Visit, Callable[[BleakClient], None]], BleakClient]"


@dataclass(frozen=True, slots=True)
class Visit:
    """What to do at one sensor.

    Attributes:
        address: The sensor's, upper case with colons, as its adverts have it.
        read: Characteristics to read once; full 128-bit UUIDs in lower case, here and below.
        subscribe: Characteristics to be told of, by notification or indication.
        stay_s: How long to stay for those at most, once all is read; 0: leave at once.
        connect_s: How long connecting may take, finding out what the sensor has included.
    """

    address: str
    read: tuple[str, ...]
    subscribe: tuple[str, ...]
    stay_s: float
    connect_s: float


class Call:
    """One visit being made."""

    def __init__(self, visit: Visit, take: Take) -> None:
        self._visit = visit
        self._take = take
        self._fault: Exception | None = None
        self._over = asyncio.Event()

    async def make(self, client_for: ClientFor) -> None:
        """Connect, subscribe, read, stay, leave.

        Args:
            client_for: Makes a client that calls its second argument when the connection is over.

        Raises:
            VisitError: As ``Radio.visit`` says.
        """
        client = client_for(self._visit, self._notice_end)
        await self._connect(client)
        try:
            await self._talk(client)
        finally:
            with contextlib.suppress(*GONE):  # it has hung up, or will notice that we left
                await client.disconnect()

    async def _connect(self, client: BleakClient) -> None:
        try:
            await client.connect()
        except BleakBluetoothNotAvailableError:  # the radio's trouble, not the sensor's
            raise
        except TimeoutError as error:
            raise self._trouble(
                f"could not be connected to within {self._visit.connect_s:g} s", NEARER_HINT
            ) from error
        except GONE as error:
            raise self._trouble(f"could not be connected to: {_words(error)}", NEARER_HINT) from error

    async def _talk(self, client: BleakClient) -> None:
        subscribed, readable = self._wanted(client)
        for characteristic in subscribed:  # first: a sensor may tell all it has at once, and hang up
            await self._answer(client.start_notify(characteristic, self._notified), characteristic)
        for characteristic in readable:
            value = await self._answer(client.read_gatt_char(characteristic), characteristic)
            self._take(characteristic.uuid, bytes(value))
        if subscribed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._visit.stay_s):
                    await self._over.wait()
        if self._fault is not None:
            raise self._fault

    def _wanted(
        self, client: BleakClient
    ) -> tuple[list[BleakGATTCharacteristic], list[BleakGATTCharacteristic]]:
        """Find what to subscribe to and what to read; of two with the same UUID, the first."""
        found: dict[str, BleakGATTCharacteristic] = {}
        try:
            for characteristic in client.services.characteristics.values():
                found.setdefault(characteristic.uuid, characteristic)
        except BleakError as error:
            raise self._broken_off(error) from error
        subscribed = [found[one] for one in self._visit.subscribe if one in found and _tells(found[one])]
        readable = [found[one] for one in self._visit.read if one in found]
        if not subscribed and not readable:
            wanted = ", ".join(self._visit.subscribe + self._visit.read)
            raise self._trouble(
                f"has nothing of what is wanted of it ({wanted})", "See whether its model is set rightly."
            )
        return subscribed, readable

    async def _answer(self, question: Awaitable[Answer], characteristic: BleakGATTCharacteristic) -> Answer:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await question
        except GONE as error:
            raise self._unanswered(error, characteristic) from error

    def _notified(self, characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
        try:
            self._take(characteristic.uuid, bytes(value))
        except Exception as error:  # noqa: BLE001  # libraries swallow it here; it must end the visit instead
            self._fault = error
            self._over.set()

    def _notice_end(self, _client: BleakClient) -> None:
        self._over.set()

    def _unanswered(self, error: Exception, characteristic: BleakGATTCharacteristic) -> VisitError:
        if _is_unpaired(error):
            return self._trouble(
                "tells nothing to a hub that it is not paired with",
                "Pair it once with bluetoothctl; that needs a hub with BlueZ.",
            )
        if isinstance(error, BleakGATTProtocolError):
            name = f"{characteristic.description} ({characteristic.uuid})"
            return self._trouble(f"refuses {name}: {_words(error)}")
        return self._broken_off(error)

    def _broken_off(self, error: Exception) -> VisitError:
        if self._over.is_set():
            return self._trouble("hung up before it had told everything", NEARER_HINT)
        return self._trouble(f"could not be read: {_words(error)}", NEARER_HINT)

    def _trouble(self, what: str, hint: str = "") -> VisitError:
        return VisitError(f"The sensor {self._visit.address} {what}.", hint=hint)


def _tells(characteristic: BleakGATTCharacteristic) -> bool:
    return not {"notify", "indicate"}.isdisjoint(characteristic.properties)


def _is_unpaired(error: Exception) -> bool:
    if isinstance(error, BleakGATTProtocolError):
        return error.code in UNPAIRED
    # BlueZ has one word for three of these codes, and bleak hands it on as it is.
    return isinstance(error, BleakDBusError) and error.dbus_error_details == "Not paired"


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it gives no answer"
    if isinstance(error, BleakDBusError):
        return (error.dbus_error_details or error.dbus_error).rstrip(".")
    words = str(error.args[-1] if error.args else type(error).__name__)
    return words.removeprefix("GATT Protocol Error: ").rstrip(".")
