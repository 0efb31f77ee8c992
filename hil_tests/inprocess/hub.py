"""The hub in process: its own tasks on its own outbox, on a clock of ours; it can be killed and started again.

Left out of ``agent.live`` is what needs the system: the status file, the tap, renewal over HTTPS, visits.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cloud_sync.errors import EpochOverError
from cloud_sync.uplink import Link, State, Uplink
from device_profiles.role import Role
from edge_agent import agent
from edge_agent.adapters.clock import Clock
from edge_agent.adapters.sensor_store import SensorStore
from edge_agent.config import HubConfig, OutboxConfig
from edge_agent.hub import Hub, assemble
from edge_agent.roster import VERSION, Entry, Roster
from hil_tests.home_clock import BEGINS_S
from hil_tests.inprocess.ear import STATION, AirRadio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from device_profiles.advert import Advert
    from edge_agent.adapters.identity import HubIdentity
    from hil_tests.inprocess.loop import ThreadlessLoop
    from hil_tests.rig.air import Air
    from hil_tests.rig.hub import SensorEntry
    from hil_tests.scenario import HubPlan

MOMENT_S = 0.001  # a kill comes so long after what else happens at its time
STOP_GRACE_S = 10.0  # so long a hub that is asked to stop waits for its site, over processes too
BOOT_ID_BYTES = 16


def wall_s() -> float:
    """The story's wall clock."""
    return BEGINS_S + asyncio.get_running_loop().time()


class VirtualClock(Clock):
    """Told by the running loop: of a kernel that started with the story, and whose wall clock is right."""

    def __init__(self, boot_id: bytes) -> None:
        self.boot_id = boot_id

    def boot_ms(self) -> int:
        """Milliseconds since the story began."""
        return round(asyncio.get_running_loop().time() * 1000)

    def wall_ms(self) -> int:
        """The same on the wall clock."""
        return BEGINS_S * 1000 + self.boot_ms()

    def synchronised(self) -> bool:
        """It always is."""
        return True


@dataclass(frozen=True, slots=True)
class Life:
    """What a life of the hub knew when it ended."""

    counts: Counter[str]
    uncommitted: int
    uncut: int
    waiting: int


class VirtualHub:
    """One hub with its disk in ``directory``; it lives one life after the other."""

    def __init__(
        self, directory: Path, air: Air, identity: HubIdentity, uplink: type[Uplink], timing: HubPlan
    ) -> None:
        self._directory = directory
        self._state = directory / "state"
        self._air = air
        self._identity = identity
        self._uplink = uplink
        self._timing = timing
        self._clock = VirtualClock(air.stream("boot").randbytes(BOOT_ID_BYTES))
        self._chance = air.stream("chance")
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._hub: Hub | None = None
        self.lives: list[Life] = []  # those that have ended

    def configure(self, sensors: Sequence[SensorEntry]) -> None:
        """Add the sensors, as its commands do."""
        store = SensorStore(self._state)
        with store.changing():
            for sensor in sensors:
                if sensor.key is not None:
                    store.keep_key(sensor.address, sensor.key)
            store.keep(Roster(version=VERSION, sensors=tuple(map(_entry, sensors))))

    # What it says of itself.

    def idle(self) -> bool:
        """Whether it is online and every batch has its receipt."""
        return self.online and self._hub is not None and not self._hub.uplink.waiting()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._hub is not None

    @property
    def online(self) -> bool:
        """Whether the site's cursor is believed."""
        return self._hub is not None and self._hub.uplink.state is State.ONLINE

    @property
    def waiting(self) -> int:
        """Batches without a receipt."""
        return self._hub.uplink.waiting() if self._hub else 0

    def standing(self) -> list[str]:
        """Names of the alarms that stand now."""
        return [str(alarm["name"]) for alarm in self._hub.alarms.standing()] if self._hub else []

    def counts(self) -> Counter[str]:
        """What became of adverts, by reason, in all its lives."""
        counts: Counter[str] = Counter()
        for life in self.lives:
            counts += life.counts
        return counts + self._hub.hearing.counts if self._hub else counts

    # What is done to it.

    def start(self) -> None:
        """Begin a life with what is on the disk."""
        self._stop = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._live(self._stop), name="hub")

    async def stop(self) -> Life:
        """Ask it to end: it commits and hands over what it can. What it knew then."""
        self._stop.set()
        return await self._end()

    async def kill(self) -> Life:
        """End it between two of its steps; of its disk the files are left as they are now. What it knew."""
        loop = cast("ThreadlessLoop", asyncio.get_running_loop())
        await asyncio.sleep(MOMENT_S)
        # A death in mid-write is for processes. What was heard meanwhile may be written next.
        while loop.time() < loop.blocked_until_s:  # noqa: ASYNC110 - no polling: it wakes when that is over
            await asyncio.sleep(loop.blocked_until_s - loop.time() + MOMENT_S)
        self._air.deaf.add(STATION)
        left = self._directory / f"state-{len(self.lives) + 1}"
        shutil.copytree(self._state, left)
        self._state = left  # what the dying tasks may still write goes to the old place
        if self._task is not None:
            self._task.cancel()
        life = await self._end()
        self._air.deaf.discard(STATION)
        return life

    async def _end(self) -> Life:
        if self._task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        return self.lives[-1]

    # How it lives.

    async def _live(self, stop: asyncio.Event) -> None:
        """As ``agent.run``."""
        while not stop.is_set():
            self._hub = hub = assemble(
                self._config(), self._clock, self._chance, self._identity, self._uplink
            )
            try:
                await self._work(hub, stop)
            except* EpochOverError as group:
                await agent.settle(hub)
                agent.begin_epoch(hub, group)
            finally:
                self.lives.append(_life(hub))
                self._hub = None
                hub.disk.shutdown()
                hub.outbox.close()

    async def _work(self, hub: Hub, stop: asyncio.Event) -> None:
        """As ``agent.live``."""
        ear = self._ear(hub)
        async with asyncio.TaskGroup() as tasks:
            hearing = [
                tasks.create_task(agent.supervise(hub, "listen", ear.run)),
                tasks.create_task(agent.supervise(hub, "keep", lambda: agent.keep(hub))),
            ]
            others = [
                tasks.create_task(agent.supervise(hub, "uplink", lambda: _hand_over(hub))),
                tasks.create_task(agent.supervise(hub, "retain", lambda: agent.retain(hub))),
                tasks.create_task(_report(hub)),
            ]
            await stop.wait()
            for task in hearing:
                task.cancel()
            await asyncio.wait(hearing)
            await agent.finish(hub)
            for task in others:
                task.cancel()

    def _ear(self, hub: Hub) -> AirRadio:
        def hear(advert: Advert) -> None:
            hub.alarms.clear("radio")
            hub.put(advert)

        return AirRadio(hear, self._air, boot_ms=hub.clock.boot_ms)

    def _config(self) -> HubConfig:
        return HubConfig(
            state_dir=str(self._state),
            stop_grace_s=STOP_GRACE_S,
            outbox=OutboxConfig(
                commit_window_max_s=self._timing.commit_window_max_s,
                batch_age_max_s=self._timing.batch_age_max_s,
            ),
        )


async def _hand_over(hub: Hub) -> None:
    """One session, without a credential: nobody asks for one on this line."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    await hub.uplink.session(Link(hub.identity.broker_host, hub.identity.broker_port, tls))


async def _report(hub: Hub) -> None:
    """What ``agent.report`` does about alarms, without its file."""
    while True:
        if hub.uplink.online:
            hub.alarms.clear("uplink")
            hub.alarms.clear("sync")
        agent.doubt(hub)
        await asyncio.sleep(hub.config.status_period_s)


def _life(hub: Hub) -> Life:
    return Life(Counter(hub.hearing.counts), hub.keeping.uncommitted, hub.keeping.uncut, hub.uplink.waiting())


def _entry(sensor: SensorEntry) -> Entry:
    return Entry(
        address=sensor.address,
        name=sensor.name,
        room=sensor.room,
        role=Role(sensor.role),
        model=sensor.model,
        contract=sensor.contract,
        encrypted=sensor.key is not None,
    )
