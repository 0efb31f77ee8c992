"""Somebody's agent under test: a home around it, a radio that it finds, and what was said in that home.

For projects beside Lum. In labgrid's words the agent is the *target*; its radio is the *resource*; what
it speaks to that (HCI, or BlueZ on D-Bus) is the *protocol*; what serves it is the *driver*.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hil_tests.rig.air import Air
from hil_tests.rig.beacons import SimulatedHome, Transmission
from hil_tests.rig.bluez.facade import FakeBluez
from hil_tests.rig.errors import RigError
from hil_tests.rig.hci_server import HciServer
from hil_tests.rig.process import Process, until
from hil_tests.rig.vm.machine import Machine
from hil_tests.scenario import Scenario, load_scenario
from hil_tests.tier import Tier

STATION = "hub"  # what a scenario calls the one who listens
LISTENS_WITHIN_S = {Tier.VM: 240.0}
LISTENS_WITHIN_DEFAULT_S = 30.0
LAST_ADVERTS_S = 1.0
HCI = "LUM_RIG_HCI"  # environment: the HCI socket, as a Bumble transport


@dataclass
class Target:
    """One agent, not yet started, in a home that is silent as yet.

    Attributes:
        tier: What the agent runs on.
        scenario: The home.
        air: The medium, for faults of it.
        driver: What serves the agent's radio, for faults of that.
        said: What was said in the home so far.
    """

    tier: Tier
    scenario: Scenario
    directory: Path
    air: Air
    driver: FakeBluez | HciServer
    environment: Mapping[str, str]
    said: list[Transmission] = field(default_factory=list)
    _agent: Process | None = None

    @property
    def agent(self) -> Process:
        """The process under test; on ``vm`` the whole machine, so that to kill it is a power cut.

        Raises:
            RigError: it was never started.
        """
        if self._agent is None:
            raise RigError("The agent has not been started.")
        return self._agent

    async def start(self, command: Sequence[str], environment: Mapping[str, str] = {}) -> Process:
        """Start the agent, and wait until it listens.

        Args:
            command: Its command line.
            environment: Added to its environment, beside what leads it to its radio.

        Raises:
            RigError: it does not listen; carries its last words.
        """
        log, variables = self.directory / "agent.log", {**self.environment, **environment}
        if self.tier is Tier.VM:
            self._agent = await self._on_a_board(command, variables, log)
        else:
            self._agent = Process("agent", command, log, variables)
        await self._agent.start()
        within_s = LISTENS_WITHIN_S.get(self.tier, LISTENS_WITHIN_DEFAULT_S)
        try:
            await until(lambda: self.air.listens(STATION), "The agent's listening", within_s)
        except RigError as error:
            raise RigError(f"{error} Its last words:\n{self._agent.tail()}") from error
        return self._agent

    async def story(self) -> None:
        """Let the home live, for as long as the scenario lasts."""
        home = SimulatedHome(self.air, self.scenario, self.said.append)
        home.start()
        await asyncio.sleep(self.scenario.duration_s)
        home.stop()
        await asyncio.sleep(LAST_ADVERTS_S)

    def told(self) -> list[str]:
        """What the agent printed, line by line; on ``vm`` between the lines of its board's console."""
        return self.agent.log.read_text(errors="replace").splitlines()

    async def end(self) -> None:
        """SIGKILL, if it runs."""
        if self._agent is not None:
            await self._agent.kill()

    async def _on_a_board(self, command: Sequence[str], variables: Mapping[str, str], log: Path) -> Machine:
        disk = self.directory / "disk"
        disk.mkdir()
        board = Machine(self.directory / "machine", self.directory / "run", log, _socket(self.directory))
        await board.prepare(command, variables, disk_at=disk, ports=[])
        return board


@contextlib.asynccontextmanager
async def target(tier: Tier, home: Path, directory: Path) -> AsyncIterator[Target]:
    """A target in the home of a scenario file; its faults and its hub are left aside.

    Args:
        tier: What the agent shall run on.
        home: The scenario file.
        directory: An empty directory with a short path.

    Raises:
        ScenarioError: the file cannot be used.
        RigError: only Lum's own hub can be run in process; or something does not start.
    """
    scenario = load_scenario(home)
    air = Air(scenario.seed)
    driver: FakeBluez | HciServer
    async with contextlib.AsyncExitStack() as stack:
        if tier is Tier.INPROCESS:
            raise RigError("An agent is a process of its own; in process only Lum's own hub can be run.")
        if tier is Tier.BLUEZ:
            driver = await stack.enter_async_context(FakeBluez(air, directory))
            environment = driver.environment
        else:
            driver = await stack.enter_async_context(HciServer(air, _socket(directory)))
            environment = {HCI: f"unix-client:{_socket(directory)}"} if tier is Tier.VIRTUAL else {}
        there = Target(tier, scenario, directory, air, driver, environment)
        stack.push_async_callback(there.end)
        yield there


def _socket(directory: Path) -> Path:
    return directory / "hci.sock"
