"""A power cut in a town: all its hubs come back at once, with no certificate in hand, at one site."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

import aiomqtt

from cloud_sync.receiver.config import ReceiverConfig
from cloud_sync.receiver.office import open_office
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import HubRow, Registry
from cloud_sync.uplink import CONNECT_TIMEOUT_S
from edge_agent.adapters.authority import TlsCredential
from edge_agent.adapters.bundle import TrustedBundle
from edge_agent.adapters.clock import Clock
from edge_agent.adapters.identity import HubIdentity
from edge_agent.agent import RETRY_FIRST_S, RETRY_MAX_S
from edge_agent.core.backoff import Backoff
from edge_agent.credentials import Credentials
from edge_agent.errors import UplinkError
from edge_agent.site_clock import SiteClock
from tests.bench.harness import Figure, Samples, at_most
from tests.helpers.site_process import site_process
from zero_trust import keys
from zero_trust.authority import SERIAL_BYTES, issue
from zero_trust.credential import Use, certificate_bytes
from zero_trust.names import HUB_ID_ENTROPY_BYTES, HubName, new_hub_id
from zero_trust.policy import Standing
from zero_trust.voucher import VoucherRow

HUBS, ROUNDS, TARGET_S = 500, 3, 60.0
MEMORY = Path("/dev/shm")
T = TypeVar("T")
Held: TypeAlias = tuple[HubIdentity, TlsCredential, SiteClock]
_NO_VOUCHER = VoucherRow("none", "none", b"", 0)


@dataclass(frozen=True, slots=True)
class Return:
    """One hub's way back, in seconds from the power's return, and how often it had to try."""

    connected_s: float
    tries: int


def returning() -> list[Figure]:
    """Seconds until the last of 500 hubs is renewed and connected, all starting at the same moment, one site, one machine.

    Each does what a hub does, with its own code and its own waits between attempts: the time, a nonce, a certificate
    (three HTTPS connections), then MQTT over TLS and its admission. Broker and authority are real processes; all hubs
    are threads of one, so they share what is left of the machine. Beside it: the same hubs connecting once more with
    the certificates that they have just got.
    """
    disk = MEMORY if MEMORY.is_dir() else None
    renewed, first, tries, connected = [], [], [], []
    with (
        tempfile.TemporaryDirectory(prefix="lum-bench-", dir=disk) as name,
        site_process(Path(name) / "site") as site,
    ):
        hubs = _enrolled(site.config, Path(name) / "hubs")
        for number in range(ROUNDS):
            ways, again = asyncio.run(_come_back(hubs, number))
            renewed.append(max(way.connected_s for way in ways))
            first.append(sorted(way.connected_s for way in ways))
            tries.append(max(way.tries for way in ways))
            connected.append(again)
    return [
        Figure(
            Samples(f"{HUBS} hubs return at once: the last", tuple(renewed)),
            "s",
            at_most(TARGET_S),
            (
                Samples("the half of them", tuple(ways[HUBS // 2] for ways in first)),
                Samples("limit: connecting alone", tuple(connected)),
            ),
            (f"No hub needed more than {max(tries)} attempts.",),
        )
    ]


def _enrolled(config: ReceiverConfig, directory: Path) -> list[HubIdentity]:
    """Hubs as enrolment leaves them; without its scrypt, which is a minute of CPU for as many."""
    office, now_ms = open_office(config), time.time_ns() // 1_000_000
    found = []
    with closing(open_database(config.paths.store)) as db:
        registry = Registry(db)
        for number in range(HUBS):
            name = HubName(config.site, "town", new_hub_id(os.urandom(HUB_ID_ENTROPY_BYTES)))
            identity, data = keys.generate_key(), keys.generate_key()
            certificate = certificate_bytes(
                issue(
                    office.data,
                    data.public_key(),
                    name=name,
                    use=Use.HUB_DATA,
                    now_ms=now_ms,
                    serial=os.urandom(SERIAL_BYTES),
                )
            )
            public = keys.public_bytes(identity.public_key())
            row = HubRow(name.hub, name.home, public, certificate, Standing.ENROLLED, "", now_ms, now_ms)
            registry.enrol(row, _NO_VOUCHER)
            found.append(
                HubIdentity(
                    name=name,
                    identity_key=identity,
                    data_key=data,
                    data_certificate=certificate,
                    bundle=TrustedBundle(directory / str(number), office.trust),
                    authority_host=config.host,
                    authority_port=config.ports.authority,
                    broker_host=config.host,
                    broker_port=config.ports.mqtt,
                    state_dir=directory / str(number),
                )
            )
    return found


async def _come_back(hubs: list[HubIdentity], seed: int) -> tuple[list[Return], float]:
    """All at once, from nothing; then all once more with what they have."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(len(hubs)))
    chance, began_s = random.Random(seed), time.monotonic()
    back = await asyncio.gather(*(_return(hub, began_s, chance) for hub in hubs))
    again_s = time.monotonic()
    await asyncio.gather(*(_persist(partial(_connect, *held), chance) for _, held in back))
    return [way for way, _ in back], time.monotonic() - again_s


async def _return(hub: HubIdentity, began_s: float, chance: random.Random) -> tuple[Return, Held]:
    clock = Clock()
    site_clock = SiteClock(hub, clock)
    credentials = Credentials(hub, clock.boot_ms, site_clock.now_ms, chance)

    async def attempt() -> TlsCredential:
        await site_clock.ask()
        credential = await credentials.good()
        await _connect(hub, credential, site_clock)
        return credential

    credential, tries = await _persist(attempt, chance)
    return Return(time.monotonic() - began_s, tries), (hub, credential, site_clock)


async def _connect(hub: HubIdentity, credential: TlsCredential, site_clock: SiteClock) -> None:
    """As the uplink does, up to the broker's welcome."""
    async with aiomqtt.Client(
        hub.broker_host,
        hub.broker_port,
        identifier=hub.hub,
        tls_context=credential.context(site_clock.now_ms),
        clean_session=True,
        timeout=CONNECT_TIMEOUT_S,
    ):
        pass


async def _persist(attempt: Callable[[], Awaitable[T]], chance: random.Random) -> tuple[T, int]:
    """Try as the agent does, with its waits; gives what came of it, and the number of attempts."""
    backoff, tries = Backoff(RETRY_FIRST_S, RETRY_MAX_S, chance.random), 0
    while True:
        tries += 1
        try:
            return await attempt(), tries
        except (UplinkError, aiomqtt.MqttError):
            await asyncio.sleep(backoff.next_s())
