"""What must stand around the hub so that a scenario's faults can happen: its radio, a line, names, disks, a clock."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hil_tests.rig.bluez.facade import FakeBluez
from hil_tests.rig.clock import FakeClock
from hil_tests.rig.disk import LossyDisk, SmallDisk
from hil_tests.rig.errors import RigError
from hil_tests.rig.hci_server import HciServer
from hil_tests.rig.hub import Hub
from hil_tests.rig.network import ADVERTISED_HOST, SITE_HOST, FaultyLink, listen_inside
from hil_tests.rig.resolver import Resolver
from hil_tests.rig.vm.hub import GuestHub

if TYPE_CHECKING:
    from hil_tests.rig.air import Air
    from hil_tests.rig.site import Site
    from hil_tests.scenario import Scenario

SMALL_DISK_BYTES = 8 << 20
HOST_NAME = "site.lum.test"  # where hubs must ask for its address

_T = TypeVar("_T")


class Equipment:
    """What a scenario needs, and nothing else."""

    def __init__(self) -> None:
        self._things: dict[type, object] = {}

    @property
    def hci(self) -> HciServer:
        """The dongle that the hub drives itself."""
        return self._one(HciServer)

    @property
    def bluez(self) -> FakeBluez:
        """The Bluetooth service."""
        return self._one(FakeBluez)

    @property
    def line(self) -> FaultyLink:
        """The line to the site."""
        return self._one(FaultyLink)

    @property
    def lossy_disk(self) -> LossyDisk:
        """A disk that forgets what was not synced."""
        return self._one(LossyDisk)

    @property
    def small_disk(self) -> SmallDisk:
        """A disk that can be filled."""
        return self._one(SmallDisk)

    @property
    def clock(self) -> FakeClock:
        """The hub's wall clock."""
        return self._one(FakeClock)

    @property
    def names(self) -> Resolver:
        """The hub's name server."""
        return self._one(Resolver)

    def lose_power(self) -> None:
        """The hub's machine is off: what it had sent and no line had carried yet is gone with it."""
        line = self._things.get(FaultyLink)
        if isinstance(line, FaultyLink):
            line.lose_hub()

    @staticmethod
    def host_for(scenario: Scenario) -> str:
        """Under which name or address the scenario's hub reaches its site."""
        needs = {fault.needs for fault in scenario.faults}
        return HOST_NAME if "names" in needs else ADVERTISED_HOST if "line" in needs else SITE_HOST

    async def radio(
        self,
        stack: contextlib.AsyncExitStack,
        scenario: Scenario,
        air: Air,
        site: Site,
        directory: Path,
        planted: Mapping[str, str],
    ) -> Hub:
        """Set up the radio that the scenario's hub has; gives the hub, not yet configured, with what is planted in it."""
        place, log = directory / "hub", directory / "hub.log"
        if scenario.hub.radio == "bluez":
            bluez = await stack.enter_async_context(FakeBluez(air, directory))
            self._things[FakeBluez] = bluez
            return Hub(place, log, None, {**bluez.environment, **planted})
        socket = directory / "hci.sock"
        self._things[HciServer] = await stack.enter_async_context(HciServer(air, socket))
        if scenario.hub.radio == "vm":
            ports = [site.ports["mqtt"], site.ports["authority"]]
            return GuestHub(place, log, socket, ports, environment=planted, rtc=scenario.hub.reboots_at)
        return Hub(place, log, f"unix-client:{socket}", planted)

    async def around(
        self, stack: contextlib.AsyncExitStack, scenario: Scenario, hub: Hub, site: Site, directory: Path
    ) -> None:
        """Set up the rest around a hub that is not configured and a site that does not run.

        Raises:
            RigError: something is missing on this machine; says what.
        """
        needs = {fault.needs for fault in scenario.faults}
        if "line" in needs:
            listen_inside(site.config)
            line = FaultyLink([site.ports["mqtt"], site.ports["authority"]], seed=scenario.seed)
            self._things[FaultyLink] = await stack.enter_async_context(line)
        if "lossy-disk" in needs:
            lossy = await stack.enter_async_context(LossyDisk(directory / "disk"))
            self._things[LossyDisk] = lossy
            hub.live_on(lossy.path)
        if "small-disk" in needs:
            small = await stack.enter_async_context(SmallDisk(directory / "small", SMALL_DISK_BYTES))
            self._things[SmallDisk] = small
            hub.live_on(small.path)
        if "clock" in needs:
            clock = FakeClock(directory)
            self._things[FakeClock] = clock
            hub.live_in(clock.wrapping())
        if "names" in needs:
            names = Resolver(directory, {HOST_NAME: ADVERTISED_HOST if "line" in needs else SITE_HOST})
            self._things[Resolver] = await stack.enter_async_context(names)
            hub.live_in(names.wrapping())

    def _one(self, kind: type[_T]) -> _T:
        thing = self._things.get(kind)
        if not isinstance(thing, kind):
            raise RigError(f"This scenario has no {kind.__name__}.")
        return thing
