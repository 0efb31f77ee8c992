"""A real hub for attacks on a hub: the ``lum-hub`` process on a virtual radio, with one button."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil_tests.attack.command import ended
from hil_tests.rig.air import Air
from hil_tests.rig.beacons import SimulatedHome
from hil_tests.rig.errors import RigError
from hil_tests.rig.hci_server import HciServer
from hil_tests.rig.hub import ROLES, Hub, SensorEntry
from hil_tests.rig.process import until
from hil_tests.scenario import Home, Scenario, SensorPlan

BUTTON = SensorPlan(
    name="button", room="Hall", address="C0:00:00:00:00:01", behaviour="button", period_s=3600
)
WAIT_S = 15.0
START_WAIT_S = 60.0
SEED = 1


@dataclass
class Victim:
    """A running hub, and what it says."""

    hub: Hub
    sensors: SimulatedHome

    @property
    def id(self) -> str:
        """The hub's id."""
        return str(self.status()["hub"])

    def status(self) -> dict[str, Any]:
        """What it says of itself, as ``lum-hub status --json`` would."""
        return self.hub.status()

    async def says(self) -> str:
        """What ``lum-hub status`` tells a person, in one line."""
        return (await ended("lum-hub", "status", "--config", str(self.hub.config))).told

    async def press(self) -> None:
        """Its button is pressed: a batch waits for its receipt, or has got it."""
        heard = self.status()["heard"]
        self.sensors.do("button", "press")
        await self.until(lambda: self.status().get("heard", 0) > heard, "the hub's hearing the button")

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for an effect.

        Raises:
            RigError: it did not come.
        """
        await until(condition, what, WAIT_S)


@contextlib.asynccontextmanager
async def living(directory: Path, voucher: str) -> AsyncIterator[Victim]:
    """A hub that is online, with its first batch handed over.

    Raises:
        RigError: it did not come so far.
    """
    radio, air = directory / "hci.sock", Air(SEED)
    hub = Hub(directory, directory / "hub.log", f"unix-client:{radio}")
    entry = SensorEntry(
        BUTTON.address, BUTTON.name, BUTTON.room, BUTTON.model, BUTTON.liveness, ROLES[BUTTON.behaviour]
    )
    await hub.configure([entry], batch_age_max_s=900, commit_window_max_s=15)
    await hub.enrol(voucher)
    sensors = SimulatedHome(air, Scenario("Victim", SEED, 3600, Home("victim"), (BUTTON,)), lambda _: None)
    server = HciServer(air, radio)
    try:
        async with server:
            await hub.start()
            victim = Victim(hub, sensors)
            await until(
                lambda: hub.idle() and server.attached > 0, "The victim's coming online", START_WAIT_S
            )
            await victim.press()
            await victim.until(lambda: hub.idle() and hub.status()["receipts"] > 0, "Its first receipt")
            yield victim
    except RigError as error:
        raise RigError(f"{error} Its last words:\n{hub.process.tail()}") from error
    finally:
        sensors.stop()
        await hub.process.stop()
