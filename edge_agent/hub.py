"""Everything that the hub's tasks share, built once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from cloud_sync.sync.heeding import Heeding
from cloud_sync.sync.sender import Sender
from cloud_sync.uplink import Party, Pulse, Uplink
from cloud_sync.wire.batch import Stream, chain_start
from cloud_sync.wire.message import SIGNATURE_BYTES, Gone, Head, encode_gone
from cloud_sync.wire.setting import decode_setting, unpack_pauses
from device_profiles.advert import Advert
from device_profiles.catalogue import Catalogue
from edge_agent import home
from edge_agent.adapters import authority
from edge_agent.adapters.clock import Clock
from edge_agent.adapters.identity import HubIdentity, load_identity
from edge_agent.adapters.outbox import Outbox
from edge_agent.adapters.sensor_store import Mark, SensorStore
from edge_agent.alarms import Alarms
from edge_agent.config import HubConfig
from edge_agent.core.batching import Origin
from edge_agent.core.coverage import Coverage
from edge_agent.core.hearing import Hearing, Told
from edge_agent.core.keeping import Keeping
from edge_agent.core.pausing import Pausing
from edge_agent.core.visiting import Visiting
from edge_agent.credentials import Credentials
from edge_agent.site_clock import SiteClock
from zero_trust.envelope import sign_inside

EPOCH_BYTES = 8

log = structlog.get_logger()
T = TypeVar("T")


@dataclass(slots=True)
class Hub:
    """Everything the tasks share, built once."""

    config: HubConfig
    clock: Clock
    identity: HubIdentity
    sensors: Mapping[str, home.HomeSensor]
    sensors_mark: Mark | None  # of the file they were read from
    outbox: Outbox
    coverage: Coverage
    hearing: Hearing
    keeping: Keeping
    uplink: Uplink
    site_clock: SiteClock
    credentials: Credentials
    alarms: Alarms
    disk: ThreadPoolExecutor  # one thread: SQLite's calls in order, off the event loop
    heard: asyncio.Queue[Advert | Told]
    visiting: Visiting
    heeding: Heeding
    pausing: Pausing
    chance: random.Random
    committing: asyncio.Lock = field(default_factory=asyncio.Lock)  # one commit at a time
    dropped: int = 0

    def put(self, heard: Advert | Told) -> None:
        """Queue what was heard; where the queue is full it is dropped, and counted."""
        try:
            self.heard.put_nowait(heard)
        except asyncio.QueueFull:
            self.dropped += 1
            self.alarms.set("adverts", "Adverts come faster than they can be decoded; some were dropped.")

    async def on_disk(self, call: Callable[..., T], *args: object) -> T:
        """Run a blocking outbox call on its thread."""
        return await asyncio.get_running_loop().run_in_executor(self.disk, call, *args)


def build(config: HubConfig, clock: Clock, chance: random.Random) -> Hub:
    """Open what the hub stands on.

    Raises:
        CredentialError: not enrolled, or its keys cannot be used.
        ConfigError: the list of sensors cannot be used, one names an unknown model, or its key cannot be read.
        OutboxError: the outbox cannot be opened.
    """
    return assemble(config, clock, chance, load_identity(config.state, config.keys))


def assemble(
    config: HubConfig,
    clock: Clock,
    chance: random.Random,
    identity: HubIdentity,
    line: type[Uplink] = Uplink,
) -> Hub:
    """What :func:`build` does once it knows who this hub is; ``line`` is the uplink's class.

    Raises:
        ConfigError: as above.
        OutboxError: as above.
    """
    store = SensorStore(config.state)
    mark = store.mark()  # before they are read: what is written meanwhile must still be noticed
    roster = store.roster()
    catalogue = Catalogue.load(entry.model for entry in roster.sensors)
    sensors = home.sensors(roster, store.key, catalogue)
    outbox = Outbox(
        config.state / "outbox.db",
        fresh_epoch=chance.randbytes(EPOCH_BYTES),
        chain_start=lambda epoch, stream: chain_start(identity.hub, epoch, stream),
    )
    coverage = Coverage({address: sensor.liveness for address, sensor in sensors.items()}, clock.boot_ms())
    disk = ThreadPoolExecutor(1, "outbox")
    site_clock = SiteClock(identity, clock)
    heeding = heeded(identity, outbox)
    roles = {address: sensor.described.role for address, sensor in sensors.items()}
    pausing = Pausing(roles, heeding, site_clock.placed, authority.earliest_ms(identity))
    assigned = {address: sensor.assigned for address, sensor in sensors.items()}
    hub = Hub(
        config=config,
        clock=clock,
        identity=identity,
        sensors=sensors,
        sensors_mark=mark,
        outbox=outbox,
        coverage=coverage,
        hearing=Hearing(catalogue, assigned, outbox.guards(), coverage, pausing.paused),
        keeping=build_keeping(config, clock, identity, sensors, outbox, coverage),
        uplink=build_uplink(
            config, site_clock, clock, chance, identity, outbox, coverage, disk, heeding, line
        ),
        site_clock=site_clock,
        credentials=Credentials(identity, clock.boot_ms, site_clock.now_ms, chance),
        alarms=Alarms(site_clock.now_ms),
        disk=disk,
        heard=asyncio.Queue(config.radio.adverts_waiting_max),
        visiting=home.visiting(sensors, chance.random),
        heeding=heeding,
        pausing=pausing,
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


def build_keeping(
    config: HubConfig,
    clock: Clock,
    identity: HubIdentity,
    sensors: Mapping[str, home.HomeSensor],
    outbox: Outbox,
    coverage: Coverage,
) -> Keeping:
    """What is not yet durable, with all that is durable and not yet cut."""
    pending = outbox.pending()
    return Keeping(
        Origin(identity.site, identity.hub, outbox.epoch, clock.boot_id),
        config.outbox.limits,
        home.told_of(sensors, (row.sensor for commit in pending for row in commit.rows)),
        coverage,
        sign=lambda body: sign_inside(identity.data_key, body, identity.site, identity.hub),
        committed=pending,
        resolution_ms=lambda sensor, kind: sensors[sensor].profile.resolution_ms(kind),
    )


def build_uplink(
    config: HubConfig,
    site_clock: SiteClock,
    clock: Clock,
    chance: random.Random,
    identity: HubIdentity,
    outbox: Outbox,
    coverage: Coverage,
    disk: ThreadPoolExecutor,
    heeding: Heeding,
    line: type[Uplink] = Uplink,
) -> Uplink:
    """The hub's end of the line, with everything that still waits for a receipt."""
    shelf = outbox.shelf()
    party = Party(
        identity.site,
        identity.hub,
        outbox.epoch,
        clock.boot_id,
        identity.data_key,
        receipt_key=lambda certificate: authority.receipt_key(identity, certificate, site_clock.now_ms()),
        previous=outbox.previous,
    )
    return line(
        party,
        Sender(shelf.floors, shelf.receipted, shelf.items, chance.random),
        ShelfOnDisk(outbox, disk, site_clock.now_ms, party),
        pulse=lambda: _pulse(coverage, clock),
        heeding=heeding,
        heartbeat_period_s=config.heartbeat_period_s,
    )


def heeded(identity: HubIdentity, outbox: Outbox) -> Heeding:
    """What this hub left out when it last ran, as far as it had made it durable."""
    setting, own = outbox.setting, outbox.own_pauses
    return Heeding(
        identity.site,
        identity.hub,
        decode_setting(setting[:-SIGNATURE_BYTES]) if setting else None,
        unpack_pauses(own) if own else (),
    )


class ShelfOnDisk:
    """The outbox as the uplink wants it: awaited, on the outbox's own thread."""

    def __init__(
        self, outbox: Outbox, disk: ThreadPoolExecutor, now_ms: Callable[[], int], party: Party
    ) -> None:
        self._outbox = outbox
        self._disk = disk
        self._now_ms = now_ms
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
        await self._call(self._outbox.receipted, stream, head, self._now_ms())

    async def keep_setting(self, signed: bytes) -> None:
        """A believed setting is in force."""
        await self._call(self._outbox.keep_setting, signed)

    async def _call(self, call: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, call, *args)


def _pulse(coverage: Coverage, clock: Clock) -> Pulse:
    now_ms = clock.boot_ms()
    return Pulse(now_ms, coverage.frame_age_ms(now_ms) // 1000)
