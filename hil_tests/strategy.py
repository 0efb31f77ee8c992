"""The chain under a scenario: brought up step by step, held by one object, taken down whatever happens.

    off > site > hub enrolled, its sensors added > hub online > story

Once a step has failed, the chain is broken and stays so: later questions get the first cause again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil_tests.chaos import LAST_ADVERTS_S, HubRestored, StoreRestored
from hil_tests.demo import ScenarioStory
from hil_tests.equipment import Equipment
from hil_tests.ledger import Image, Ledger
from hil_tests.rig.air import Air
from hil_tests.rig.beacons import SimulatedHome, Transmission
from hil_tests.rig.errors import RigError
from hil_tests.rig.hub import Hub
from hil_tests.rig.node_home import NodeHome
from hil_tests.rig.process import call, command, until
from hil_tests.rig.site import Site
from hil_tests.rig.visited import VisitedHome
from hil_tests.scenario import Scenario, SensorPlan

if TYPE_CHECKING:
    from bumble.snoop import Snooper

EFFECT_WAIT_S = 30.0
HUB_STATION = "hub"  # on the air
HANDOVER_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of wall time (s) and what it was."""

    start: float
    end: float
    what: str


@dataclass(slots=True)
class Bench:
    """Everything that a fault may lay hands on, and what the rig knows for certain."""

    scenario: Scenario
    directory: Path
    air: Air
    ledger: Ledger
    equipment: Equipment
    site: Site
    hub: Hub
    home: SimulatedHome
    visited: VisitedHome
    nodes: NodeHome
    notes: dict[Any, Any] = field(default_factory=dict)  # what faults remember between their steps
    hub_kills: list[float] = field(default_factory=list)
    mid_write: list[float] = field(default_factory=list)  # those that came as it was writing
    restores: list[StoreRestored | HubRestored] = field(default_factory=list)
    blind_spans: list[Span] = field(default_factory=list)
    twins: list[Hub] = field(default_factory=list)
    _blind: dict[str, float] = field(default_factory=dict)
    _delivered: dict[str, int] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)  # of lives of the hub that have ended
    _card: tuple[Image, float] | None = None

    # What is there.

    def plan(self, name: str) -> SensorPlan:
        """The sensor with this name.

        Raises:
            RigError: there is none.
        """
        for plan in self.scenario.sensors:
            if plan.name == name:
                return plan
        raise RigError(f"No sensor of the scenario is called {name!r}.")

    def address(self, name: str) -> str:
        """The address of the sensor with this name."""
        return self.plan(name).address

    def addresses(self, name: str) -> list[str]:
        """The address of one sensor, or of ``all``."""
        return [plan.address for plan in self.scenario.sensors] if name == "all" else [self.address(name)]

    def delivered_from(self, address: str) -> int:
        """Adverts of one sensor that the hub's radio was given."""
        return self._delivered.get(address, 0)

    def hear(self, address: str) -> None:
        """Count an advert that the hub's radio was given."""
        self._delivered[address] = self._delivered.get(address, 0) + 1

    def transmissions_of(self, address: str) -> int:
        """How often a sensor said something new."""
        return len(self.ledger.of(address))

    def first_event_of(self, address: str) -> Transmission:
        """The first transmission of a sensor that told an event.

        Raises:
            RigError: it has told none yet.
        """
        for one in self.ledger.of(address):
            if any(reading.urgent or reading.kind == "motion" for reading in one.readings):
                return one
        raise RigError(f"The sensor {address} has told no event yet that could be played again.")

    def counted(self, reason: str) -> int:
        """How often the hub, in all its lives, counted this (see ``counts`` in its status)."""
        return self._counts.get(reason, 0) + int(self.hub.status().get("counts", {}).get(reason, 0))

    async def until(self, condition: Callable[[], bool], what: str, wait_s: float = EFFECT_WAIT_S) -> None:
        """Wait for an effect.

        Raises:
            RigError: it did not come.
        """
        await until(condition, what[0].upper() + what[1:], wait_s)

    # What the hub could not hear, for certain.

    def blind(self, why: str) -> None:
        """From now on the hub cannot hear."""
        self._blind.setdefault(why, self.air.wall())

    def sighted(self, why: str) -> None:
        """For this reason it can hear again."""
        if why in self._blind:
            self.blind_spans.append(Span(self._blind.pop(why), self.air.wall(), why))

    # What faults share.

    async def kill_hub(self, *, mid_write: bool = False) -> int:
        """SIGKILL the hub, or see that it was killed as it wrote; gives its exit status."""
        self._remember_counts()
        status = await self.hub.kill()
        self.hub_kills.append(time.time())
        if mid_write:
            self.mid_write.append(self.hub_kills[-1])
        self.ledger.killed()
        self.blind("hub down")
        return status

    async def stop_hub(self) -> int:
        """Ask the hub to stop; gives its exit status."""
        self._remember_counts()
        self.blind("hub down")
        return await self.hub.stop()

    async def start_hub(self, *, surely: bool = True) -> None:
        """Start the hub again; wait until it speaks, unless it may be unable to."""
        await self.hub.start()
        if surely:
            await self.until(lambda: bool(self.hub.status()), "the hub's start", self.hub.start_wait_s)
        self.sighted("hub down")

    async def copy_card(self) -> None:
        """Copy all that a hub, stopped in good order, has on its disk."""
        await self.mark_card(lambda: self.hub.copy_state(self.directory / "card"))

    async def put_back_card(self) -> int:
        """Put the copy back; gives how many readings were newer than it."""
        return await self.turn_back_card(lambda: self.hub.put_back_state(self.directory / "card"))

    async def mark_card(self, mark: Callable[[], Awaitable[object]]) -> None:
        """While the hub is stopped in good order: its disk will be again what it is now."""
        async with self._out_of_hearing():
            await self.stop_hub()
            await mark()
            self._card = self.ledger.image(), time.time()
            await self.start_hub()

    async def turn_back_card(self, turn_back: Callable[[], Awaitable[object]]) -> int:
        """Make the disk what it was, once all that only it knows is handed over; gives how many readings were newer.

        Raises:
            RigError: it was never marked.
        """
        if self._card is None:
            raise RigError("There is nothing that the hub's card could become again.")
        image, marked_at = self._card
        async with self._out_of_hearing():
            silent_at = time.time()
            await self.until(self.hub.idle, "handing over", HANDOVER_WAIT_S)
            await self.stop_hub()
            burst_s = ScenarioStory(self.scenario).burst_s
            await asyncio.sleep(max(0.0, silent_at + burst_s + LAST_ADVERTS_S - time.time()))
            begun = [one for one in await self.site.incidents() if one["code"] == "epoch-begun"]
            await turn_back()
            self.ledger.put_back(image)
            self.restores.append(HubRestored(marked_at, time.time(), len(begun)))
            stored = await self.site.readings()
            await self.start_hub()
        await self.until(lambda: self.hub.status().get("heard", 0) > 0, "the hub's hearing again")
        return sum(reading["happened_ms"] > marked_at * 1000 for reading in stored)

    async def start_twin(self) -> Hub:
        """Start a second hub on a copy of the first one's card."""
        await self.copy_card()
        self.twins.append(await self.hub.twin(self.directory / "twin", self.directory / "card"))
        await self.twins[-1].start()
        return self.twins[-1]

    async def kill_twins(self) -> None:
        """Switch off all of these."""
        for twin in self.twins:
            await twin.kill()

    async def revoke_hub(self) -> str:
        """Revoke the hub's credential as an operator would; gives what the command said."""
        hub = str(self.hub.status()["hub"])
        trust = command("lum-trust")
        return (
            await call(trust, "revoke", hub, "--reason", "rig", "--dir", str(self.site.directory))
        ).strip()

    async def pause_home(self) -> None:
        """Have all but calls for help and warners paused, as the resident would; the hub goes by it then."""
        async with self._out_of_hearing():
            await self._pause("--for", "1h")
            await self.until(lambda: bool(self.hub.status().get("paused")), "the hub's pausing")
            self.ledger.leave_out(self.hub.status()["paused"])
            self.blind("paused")

    async def resume_home(self) -> None:
        """Have the pause end; the hub hears all again then."""
        async with self._out_of_hearing():
            self.sighted("paused")
            await self._pause("--end")
            await self.until(lambda: self.hub.status().get("paused") == [], "the end of the hub's pausing")
            self.ledger.leave_out(())

    async def _pause(self, *how: str) -> None:
        home, config = self.scenario.home.name, str(self.site.config)
        await call(command("lum-receiver"), "pause", home, *how, "--config", config)

    @contextlib.asynccontextmanager
    async def _out_of_hearing(self) -> AsyncIterator[None]:
        """No sensor reaches the hub: what is delivered to a hub that is stopping is nobody's fault."""
        addresses = self.addresses("all")
        for address in addresses:
            self.air.cut(address, "hub")
        try:
            await asyncio.sleep(LAST_ADVERTS_S)
            yield
        finally:
            for address in addresses:
                self.air.heal(address, "hub")

    def _remember_counts(self) -> None:
        for reason, count in self.hub.status().get("counts", {}).items():
            self._counts[reason] = self._counts.get(reason, 0) + int(count)


@contextlib.asynccontextmanager
async def brought_up(
    scenario: Scenario,
    directory: Path,
    say: Callable[[str], None],
    planted: Mapping[str, str] = {},
    snooper: Snooper | None = None,
) -> AsyncIterator[Bench]:
    """The whole chain, online and silent; ended afterwards whatever happens.

    Args:
        scenario: What is to be played.
        directory: An empty place for all of it.
        say: Told each step.
        planted: Added to the environment of the hub's process.
        snooper: Shown every packet between the hub's controller and its host.

    Raises:
        RigError: a part did not start; names which, with its last words.
    """
    story = ScenarioStory(scenario)
    ledger = Ledger({sensor.address for sensor in story.sensors if sensor.key is not None})
    air = Air(scenario.seed)
    if snooper is not None:
        air.snoopers[HUB_STATION] = snooper
    site = Site(directory / "site", directory / "receiver.log")
    home = SimulatedHome(air, scenario, ledger.transmit)
    visited = VisitedHome(air, scenario, ledger.told)
    nodes = NodeHome(air, scenario, directory / "nodes", ledger.transmit)
    equipment = Equipment()
    say("starts the site")
    await site.create(equipment.host_for(scenario))
    async with contextlib.AsyncExitStack() as stack:
        hub = await equipment.radio(stack, scenario, air, site, directory, planted)
        await equipment.around(stack, scenario, hub, site, directory)
        bench = Bench(scenario, directory, air, ledger, equipment, site, hub, home, visited, nodes)
        air.observe(ledger.deliver)
        air.observe(lambda delivery: bench.hear(delivery.address))
        stack.push_async_callback(site.stop)
        stack.push_async_callback(hub.kill)
        stack.push_async_callback(bench.kill_twins)
        stack.push_async_callback(nodes.stop)
        await site.start()
        say("starts the hub")
        timing = scenario.hub
        await hub.configure(
            story.sensors,
            batch_age_max_s=timing.batch_age_max_s,
            commit_window_max_s=timing.commit_window_max_s,
        )
        await hub.enrol(await site.voucher(story.home))
        await hub.start()
        try:
            await until(lambda: _is_online(hub), "The hub's way to the site", hub.start_wait_s)
            await until(lambda: air.listens(HUB_STATION), "The hub's listening", hub.start_wait_s)
        except RigError as error:
            raise RigError(f"{error} Its last words:\n{hub.process.tail()}") from error
        yield bench


def _is_online(hub: Hub) -> bool:
    if not hub.process.running:
        raise RigError("The hub ended as soon as it was started.")
    return bool(hub.status().get("uplink") == "online")
