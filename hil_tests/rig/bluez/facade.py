"""A fake ``org.bluez`` over the virtual radio: READ FIRST of this package.

    air ~ dongle (Bumble) > devices, adapter, gatt > objects > service > private D-Bus > stock bleak

The hub under test is started with ``environment`` and no radio transport; it then goes the way it
goes in a home, with BlueZ replaced. Each fault leaves evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hil_tests.rig.bluez.bus import PrivateBus
from hil_tests.rig.bluez.daemon import Daemon
from hil_tests.rig.bluez.dongle import Switches
from hil_tests.rig.bluez.evidence import (
    BusKilled,
    Crashed,
    Deafened,
    Emptied,
    Evidence,
    PoweredOff,
    Restarted,
    StuckInProgress,
    Unplugged,
    look,
)
from hil_tests.rig.errors import RigError

if TYPE_CHECKING:
    from hil_tests.rig.air import Air

FORGET_AFTER_S = 30.0  # main.conf of BlueZ: TemporaryTimeout


class FakeBluez:
    """``org.bluez`` with one adapter, as an async context manager.

    A fault that is done at once returns its evidence. One that lasts returns it when it is undone;
    ``evidence()`` has all of it, that of faults still on included.
    """

    def __init__(
        self, air: Air, directory: Path, *, station: str = "hub", forget_after_s: float = FORGET_AFTER_S
    ) -> None:
        """Prepare it.

        Args:
            air: The medium.
            directory: Where the bus has its socket and configuration; must exist, and be short.
            station: The adapter's name on the air.
            forget_after_s: How long a device that is silent and not connected is remembered.

        Raises:
            RigError: The directory's path is too long for a socket in it.
        """
        self._air = air
        self._bus = PrivateBus(directory)
        self._station = station
        self._forget_after_s = forget_after_s
        self._switches = Switches()
        self._daemon: Daemon | None = None
        self._evidence: list[Evidence] = []

    @property
    def environment(self) -> Mapping[str, str]:
        """What to add to the environment of the process under test."""
        return {"DBUS_SYSTEM_BUS_ADDRESS": self._bus.address}

    @property
    def sessions(self) -> int:
        """How many clients discover now."""
        return self._daemon.sessions if self._daemon else 0

    @property
    def devices(self) -> int:
        """How many devices it knows now."""
        return self._daemon.devices if self._daemon else 0

    async def __aenter__(self) -> Self:
        await self._bus.start()
        try:
            await self._start_daemon()
        except BaseException:
            await self._bus.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end_daemon()
        await self._bus.stop()

    def evidence(self) -> tuple[Evidence, ...]:
        """What has been proven so far, in the order the faults were ended; those still on come last."""
        return (*self._evidence, *self._standing())

    # The service and its bus.

    async def crash(self) -> Crashed:
        """End the service without a word; nothing starts it again.

        Raises:
            RigError: It does not run.
        """
        before = await look(self._bus.address)
        daemon = self._running()
        sessions, devices = daemon.sessions, daemon.devices
        await self._end_daemon()
        crashed = Crashed(before, await look(self._bus.address), sessions, devices)
        self._evidence.append(crashed)
        return crashed

    async def restart(self) -> Restarted:
        """Start what does not run, the bus and the service; faults of the adapter stay as they are.

        Raises:
            RigError: Something does not start.
        """
        before = await look(self._bus.address)
        if not self._bus.running:
            await self._bus.start()
        if self._daemon is None:
            await self._start_daemon()
        restarted = Restarted(before, await look(self._bus.address))
        self._evidence.append(restarted)
        return restarted

    async def kill_bus(self) -> BusKilled:
        """SIGKILL the bus; the service ends with it, as BlueZ does.

        Raises:
            RigError: It does not run.
        """
        if not self._bus.running:
            raise RigError("The private D-Bus does not run, so it cannot be killed.")
        pid, status = await self._bus.kill()
        await self._end_daemon()
        killed = BusKilled(pid, status, await look(self._bus.address))
        self._evidence.append(killed)
        return killed

    # The adapter.

    async def unplug(self) -> Unplugged:
        """Pull the adapter out.

        Raises:
            RigError: The service does not run.
        """
        daemon, sessions, before = self._running(), self.sessions, await look(self._bus.address)
        self._switches.plugged = False
        daemon.unplug()
        unplugged = Unplugged(before, await look(self._bus.address), sessions)
        self._evidence.append(unplugged)
        return unplugged

    async def plug(self) -> None:
        """Plug the adapter in again; where the service does not run, it finds it when it starts."""
        if self._switches.plugged:
            return
        self._switches.plugged = True
        if self._daemon is not None:
            await self._daemon.plug()

    async def power_off(self) -> PoweredOff:
        """Switch the adapter off.

        Raises:
            RigError: The service does not run.
        """
        daemon, sessions, before = self._running(), self.sessions, await look(self._bus.address)
        await daemon.power(on=False)
        off = PoweredOff(before, await look(self._bus.address), sessions)
        self._evidence.append(off)
        return off

    async def power_on(self) -> None:
        """Switch the adapter on again; as with BlueZ, sessions do not come back by themselves.

        Raises:
            RigError: The service does not run.
        """
        await self._running().power(on=True)

    # What goes wrong on the way of an advert.

    async def deafen(self) -> None:
        """Let no advert through, although all calls succeed and ``Discovering`` stays true."""
        self._switches.deaf, self._switches.swallowed = True, 0

    async def undeafen(self) -> Deafened:
        """Let adverts through again."""
        self._switches.deaf = False
        deafened = Deafened(self._switches.swallowed)
        self._evidence.append(deafened)
        return deafened

    async def stick_in_progress(self) -> None:
        """Refuse each StartDiscovery with InProgress; a discovery that goes on is left alone."""
        self._switches.stuck, self._switches.refused = True, 0

    async def unstick(self) -> StuckInProgress:
        """Accept StartDiscovery again."""
        self._switches.stuck = False
        stuck = StuckInProgress(self._switches.refused)
        self._evidence.append(stuck)
        return stuck

    async def empty_adverts(self) -> None:
        """Report devices without any data."""
        self._switches.blank, self._switches.blanked = True, 0

    async def fill_adverts(self) -> Emptied:
        """Report devices with their data again."""
        self._switches.blank = False
        emptied = Emptied(self._switches.blanked)
        self._evidence.append(emptied)
        return emptied

    # How it is done.

    def _standing(self) -> list[Evidence]:
        """Evidence of faults that are still on."""
        standing: list[Evidence] = []
        if self._switches.deaf:
            standing.append(Deafened(self._switches.swallowed))
        if self._switches.stuck:
            standing.append(StuckInProgress(self._switches.refused))
        if self._switches.blank:
            standing.append(Emptied(self._switches.blanked))
        return standing

    async def _start_daemon(self) -> None:
        daemon = Daemon(self._air, self._bus.address, self._switches, self._station, self._forget_after_s)
        await daemon.start()
        self._daemon = daemon

    async def _end_daemon(self) -> None:
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            await daemon.end()

    def _running(self) -> Daemon:
        if self._daemon is None:
            raise RigError("The fake BlueZ does not run; restart() it first.")
        return self._daemon
