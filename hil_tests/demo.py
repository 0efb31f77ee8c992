"""One home, the whole chain, every joint real: what ``lum-hil demo`` runs. READ FIRST of the rig.

    simulated sensors ~ virtual radio ~ HCI socket > lum-hub > broker > intake > store > page

It watches its own ledger all along and judges at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from hil_tests.ledger import Balance, Ledger, explained
from hil_tests.rig.air import Air
from hil_tests.rig.beacons import SimulatedHome
from hil_tests.rig.errors import RigError
from hil_tests.rig.hci_server import HciServer
from hil_tests.rig.hub import Hub, SensorEntry
from hil_tests.rig.process import Usage, until
from hil_tests.rig.site import Site
from hil_tests.scenario import Scenario
from hil_tests.trace import Replay, Trace

COMMIT_WINDOW_MAX_S = 5.0
BATCH_AGE_MAX_S = 10.0
ONLINE_WAIT_S = 30.0
DRAIN_WAIT_S = 120.0
LAST_ADVERTS_S = 0.5  # from the last advert sent until the hub has taken it
SETTLE_S = 12.0  # no kill so soon after the start, nor so late that nothing could follow
KILLED = ("hub", "intake", "broker")


class Story(Protocol):
    """What goes on in the home, as seen by the rig."""

    @property
    def home(self) -> str:
        """Id of the home."""

    @property
    def sensors(self) -> list[SensorEntry]:
        """What the hub must be told of its sensors."""

    async def tell(self, air: Air, ledger: Ledger, for_s: float | None) -> None:
        """Put it on the air; return when it is over, or after ``for_s`` seconds."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One SIGKILL that was carried out."""

    what: str
    pid: int
    at: float


@dataclass(slots=True)
class Run:
    """A demo in progress: what a screen shows."""

    hub: Hub
    site: Site
    air: Air
    ledger: Ledger
    page: str
    started_at: float
    kills: list[Kill] = field(default_factory=list)
    peak_rss_mb: float = 0.0


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
            await _tell(story, settings, running, stop)
            say("The story is over. Waiting until the hub has handed over everything ...")
            await _drain(running)
            watching.cancel()
            usage = running.hub.usage()
            heard = running.hub.heard()
            await running.hub.stop()
            return await _judge(running, usage, heard)


@contextlib.asynccontextmanager
async def _chain(
    directory: Path, story: Story, settings: Settings, say: Callable[[str], None]
) -> AsyncIterator[Run]:
    """Everything started, enrolled and online; everything ended afterwards."""
    ledger, air = Ledger(), Air(settings.seed)
    air.observe(ledger.deliver)
    socket = directory / "hci.sock"
    site = Site(directory / "site", directory / "receiver.log")
    hub = Hub(directory / "hub", directory / "hub.log", f"unix-client:{socket}")
    say("Making a site: root, authorities, keys ...")
    await site.create()
    async with HciServer(air, socket), contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(site.stop)
        say("Starting broker, authority, intake, watch and portal ...")
        await site.start()
        say("Enrolling the hub with a voucher ...")
        hub.configure(story.sensors, batch_age_max_s=BATCH_AGE_MAX_S, commit_window_max_s=COMMIT_WINDOW_MAX_S)
        await hub.enrol(await site.voucher(story.home))
        say("Starting the hub ...")
        stack.push_async_callback(hub.process.stop)
        await hub.start()
        await _online(hub)
        page = await site.link(story.home)
        say(f"The page: {page}")
        yield Run(hub, site, air, ledger, page, time.time())


async def _online(hub: Hub) -> None:
    try:
        await until(
            lambda: hub.status().get("uplink") == "online", "The hub's way to the site", ONLINE_WAIT_S
        )
    except RigError as error:
        raise RigError(f"{error} Its last words:\n{hub.process.tail()}") from error


async def _tell(story: Story, settings: Settings, running: Run, stop: asyncio.Event) -> None:
    """The story, with chaos beside it if asked for, until it ends or somebody stops it."""
    telling = asyncio.create_task(story.tell(running.air, running.ledger, settings.for_s))
    stopping = asyncio.create_task(stop.wait())
    chaos = asyncio.create_task(_chaos(running, settings)) if settings.chaos and settings.for_s else None
    await asyncio.wait({telling, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in filter(None, (telling, stopping, chaos)):
        task.cancel()
    for result in await asyncio.gather(*filter(None, (telling, chaos)), return_exceptions=True):
        if isinstance(result, Exception):
            raise result
    await asyncio.sleep(LAST_ADVERTS_S)


def plan_kills(seed: int, for_s: float) -> list[tuple[float, str]]:
    """When to kill what: each at least twice, at seeded moments, sorted by time."""
    moments = random.Random(f"{seed}/kills")
    end = for_s - SETTLE_S
    return sorted((moments.uniform(SETTLE_S, end), what) for what in KILLED for _ in range(2))


async def _chaos(running: Run, settings: Settings) -> None:
    began = asyncio.get_running_loop().time()
    for at_s, what in plan_kills(settings.seed, settings.for_s or 0.0):
        await asyncio.sleep(max(0.0, began + at_s - asyncio.get_running_loop().time()))
        if what == "hub":
            pid = running.hub.process.pid
            await running.hub.kill()
            running.kills.append(Kill(what, pid, time.time()))
            await running.hub.start()  # as the service manager would
        else:
            await until(lambda role=what: _kill(running, role), f"A running {what}", 10)  # type: ignore[misc]


def _kill(running: Run, role: str) -> bool:
    pid = running.site.kill(role)
    if pid is not None:
        running.kills.append(Kill(role, pid, time.time()))
    return pid is not None


async def _watch(running: Run, screen: Callable[[Run], Coroutine[Any, Any, None]]) -> None:
    """Keep an eye on the hub's memory while the screen shows what goes on."""
    showing = asyncio.create_task(screen(running))
    try:
        while True:
            running.peak_rss_mb = max(running.peak_rss_mb, running.hub.usage().rss_mb)
            await asyncio.sleep(1)
    finally:
        showing.cancel()


async def _drain(running: Run) -> None:
    """Until every batch has its receipt; what is not yet cut the hub hands over when it is asked to stop."""

    def empty() -> bool:
        status = running.hub.status()
        return status.get("uplink") == "online" and status["waiting"] == 0

    with contextlib.suppress(RigError):  # what is still missing then shows in the balance
        await until(empty, "Handing over", DRAIN_WAIT_S)


async def _judge(running: Run, usage: Usage, heard: int) -> dict[str, Any]:
    status = await running.site.status()
    stored = await running.site.readings()
    hub_kills = [kill.at for kill in running.kills if kill.what == "hub"]
    balance = running.ledger.balance(stored, hub_kills, COMMIT_WINDOW_MAX_S)
    seconds = time.time() - running.started_at
    return {
        "seconds": round(seconds, 1),
        "heard": heard,
        "delivered": balance.delivered,
        "stored": balance.stored,
        "lost": len(balance.lost),
        "duplicated": len(balance.duplicated),
        "refused": status["refused"],
        "in_window": len(balance.in_window),
        "urgent_ms": {"p50": _quantile(balance.urgent_ms, 0.5), "p99": _quantile(balance.urgent_ms, 0.99)},
        "urgent": len(balance.urgent_ms),
        "bytes_per_reading": round(status["message_bytes"] / max(1, status["readings"]), 1),
        "batches": status["batches"],
        "hub_rss_mb": round(running.peak_rss_mb, 1),
        "hub_cpu_percent": round(100 * (running.hub.cpu_s or usage.cpu_s) / seconds, 1),
        "kills": [
            {"what": kill.what, "pid": kill.pid, "at_s": round(kill.at - running.started_at, 1)}
            for kill in running.kills
        ],
        "missing": explained((*balance.lost, *balance.in_window)),
        "ok": good(balance, status),
    }


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
                self._scenario.key_of(plan),
            )
            for plan in self._scenario.sensors
        ]

    async def tell(self, air: Air, ledger: Ledger, for_s: float | None) -> None:
        """Let the home live for a while."""
        home = SimulatedHome(air, self._scenario, ledger.transmit)
        home.start()
        try:
            await asyncio.sleep(for_s or self._scenario.duration_s)
        finally:
            home.stop()


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

    async def tell(self, air: Air, ledger: Ledger, for_s: float | None) -> None:
        """Replay it, to its end or for so long."""
        replay = Replay(air, self._trace, ledger.transmit, speed=self._speed)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(for_s):
                await replay.run()
