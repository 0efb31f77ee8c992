"""Proof that a fault of ``org.bluez`` had the effect it stands for.

What clients can see is read over a connection of the rig's own, as a client would.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TypeAlias

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from hil_tests.rig.bluez.objects import ADAPTER, BLUEZ, MANAGER


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client sees.

    Attributes:
        bus: Whether there is a bus to connect to.
        owned: Whether somebody is ``org.bluez``.
        adapter: Whether it shows an adapter.
        powered: Whether that one is powered.
        discovering: Whether that one says that it discovers.
    """

    bus: bool = False
    owned: bool = False
    adapter: bool = False
    powered: bool = False
    discovering: bool = False


@dataclass(frozen=True, slots=True)
class Crashed:
    """The service ended without a word, and so did so many discovery sessions; it knew so many devices."""

    before: Seen
    after: Seen
    sessions: int
    devices: int

    def fired(self) -> bool:
        """Whether the name was lost, while the bus went on."""
        return self.before.owned and self.after.bus and not self.after.owned


@dataclass(frozen=True, slots=True)
class Restarted:
    """The service is back."""

    before: Seen
    after: Seen

    def fired(self) -> bool:
        """Whether the name was not owned and now is."""
        return not self.before.owned and self.after.owned


@dataclass(frozen=True, slots=True)
class Deafened:
    """Adverts kept from a client, each at a moment when it had a discovery going."""

    swallowed: int

    def fired(self) -> bool:
        """Whether there was one."""
        return self.swallowed > 0


@dataclass(frozen=True, slots=True)
class StuckInProgress:
    """Calls of StartDiscovery that were refused."""

    refused: int

    def fired(self) -> bool:
        """Whether there was one."""
        return self.refused > 0


@dataclass(frozen=True, slots=True)
class Unplugged:
    """The adapter is gone, and so were so many discovery sessions."""

    before: Seen
    after: Seen
    sessions: int

    def fired(self) -> bool:
        """Whether clients saw an adapter before, and the service without one after."""
        return self.before.adapter and self.after.owned and not self.after.adapter


@dataclass(frozen=True, slots=True)
class PoweredOff:
    """The adapter is switched off, and so were so many discovery sessions."""

    before: Seen
    after: Seen
    sessions: int

    def fired(self) -> bool:
        """Whether clients saw it powered before, and not after."""
        return self.before.powered and self.after.adapter and not self.after.powered


@dataclass(frozen=True, slots=True)
class Emptied:
    """Adverts reported without any data."""

    adverts: int

    def fired(self) -> bool:
        """Whether there was one."""
        return self.adverts > 0


@dataclass(frozen=True, slots=True)
class BusKilled:
    """The bus daemon's process id and exit status, and what can be seen afterwards."""

    pid: int
    status: int
    after: Seen

    def fired(self) -> bool:
        """Whether SIGKILL ended it and nobody can connect."""
        return self.status == -signal.SIGKILL and not self.after.bus


Evidence: TypeAlias = (
    Crashed | Restarted | Deafened | StuckInProgress | Unplugged | PoweredOff | Emptied | BusKilled
)


async def look(address: str) -> Seen:
    """See what a client on that bus sees now."""
    bus = MessageBus(bus_address=address)
    try:
        await bus.connect()
        reply = await bus.call(
            Message(destination=BLUEZ, path="/", interface=MANAGER, member="GetManagedObjects")
        )
    except (OSError, EOFError):
        return Seen()
    bus.disconnect()
    await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast leaves it untyped
    if reply.message_type is MessageType.ERROR:
        return Seen(bus=True)
    for interfaces in reply.body[0].values():
        if values := interfaces.get(ADAPTER):
            powered, discovering = values["Powered"].value, values["Discovering"].value
            return Seen(bus=True, owned=True, adapter=True, powered=powered, discovering=discovering)
    return Seen(bus=True, owned=True)
