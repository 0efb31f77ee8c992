"""One home, the whole chain, every joint real: what ``lum-hil demo`` runs. READ FIRST of the rig.

    simulated sensors ~ virtual radio ~ HCI socket > lum-hub > broker > intake > store > page

It watches its own ledger all along and judges at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hil_tests.chaos import LAST_ADVERTS_S, Chaos, HubRestored, StoreRestored, plan, unproven
from hil_tests.ledger import Balance, Ledger, explained
from hil_tests.replay import Replay, Trace
from hil_tests.rig.air import Air
from hil_tests.rig.beacons import EVENT_BURST_S, PERIODIC_GAP_S, SimulatedHome
from hil_tests.rig.errors import RigError
from hil_tests.rig.hci_server import HciServer
from hil_tests.rig.hub import ROLES, Hub, SensorEntry
from hil_tests.rig.process import until
from hil_tests.rig.site import Site
from hil_tests.rig.visited import VisitedHome
from hil_tests.scenario import Scenario

COMMIT_WINDOW_MAX_S = 5.0
BATCH_AGE_MAX_S = 10.0
ONLINE_WAIT_S = 30.0
DRAIN_WAIT_S = 120.0


class Story(Protocol):
    """What goes on in the home, as seen by the rig."""

    @property
    def home(self) -> str:
        """Id of the home."""

    @property
    def sensors(self) -> list[SensorEntry]:
        """What the hub must be told of its sensors."""

    @property
    def burst_s(self) -> float:
        """How long a sensor repeats one transmission at most."""

    async def tell(self, air: Air, ledger: Ledger, for_s: float | None) -> None:
        """Put it on the air; return when it is over, or after ``for_s`` seconds."""


@dataclass(slots=True)
class Run:
    """A demo in progress: what a screen shows."""

    hub: Hub
    site: Site
    air: Air
    ledger: Ledger
    page: str
    started_at: float
    chaos: Chaos
    models: Mapping[str, str]  # of each sensor, by address
    peak_rss_mb: float = 0.0

    def second(self, at: float) -> float:
        """A wall time as seconds since the start."""
        return round(at - self.started_at, 1)


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run it."""

    seed: int
    for_s: float | None  # None: until told to stop, or until the story ends
    chaos: bool = False


async def run(
    story: Story,
    settings: Settings,
    *,
    say: Callable[[str], None],
    screen: Callable[[Run], Coroutine[Any, Any, None]],
    stop: asyncio.Event,
) -> dict[str, Any]:
    """Run the story through the chain; returns the result as plain facts (see README).

    Raises:
        RigError: a part did not start; names which.
    """
    with tempfile.TemporaryDirectory(prefix="lum-") as name:
        async with _chain(Path(name), story, settings, say) as running:
            watching = asyncio.create_task(_watch(running, screen))
            try:
                await _tell(story, settings, running, stop)
                say("The story is over. Waiting until the hub has handed over everything ...")
                await _drain(running.hub)
            finally:
                watching.cancel()
            await running.hub.stop()
            return await _judge(running)


@contextlib.asynccontextmanager
async def _chain(
    directory: Path, story: Story, settings: Settings, say: Callable[[str], None]
) -> AsyncIterator[Run]:
    """Everything started, enrolled and online; everything ended afterwards."""
    ledger = Ledger({sensor.address for sensor in story.sensors if sensor.key is not None})
    air = Air(settings.seed)
    air.observe(ledger.deliver)
    socket = directory / "hci.sock"
    site = Site(directory / "site", directory / "receiver.log")
    hub = Hub(directory / "hub", directory / "hub.log", f"unix-client:{socket}")
    addresses = [sensor.address for sensor in story.sensors]
    chaos = Chaos(hub, site, air, ledger, directory, addresses, story.burst_s, COMMIT_WINDOW_MAX_S)
    say("Making a site: root, authorities, keys ...")
    await site.create()
    async with HciServer(air, socket), _ended(site.stop, site.kill_all), _ended(hub.stop, hub.kill):
        say("Starting broker, authority, intake, watch, guard, notify and portal ...")
        await site.start()
        say("Enrolling the hub with a voucher ...")
        await hub.configure(
            story.sensors, batch_age_max_s=BATCH_AGE_MAX_S, commit_window_max_s=COMMIT_WINDOW_MAX_S
        )
        await hub.enrol(await site.voucher(story.home))
        say("Starting the hub ...")
        await hub.start()
        await _online(hub)
        page = await site.link(story.home)
        say(f"The page: {page}")
        models = {sensor.address: sensor.model for sensor in story.sensors}
        yield Run(hub, site, air, ledger, page, time.time(), chaos, models)


@contextlib.asynccontextmanager
async def _ended(
    in_order: Callable[[], Awaitable[object]], at_once: Callable[[], Awaitable[object]]
) -> AsyncIterator[None]:
    """Whatever happens, this part is ended: in good order, but at once if the run is broken off."""
    try:
        yield
    except asyncio.CancelledError:
        await at_once()
        raise
    finally:
        await in_order()


async def _online(hub: Hub) -> None:
    try:
        await until(
            lambda: hub.status().get("uplink") == "online", "The hub's way to the site", ONLINE_WAIT_S
        )
    except RigError as error:
        raise RigError(f"{error} Its last words:\n{hub.process.tail()}") from error


async def _tell(story: Story, settings: Settings, running: Run, stop: asyncio.Event) -> None:
    """The story, with chaos beside it if asked for, until it ends or somebody stops it."""
    moments = plan(settings.seed, settings.for_s) if settings.chaos and settings.for_s else ()
    over = asyncio.Event()
    telling = asyncio.create_task(story.tell(running.air, running.ledger, settings.for_s))
    stopping = asyncio.create_task(stop.wait())
    chaos = asyncio.create_task(running.chaos.play(moments, over))
    try:
        await asyncio.wait({telling, stopping}, return_when=asyncio.FIRST_COMPLETED)
        over.set()
        telling.cancel()
        for result in await asyncio.gather(telling, chaos, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
    finally:
        for task in (telling, stopping, chaos):  # nothing must start the hub again once it is ended
            task.cancel()
    await asyncio.sleep(LAST_ADVERTS_S)


async def _watch(running: Run, screen: Callable[[Run], Coroutine[Any, Any, None]]) -> None:
    """Keep an eye on the hub's memory while the screen shows what goes on."""
    showing = asyncio.create_task(screen(running))
    try:
        while True:
            running.peak_rss_mb = max(running.peak_rss_mb, running.hub.usage().rss_mb)
            await asyncio.sleep(1)
    finally:
        showing.cancel()


async def _drain(hub: Hub) -> None:
    """Until every batch has its receipt; what is not yet cut the hub hands over when it is asked to stop."""
    with contextlib.suppress(RigError):  # what is still missing then shows in the balance
        await until(hub.idle, "Handing over", DRAIN_WAIT_S)


async def _judge(running: Run) -> dict[str, Any]:
    chaos, hub = running.chaos, running.hub
    status = await running.site.status()
    status |= {what: status[what] + forgot for what, forgot in chaos.forgot.items()}
    stored = await running.site.readings()
    balance = running.ledger.balance(stored, chaos.hub_kills, COMMIT_WINDOW_MAX_S)
    invalid = [*chaos.doubts, *unproven(chaos.restores, stored, await running.site.incidents())]
    seconds = time.time() - running.started_at
    return {
        "seconds": round(seconds, 1),
        "heard": hub.heard(),
        "delivered": balance.delivered,
        "stored": balance.stored,
        "lost": len(balance.lost),
        "duplicated": len(balance.duplicated),
        "refused": status["refused"],
        "in_window": len(balance.in_window),
        "coincided": len(balance.coincided),
        "urgent_ms": {"p50": _quantile(balance.urgent_ms, 0.5), "p99": _quantile(balance.urgent_ms, 0.99)},
        "urgent": len(balance.urgent_ms),
        "bytes_per_reading": round(status["message_bytes"] / max(1, status["readings"]), 1),
        "models": dict(Counter(running.models[reading["sensor"]] for reading in stored)),
        "batches": status["batches"],
        "hub_rss_mb": round(running.peak_rss_mb, 1),
        "hub_cpu_percent": round(100 * hub.cpu_s / seconds, 1),
        "kills": [
            {"what": kill.what, "pid": kill.pid, "at_s": running.second(kill.at)} for kill in chaos.kills
        ],
        "restores": [_told(running, restore) for restore in chaos.restores],
        "refusals": [f"{refusal['where']}: {refusal['code']}" for refusal in status["refusals"]],
        "missing": explained((*balance.lost, *balance.in_window, *balance.coincided)),
        "invalid": invalid,
        "ok": good(balance, status) and not invalid,
    }


def _told(running: Run, restore: StoreRestored | HubRestored) -> dict[str, Any]:
    """A restore as plain facts."""
    copied_s, at_s = running.second(restore.copied_at), running.second(restore.at)
    if isinstance(restore, StoreRestored):
        lacked = restore.forgotten.total()
        return {"what": "store", "backup_at_s": copied_s, "at_s": at_s, "lacked": lacked}
    return {"what": "hub", "image_at_s": copied_s, "at_s": at_s}


def good(balance: Balance, status: dict[str, Any]) -> bool:
    """Balanced, and nothing was refused."""
    return balance.balanced and status["refused"] == 0 and status["forks"] == 0


def _quantile(values: tuple[float, ...], part: float) -> float | None:
    return round(values[min(len(values) - 1, int(len(values) * part))], 1) if values else None


class ScenarioStory:
    """A scripted home."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    @property
    def home(self) -> str:
        """Id of the home."""
        return self._scenario.home.name

    @property
    def sensors(self) -> list[SensorEntry]:
        """Every sensor of the scenario."""
        return [
            SensorEntry(
                plan.address,
                plan.name.replace("-", " ").capitalize(),
                plan.room,
                plan.model,
                plan.liveness,
                ROLES[plan.behaviour],
                self._scenario.key_of(plan),
            )
            for plan in self._scenario.sensors
        ]

    @property
    def burst_s(self) -> float:
        """The longest burst of all its sensors."""
        periodic_copies = max(plan.periodic_copies for plan in self._scenario.sensors)
        return max(EVENT_BURST_S, periodic_copies * PERIODIC_GAP_S)

    async def tell(self, air: Air, ledger: Ledger, for_s: float | None) -> None:
        """Let the home live for a while."""
        home = SimulatedHome(air, self._scenario, ledger.transmit)
        visited = VisitedHome(air, self._scenario, ledger.told)
        home.start()
        try:
            await visited.start()
            await asyncio.sleep(for_s or self._scenario.duration_s)
        finally:
            home.stop()
            visited.stop()


class TraceStory:
    """A recorded home, replayed."""

    def __init__(self, trace: Trace, speed: float) -> None:
        self._trace = trace
        self._speed = speed

    @property
    def home(self) -> str:
        """Id of the home."""
        return "recorded"

    @property
    def sensors(self) -> list[SensorEntry]:
        """Every sensor of the trace; the recording says nothing of rooms."""
        return [SensorEntry(s.address, s.name, "", s.model, s.contract) for s in self._trace.sensors]

    @property
    def burst_s(self) -> float:
        """A replay sends everything once."""
        return 0.0

    async def tell(self, air: Air, ledger: Ledger, for_s: float | None) -> None:
        """Replay it, to its end or for so long."""
        replay = Replay(air, self._trace, ledger.transmit, speed=self._speed)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(for_s):
                await replay.run()
