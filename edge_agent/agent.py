"""READ FIRST (hub): one TaskGroup, a handful of named tasks, over what ``hub.py`` builds.

    listen   radio -> bounded queue of adverts
    visit    sensors that must be connected to -> the same queue
    keep     queue -> decode, fresh? -> commit (urgent at once) -> cut batches
    uplink   batches -> sealed -> broker; receipts -> forget
    share    what the radio hears -> commands that listen along
    report   status file, watchdog of the service manager, whether the home's sensors were changed

Each task's trouble is looked up in one table (``core/supervision.py``): most is an alarm and
another try; what only a person can mend ends the process with its own exit code.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from cloud_sync.errors import EpochOverError, LinkError
from cloud_sync.uplink import Link
from cloud_sync.wire.batch import Origin, Stream, content_digest, decode
from cloud_sync.wire.message import SIGNATURE_BYTES
from cloud_sync.wire.setting import Pause, pack_pauses
from device_profiles.advert import Advert
from device_profiles.role import Role
from edge_agent.adapters import authority, systemd
from edge_agent.adapters.clock import Clock
from edge_agent.adapters.radio import Radio
from edge_agent.adapters.sensor_store import SensorStore
from edge_agent.adapters.tap import Tap
from edge_agent.config import HubConfig
from edge_agent.core.backoff import Backoff
from edge_agent.core.batching import Draft, drafted
from edge_agent.core.hearing import Told
from edge_agent.core.supervision import Action, first_of, sentence, treatment
from edge_agent.errors import (
    OutboxFullError,
    PauseError,
    RosterError,
    SensorsChangedError,
    TapError,
    UplinkError,
)
from edge_agent.hub import EPOCH_BYTES, Hub, build
from edge_agent.status import snapshot, write_status
from edge_agent.visits import visit
from edge_agent.words import ago_words
from zero_trust.envelope import sign_inside, sign_tagged
from zero_trust.errors import KeyStoreError
from zero_trust.reasons import reason

RETRY_FIRST_S, RETRY_MAX_S = 1.0, 60.0
RETAIN_PERIOD_S = 600.0
SHED_BYTES = 2**20  # won at a time when the disk is full
FULL_FIRST_S, FULL_MAX_S = 0.1, 5.0  # between attempts while the disk is full
STEADY_S = 10.0  # what worked for so long starts small again
TRIAL_TAG = b"lum-trial-1\0"  # of no message that anybody reads
CLOCK_WRONG_S = 5.0  # said from so much on
HELD_PERIOD_S, STANDING_PERIOD_S = 30.0, 3600.0  # how often a hub asks how it stands

OWN_STAYS = (Role.HAZARD.value, Role.HELP.value)  # of a pause asked for at the hub

log = structlog.get_logger()


async def run(config: HubConfig, clock: Clock, chance: random.Random, stop: asyncio.Event) -> None:
    """Run the hub until ``stop`` is set; then commit, hand over what a short grace allows, and end.

    A new epoch (the cloud's history proved not to be ours), or other sensors in the home, start it afresh.

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
        except* SensorsChangedError:
            await settle(hub)
            log.info("sensors.changed", hub=hub.identity.hub, sensors=len(hub.sensors))
        finally:
            hub.disk.shutdown()
            hub.outbox.close()


async def live(hub: Hub, stop: asyncio.Event) -> None:
    """All tasks, until told to stop."""
    tap = Tap(hub.config.socket, lambda address: confirm(hub, address), lambda for_s: pause(hub, for_s))
    ear = radio(hub, tap)
    async with asyncio.TaskGroup() as tasks:
        hearing = [
            tasks.create_task(supervise(hub, "listen", ear.run), name="listen"),
            tasks.create_task(supervise(hub, "visit", lambda: visit(hub, ear)), name="visit"),
            tasks.create_task(supervise(hub, "keep", lambda: keep(hub)), name="keep"),
        ]
        others = [
            tasks.create_task(supervise(hub, "uplink", lambda: hand_over(hub)), name="uplink"),
            tasks.create_task(supervise(hub, "retain", lambda: retain(hub)), name="retain"),
            tasks.create_task(supervise(hub, "standing", lambda: ask_standing(hub)), name="standing"),
            tasks.create_task(share(hub, tap), name="share"),
            tasks.create_task(report(hub), name="report"),
        ]
        await stop.wait()
        for task in hearing:
            task.cancel()
        await asyncio.wait(hearing)
        await finish(hub)
        for task in others:
            task.cancel()


def radio(hub: Hub, tap: Tap) -> Radio:
    """The hub's ear; all it does with an advert is queue it, and pass it on to who listens along."""

    def hear(advert: Advert) -> None:
        hub.alarms.clear("radio")
        tap.hear(advert)
        hub.put(advert)

    settings = hub.config.radio
    return Radio(
        hear,
        boot_ms=hub.clock.boot_ms,
        transport=settings.transport,
        adapter=settings.adapter,
        active=settings.active,
    )


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
        origin = batch.origin or Origin(batch.epoch, batch.seq, content_digest(body))
        batch = replace(batch, epoch=epoch, origin=origin)
        return drafted(
            batch, stream, lambda body: sign_inside(identity.data_key, body, identity.site, identity.hub)
        )

    hub.outbox.begin_epoch(hub.chance.randbytes(EPOCH_BYTES), over.told, redraft)


async def keep(hub: Hub) -> None:
    """Turn adverts into committed readings, and committed readings into batches."""
    backoff = Backoff(FULL_FIRST_S, FULL_MAX_S, hub.chance.random)
    while True:
        await take_adverts(hub)
        try:
            await commit(hub)
        except OutboxFullError as error:
            hub.alarms.set("outbox", sentence(error))
            hub.uplink.let_go(*await hub.on_disk(hub.outbox.shed, SHED_BYTES))
            await asyncio.sleep(backoff.next_s())  # others may have filled the disk, for long
        else:
            backoff.reset()


async def retain(hub: Hub) -> None:
    """Let go of what was receipted long ago, and of what is more than the outbox may hold."""
    limits = hub.config.outbox.retention
    while True:
        hub.uplink.let_go(await hub.on_disk(hub.outbox.prune, hub.site_clock.now_ms(), limits))
        excess = await hub.on_disk(hub.outbox.size) - limits.outbox_bytes_max
        if excess > 0:
            hub.alarms.set("outbox", "The outbox is full; the oldest readings are let go, each gap by name.")
            hub.uplink.let_go(*await hub.on_disk(hub.outbox.shed, excess))
        if not await hub.on_disk(hub.outbox.lay_ballast):
            hub.alarms.set("outbox", "The card is nearly full: the outbox has nothing in reserve; make room.")
        await asyncio.sleep(RETAIN_PERIOD_S)


async def take_adverts(hub: Hub) -> None:
    """Take what is heard until there is something to commit, or to cut."""
    now_ms = hub.clock.boot_ms()
    hub.hearing.rest(now_ms)
    due_ms = hub.keeping.next_ms()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0, due_ms - now_ms) / 1000):
            while hub.keeping.next_ms() >= due_ms:
                take(hub, await hub.heard.get())
                take_waiting(hub)


def take_waiting(hub: Hub) -> None:
    """Take everything that waits in the queue."""
    while not hub.heard.empty():
        take(hub, hub.heard.get_nowait())
    hub.alarms.clear("adverts")


def take(hub: Hub, heard: Advert | Told) -> None:
    """Keep what one advert, or one value told over a connection, has to say, if anything."""
    if isinstance(heard, Advert):
        hub.visiting.seen(heard.address, heard.heard_ms)
        kept = hub.hearing.hear(heard)
    else:
        kept = hub.hearing.told(heard)
    if kept:
        hub.keeping.take(kept)


async def commit(hub: Hub, *, everything: bool = False) -> None:
    """Commit what is due and cut what is due; hand new batches to the uplink.

    Never cut short: if the disk has taken a change, this process must know it, or it would commit it twice.
    """
    if everything or hub.keeping.due(hub.clock.boot_ms()):
        await asyncio.shield(_commit(hub, everything=everything))


async def _commit(hub: Hub, *, everything: bool) -> None:
    async with hub.committing:
        for change in hub.keeping.changes(hub.clock.boot_ms(), hub.site_clock.anchor, everything=everything):
            committed = await hub.on_disk(hub.outbox.commit, change)
            hub.keeping.done(change, committed)
            if "outbox" in hub.alarms and await hub.on_disk(hub.outbox.lay_ballast):
                hub.alarms.clear("outbox")  # not while it lives on its reserve
            for stream, head in committed.cut:
                hub.uplink.cut(stream, head)


async def hand_over(hub: Hub) -> None:
    """One session with the broker, under the credential in hand; ended in time to renew."""
    await hub.site_clock.ask()
    credential = await hub.credentials.good()
    hub.alarms.clear("credential")
    stands(hub, credential.held)
    link = Link(hub.identity.broker_host, hub.identity.broker_port, credential.context(hub.site_clock.now_ms))
    try:
        async with asyncio.timeout(hub.credentials.due_s()):
            await hub.uplink.session(link)
    except TimeoutError:
        log.info("credential.due", hub=hub.identity.hub)
    except LinkError as error:
        if error.code == "broker-not-admitted":
            hub.credentials.superseded()
        hub.identity.bundle.doubted = (
            True  # a certificate of the broker's that is not believed looks like this too
        )
        raise


def stands(hub: Hub, code: str) -> None:
    """Say whether operations must confirm this hub before it is believed."""
    if code:
        words = reason(code)
        hub.alarms.set("standing", f"{words.sentence} {words.hint}", code=code)
    else:
        hub.alarms.clear("standing")


async def ask_standing(hub: Hub) -> None:
    """Ask how this hub stands: often while it is held, to learn of its release; else now and then."""
    clock = asyncio.get_running_loop().time
    asked = clock()
    while True:
        await asyncio.sleep(HELD_PERIOD_S)
        if hub.identity.bundle.doubted:
            await follow(hub)
        if "standing" not in hub.alarms and clock() - asked < STANDING_PERIOD_S:
            continue
        asked = clock()
        await hub.site_clock.ask()
        standing = await asyncio.to_thread(authority.standing, hub.identity, hub.site_clock.now_ms)
        stands(hub, standing.code if standing.code == "hub-quarantined" else "")


async def follow(hub: Hub) -> None:
    """Go on to the site's newest bundle; what stands in the way is an alarm, and no reason to hear or send less."""
    try:
        await asyncio.to_thread(authority.catch_up, hub.identity)
    except UplinkError as error:
        if error.code.startswith("bundle-"):
            hub.alarms.set("bundle", sentence(error), code=error.code)
        log.info("bundle.not_followed", trouble=str(error), reason_code=error.code)
    else:
        hub.alarms.clear("bundle")


def confirm(hub: Hub, address: str) -> None:
    """A person says that this sensor's counter starts again: they changed its battery.

    Raises:
        RosterError: no sensor of this home has the address.
    """
    if address not in hub.sensors:
        raise RosterError(f"No sensor of this home has the address {address}.")
    if guard := hub.hearing.confirm(address):
        hub.keeping.remember(address, guard)


async def pause(hub: Hub, for_s: int) -> None:
    """Somebody at the hub pauses it for a while (0: no longer); durable before it is so, and the site is told.

    Raises:
        PauseError: the site has not told the time yet.
        OutboxError: the disk does not keep it.
    """
    now_ms = hub.site_clock.placed(hub.clock.boot_ms())
    if for_s and now_ms is None:
        raise PauseError(
            "This hub does not know the time yet.", hint="Try again once it has reached its site."
        )
    own = (Pause(now_ms, now_ms + for_s * 1000, OWN_STAYS),) if for_s and now_ms is not None else ()
    await hub.on_disk(hub.outbox.keep_own_pauses, pack_pauses(own))
    hub.heeding.own = own
    hub.uplink.own_pauses_changed()


async def share(hub: Hub, tap: Tap) -> None:
    """Let commands listen along; that they cannot is an alarm and no reason to hear less."""
    while True:
        try:
            await tap.run()
        except TapError as error:
            hub.alarms.set("tap", sentence(error))
        await asyncio.sleep(RETRY_MAX_S)


async def report(hub: Hub) -> None:
    """Say how it goes: the status file, and the service manager's watchdog.

    Raises:
        SensorsChangedError: a command has added, changed or removed a sensor.
    """
    store = SensorStore(hub.config.state)
    systemd.ready()
    while True:
        if hub.uplink.online:
            hub.alarms.clear("uplink")
            hub.alarms.clear("sync")
        if "keys" in hub.alarms:
            await try_keys(hub)
        doubt(hub)
        compare_clocks(hub)
        compare_settings(hub)
        write_status(hub.config.status_file, snapshot(hub))
        systemd.alive()
        await asyncio.sleep(hub.config.status_period_s)
        if store.mark() != hub.sensors_mark:
            raise SensorsChangedError("The sensors of this home were changed.")


async def try_keys(hub: Hub) -> None:
    """A chip that signs again is no trouble any more; what it signs here is nothing to anybody."""
    with contextlib.suppress(KeyStoreError):
        await asyncio.to_thread(sign_tagged, hub.identity.data_key, TRIAL_TAG, b"")
        hub.alarms.clear("keys")


def compare_clocks(hub: Hub) -> None:
    """Say that this machine's clock is wrong, and that it does not matter."""
    wrong_s = hub.site_clock.wrong_by_ms() / 1000
    if abs(wrong_s) <= CLOCK_WRONG_S:
        hub.alarms.clear("clock")
        return
    words = reason("clock-wrong")
    told = words.told(f"{ago_words(abs(wrong_s)).removesuffix(' ago')} {'fast' if wrong_s > 0 else 'slow'}")
    hub.alarms.set("clock", f"{told} {words.hint}", code=words.code)


def compare_settings(hub: Hub) -> None:
    """Say that what the site sent last could not be taken for its setting; the last good one holds."""
    if code := hub.uplink.tally.setting_refused:
        words = reason(code)
        hub.alarms.set("setting", f"{words.sentence} {words.hint}", code=code)
    else:
        hub.alarms.clear("setting")


def doubt(hub: Hub) -> None:
    """Say which sensors wait for somebody to confirm that their battery was changed."""
    names = [hub.sensors[address].assigned.name for address in hub.hearing.doubted if address in hub.sensors]
    if names:
        began = f"The counter of {', '.join(names)} began again: a new battery, or a replay."
        hub.alarms.set("counter", f"{began} If you changed it, run: lum-hub sensors confirm NAME")
    else:
        hub.alarms.clear("counter")


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
