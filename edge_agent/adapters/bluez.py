"""What bleak does not tell a scanner over BlueZ: that nobody is left who could report anything.

When bluetoothd ends, its adapter goes away or is switched off, or D-Bus itself ends, bleak's
scanner just falls silent. Loaded only where BlueZ is used.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from dbus_fast import AuthError, BusType, Message
from dbus_fast.aio import MessageBus

from edge_agent.errors import RadioError, RadioTrouble

if TYPE_CHECKING:
    from dbus_fast import Variant

BLUEZ, ADAPTER = "org.bluez", "org.bluez.Adapter1"
DAEMON = "org.freedesktop.DBus"
BY_ITSELF_HINT = "The hub tries again by itself; if this stays, see: systemctl status bluetooth."

Lost = Callable[[RadioError], None]


@contextlib.asynccontextmanager
async def watched(adapter: str | None, lost: Lost) -> AsyncIterator[None]:
    """Call ``lost`` once BlueZ cannot serve a scan any more, until the context ends.

    Args:
        adapter: The adapter that scans, such as ``hci1``; None: any. ``Discovering`` is not looked at,
            for it says what bluetoothd believes.
        lost: Given what happened.

    Raises:
        OSError: There is no D-Bus, or it does not let this user in.
    """
    bus = MessageBus(bus_type=BusType.SYSTEM)
    await _connect(bus)
    try:
        bus.add_message_handler(lambda message: _receive(message, lost))
        for rule in _rules(adapter):
            await bus.call(
                Message(
                    destination=DAEMON,
                    path="/org/freedesktop/DBus",
                    interface=DAEMON,
                    member="AddMatch",
                    signature="s",
                    body=[rule],
                )
            )
        ending = asyncio.get_running_loop().create_task(_tell_end(bus, lost))
        try:
            yield
        finally:
            ending.cancel()
    finally:
        bus.disconnect()
        await _ended(bus)


async def _connect(bus: MessageBus) -> None:
    try:
        await bus.connect()
    except AuthError as error:
        raise PermissionError("D-Bus does not let this user in") from error


def _rules(adapter: str | None) -> tuple[str, ...]:
    where = f"path='/org/bluez/{adapter}'" if adapter else "path_namespace='/org/bluez'"
    removed = f",arg0path='/org/bluez/{adapter}'" if adapter else ""
    return (
        f"type='signal',sender='{DAEMON}',member='NameOwnerChanged',arg0='{BLUEZ}'",
        f"type='signal',sender='{BLUEZ}',member='PropertiesChanged',arg0='{ADAPTER}',{where}",
        f"type='signal',sender='{BLUEZ}',member='InterfacesRemoved'{removed}",
    )


def _receive(message: Message, lost: Lost) -> None:
    if message.member == "NameOwnerChanged" and message.body[0] == BLUEZ:
        if message.body[1]:  # somebody was; whoever is now knows nothing of our scan
            lost(RadioError("The Bluetooth service ended.", RadioTrouble.LOST, hint=BY_ITSELF_HINT))
    elif message.member == "PropertiesChanged" and message.body[0] == ADAPTER:
        powered: Variant | None = message.body[1].get("Powered")
        if powered is not None and not powered.value:
            lost(
                RadioError(
                    "The Bluetooth adapter was switched off.",
                    RadioTrouble.OFF,
                    hint="Switch it on again: bluetoothctl power on.",
                )
            )
    elif message.member == "InterfacesRemoved" and ADAPTER in message.body[1]:
        name = message.body[0].rpartition("/")[2]
        lost(
            RadioError(
                f"The Bluetooth adapter {name} went away.", RadioTrouble.LOST, hint="Plug it in again."
            )
        )


async def _tell_end(bus: MessageBus, lost: Lost) -> None:
    await asyncio.shield(_ended(bus))  # it waits for a future of the bus, which must not be cancelled
    lost(RadioError("The system's D-Bus ended.", RadioTrouble.LOST, hint=BY_ITSELF_HINT))


async def _ended(bus: MessageBus) -> None:
    with contextlib.suppress(OSError, EOFError):  # however it ended
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast leaves it untyped
