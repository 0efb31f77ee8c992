"""READ FIRST (hub): builds the adapters, one TaskGroup, a handful of named tasks.

    listen   radio -> bounded queue of adverts
    keep     queue -> decode, fresh? -> commit (urgent at once) -> cut batches
    uplink   batches -> sealed -> broker; receipts -> forget
    report   status file, watchdog of the service manager

Each task's trouble is looked up in one table (``core/supervision.py``): most is an alarm and
another try; what only a person can mend ends the process with its own exit code.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import structlog

from cloud_sync.errors import EpochOverError
from cloud_sync.sync.sender import Sender
from cloud_sync.uplink import Link, Party, Pulse, Uplink
from cloud_sync.wire.batch import Origin as BatchOrigin
from cloud_sync.wire.batch import Stream, chain_start, content_digest, decode
from cloud_sync.wire.message import SIGNATURE_BYTES, Gone, Head, encode_gone
from device_profiles.advert import Advert
from device_profiles.catalogue import Catalogue
from edge_agent import home
from edge_agent.adapters import authority, systemd
from edge_agent.adapters.clock import Clock
from edge_agent.adapters.outbox import Outbox
from edge_agent.adapters.radio import Radio
from edge_agent.alarms import Alarms
from edge_agent.config import HubConfig
from edge_agent.core.backoff import Backoff
from edge_agent.core.batching import Draft, Origin, drafted
from edge_agent.core.coverage import Coverage
from edge_agent.core.hearing import Hearing
from edge_agent.core.keeping import Keeping
from edge_agent.core.supervision import Action, first_of, sentence, treatment
from edge_agent.errors import OutboxFullError
from edge_agent.status import snapshot, write_status
from zero_trust.envelope import sign_inside

CHECK_PERIOD_S = 5.0  # how often contracts, ages and silences are looked at when nothing happens
RETRY_FIRST_S, RETRY_MAX_S = 1.0, 60.0
RETAIN_PERIOD_S = 600.0
SHED_BYTES = 2**20  # won at a time when the disk is full
EPOCH_BYTES = 8
STEADY_S = 10.0  # what worked for so long starts small again
RENEW_JITTER = 0.1  # of the time until renewal: fleets must not march in step

log = structlog.get_logger()
T = TypeVar("T")


@dataclass(slots=True)
class Hub:
    """Everything the tasks share, built once."""

    config: HubConfig
    clock: Clock
    identity: authority.HubIdentity
    outbox: Outbox
    coverage: Coverage
    hearing: Hearing
    keeping: Keeping
    uplink: Uplink
    alarms: Alarms
    disk: ThreadPoolExecutor  # one thread: SQLite's calls in order, off the event loop
    adverts: asyncio.Queue[Advert]
    chance: random.Random
    committing: asyncio.Lock = field(default_factory=asyncio.Lock)  # one commit at a time
    dropped: int = 0

    async def on_disk(self, call: Callable[..., T], *args: object) -> T:
        """Run a blocking outbox call on its thread."""
        return await asyncio.get_running_loop().run_in_executor(self.disk, call, *args)


async def run(config: HubConfig, clock: Clock, chance: random.Random, stop: asyncio.Event) -> None:
    """Run the hub until ``stop`` is set; then commit, hand over what a short grace allows, and end.

    A new epoch, begun when the cloud's history proves not to be ours, starts everything afresh.

    Raises:
        AgentError: of a kind that ends the process; its exit code says which.
    """
    while not stop.is_set():
        hub = build(config, clock, chance)
        try:
            await live(hub, stop)
        except* EpochOverError as group:
            await settle(hub)
            begin_epoch(hub, group)
        finally:
            hub.disk.shutdown()
            hub.outbox.close()


async def live(hub: Hub, stop: asyncio.Event) -> None:
    """All tasks, until told to stop."""
    async with asyncio.TaskGroup() as tasks:
        hearing = [
            tasks.create_task(supervise(hub, "listen", radio(hub).run), name="listen"),
            tasks.create_task(supervise(hub, "keep", lambda: keep(hub)), name="keep"),
        ]
        others = [
            tasks.create_task(supervise(hub, "uplink", lambda: hand_over(hub)), name="uplink"),
            tasks.create_task(supervise(hub, "retain", lambda: retain(hub)), name="retain"),
            tasks.create_task(report(hub), name="report"),
        ]
        await stop.wait()
        for task in hearing:
            task.cancel()
        await asyncio.wait(hearing)
        await finish(hub)
        for task in others:
            task.cancel()


def build(config: HubConfig, clock: Clock, chance: random.Random) -> Hub:
    """Open what the hub stands on.

    Raises:
        CredentialError: not enrolled.
        ConfigError: a sensor names an unknown model, or its key cannot be read.
        OutboxError: the outbox cannot be opened.
    """
    identity = authority.load_identity(config.state)
    catalogue = Catalogue.load()
    sensors = home.sensors(config, catalogue)
    outbox = Outbox(
        config.state / "outbox.db",
        fresh_epoch=chance.randbytes(EPOCH_BYTES),
        chain_start=lambda epoch, stream: chain_start(identity.hub, epoch, stream),
    )
    coverage = Coverage({address: sensor.liveness for address, sensor in sensors.items()}, clock.boot_ms())
    keeping = Keeping(
        Origin(identity.site, identity.hub, outbox.epoch, clock.boot_id),
        config.outbox.limits,
        {address: sensor.described for address, sensor in sensors.items()},
        coverage,
        sign=lambda body: sign_inside(identity.data_key, body, identity.site, identity.hub),
        committed=outbox.pending(),
        resolution_ms=lambda sensor, kind: sensors[sensor].resolution_ms(kind),
    )
    disk = ThreadPoolExecutor(1, "outbox")
    hub = Hub(
        config=config,
        clock=clock,
        identity=identity,
        outbox=outbox,
        coverage=coverage,
        hearing=Hearing(catalogue, {a: s.assigned for a, s in sensors.items()}, outbox.guards(), coverage),
        keeping=keeping,
        uplink=build_uplink(config, clock, chance, identity, outbox, coverage, disk),
        alarms=Alarms(clock.wall_ms),
        disk=disk,
        adverts=asyncio.Queue(config.radio.adverts_waiting_max),
        chance=chance,
    )
    log.info(
        "hub.started",
        hub=identity.hub,
        home=identity.home,
        sensors=len(sensors),
        waiting=hub.uplink.waiting(),
    )
    return hub


def build_uplink(
    config: HubConfig,
    clock: Clock,
    chance: random.Random,
    identity: authority.HubIdentity,
    outbox: Outbox,
    coverage: Coverage,
    disk: ThreadPoolExecutor,
) -> Uplink:
    """The hub's end of the line, with everything that still waits for a receipt."""
    shelf = outbox.shelf()
    party = Party(
        identity.site,
        identity.hub,
        outbox.epoch,
        clock.boot_id,
        identity.data_key,
        receipt_key=lambda certificate: identity.trust.receipt_key(certificate, clock.wall_ms()),
        previous=outbox.previous,
    )
    return Uplink(
        party,
        Sender(shelf.floors, shelf.receipted, shelf.items, chance.random),
        ShelfOnDisk(outbox, disk, clock, party),
        pulse=lambda: _pulse(coverage, clock),
        heartbeat_period_s=config.heartbeat_period_s,
    )


def radio(hub: Hub) -> Radio:
    """The hub's ear; all it does with an advert is queue it."""

    def hear(advert: Advert) -> None:
        hub.alarms.clear("radio")
        try:
            hub.adverts.put_nowait(advert)
        except asyncio.QueueFull:
            hub.dropped += 1
            hub.alarms.set("adverts", "Adverts come faster than they can be decoded; some were dropped.")

    settings = hub.config.radio
    return Radio(hear, boot_ms=hub.clock.boot_ms, transport=settings.transport, adapter=settings.adapter)


async def supervise(hub: Hub, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run ``work`` again and again; foreseen trouble is treated by the table, a defect ends the process."""
    backoff = Backoff(RETRY_FIRST_S, RETRY_MAX_S, hub.chance.random)
    clock = asyncio.get_running_loop().time
    while True:
        started = clock()
        try:
            await work()
        except Exception as error:
            treated = treatment(error)
            if treated is None or treated.action is Action.STOP:
                raise
            hub.alarms.set(treated.alarm, sentence(error), code=getattr(error, "code", ""))
            log.warning("task.failed", task=name, trouble=str(error), kind=type(error).__name__)
        if clock() - started > STEADY_S:
            backoff.reset()
        await asyncio.sleep(backoff.next_s())


def begin_epoch(hub: Hub, group: BaseExceptionGroup[EpochOverError]) -> None:
    """Number anew all that is still held; readings flow on, and what happened is told."""
    over = first_of(group)
    assert isinstance(over, EpochOverError)  # noqa: S101 - that is the group we asked for
    log.warning("epoch.over", hub=hub.identity.hub, trouble=str(over), told=dict(over.told))

    identity = hub.identity

    def redraft(stream: Stream, signed: bytes, packed: bytes, epoch: bytes) -> Draft:
        body = signed[:-SIGNATURE_BYTES]
        batch = decode(body, identity.site, identity.hub, packed)
        origin = batch.origin or BatchOrigin(batch.epoch, batch.seq, content_digest(body))
        batch = replace(batch, epoch=epoch, origin=origin)
        return drafted(
            batch, stream, lambda body: sign_inside(identity.data_key, body, identity.site, identity.hub)
        )

    hub.outbox.begin_epoch(hub.chance.randbytes(EPOCH_BYTES), over.told, redraft)


async def keep(hub: Hub) -> None:
    """Turn adverts into committed readings, and committed readings into batches."""
    while True:
        await take_adverts(hub)
        try:
            await commit(hub)
        except OutboxFullError as error:
            hub.alarms.set("outbox", sentence(error))
            hub.uplink.let_go(*await hub.on_disk(hub.outbox.shed, SHED_BYTES))


async def retain(hub: Hub) -> None:
    """Let go of what was receipted long ago, and of what is more than the outbox may hold."""
    limits = hub.config.outbox.retention
    while True:
        hub.uplink.let_go(await hub.on_disk(hub.outbox.prune, hub.clock.wall_ms(), limits))
        excess = await hub.on_disk(hub.outbox.size) - limits.outbox_bytes_max
        if excess > 0:
            hub.alarms.set("outbox", "The outbox is full; the oldest readings are let go, each gap by name.")
            hub.uplink.let_go(*await hub.on_disk(hub.outbox.shed, excess))
        await asyncio.sleep(RETAIN_PERIOD_S)


async def take_adverts(hub: Hub) -> None:
    """Wait for an advert, or until a commit or a check is due; then take all that wait."""
    wait_s = hub.keeping.wait_s(hub.clock.boot_ms(), CHECK_PERIOD_S)
    try:
        async with asyncio.timeout(wait_s):
            advert = await hub.adverts.get()
    except TimeoutError:
        return
    take(hub, advert)
    take_waiting(hub)


def take_waiting(hub: Hub) -> None:
    """Take every advert that waits in the queue."""
    while not hub.adverts.empty():
        take(hub, hub.adverts.get_nowait())
    hub.alarms.clear("adverts")


def take(hub: Hub, advert: Advert) -> None:
    """Keep what one advert has to say, if anything."""
    if kept := hub.hearing.hear(advert):
        hub.keeping.take(kept)


async def commit(hub: Hub, *, everything: bool = False) -> None:
    """Commit what is due and cut what is due; hand new batches to the uplink.

    Never cut short: if the disk has taken a change, this process must know it, or it would commit it twice.
    """
    await asyncio.shield(_commit(hub, everything=everything))


async def _commit(hub: Hub, *, everything: bool) -> None:
    async with hub.committing:
        for change in hub.keeping.changes(hub.clock.boot_ms(), hub.clock.anchor, everything=everything):
            committed = await hub.on_disk(hub.outbox.commit, change)
            hub.keeping.done(change, committed)
            hub.alarms.clear("outbox")
            for stream, head in committed.cut:
                hub.uplink.cut(stream, head)


async def hand_over(hub: Hub) -> None:
    """One session with the broker, under a credential fetched for it; ended in time to renew."""
    credential = await asyncio.to_thread(authority.renew, hub.identity)
    hub.alarms.clear("credential")
    link = Link(hub.identity.broker_host, hub.identity.broker_port, credential.context())
    life_s = (credential.renew_at_ms - credential.starts_ms) / 1000
    try:
        async with asyncio.timeout(life_s * (1 - RENEW_JITTER * hub.chance.random())):
            await hub.uplink.session(link)
    except TimeoutError:
        log.info("credential.due", hub=hub.identity.hub)


async def report(hub: Hub) -> None:
    """Say how it goes: the status file, and the service manager's watchdog."""
    systemd.ready()
    while True:
        if hub.uplink.online:
            hub.alarms.clear("uplink")
            hub.alarms.clear("sync")
        write_status(hub.config.status_file, snapshot(hub))
        systemd.alive()
        await asyncio.sleep(hub.config.status_period_s)


async def finish(hub: Hub) -> None:
    """Asked to stop: commit and cut everything, then wait a little for receipts."""
    await settle(hub)
    try:
        async with asyncio.timeout(hub.config.stop_grace_s):
            await hub.uplink.emptied()
    except TimeoutError:
        log.info("hub.stopped", waiting=hub.uplink.waiting())


async def settle(hub: Hub) -> None:
    """Nothing heard stays in memory alone."""
    take_waiting(hub)
    await commit(hub, everything=True)


class ShelfOnDisk:
    """The outbox as the uplink wants it: awaited, on the outbox's own thread."""

    def __init__(self, outbox: Outbox, disk: ThreadPoolExecutor, clock: Clock, party: Party) -> None:
        self._outbox = outbox
        self._disk = disk
        self._clock = clock
        self._party = party

    async def signed(self, stream: Stream, seq: int) -> bytes | None:
        """A batch as signed, if it is still held."""
        return await self._call(self._outbox.signed, stream, seq)

    async def gone(self, stream: Stream, first: int, head: Head) -> bytes:
        """The body of a gone record."""
        lost = await self._call(self._outbox.lost, stream, first, head.seq)
        who = (self._party.site, self._party.hub, self._party.epoch)
        return encode_gone(
            Gone(*who, stream, first, head, lost.reason, lost.readings, lost.from_ms, lost.to_ms)
        )

    async def receipted(self, stream: Stream, head: Head) -> None:
        """The cloud holds a stream up to ``head``."""
        await self._call(self._outbox.receipted, stream, head, self._clock.wall_ms())

    async def _call(self, call: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, call, *args)


def _pulse(coverage: Coverage, clock: Clock) -> Pulse:
    now_ms = clock.boot_ms()
    return Pulse(now_ms, coverage.frame_age_ms(now_ms) // 1000)
