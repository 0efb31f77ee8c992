"""Takes messages from the broker, in groups, and sends the answers back down.

One worker thread does what blocks: decryption, verification and the commit. While it works on
one group the next one gathers, so that many messages share a commit when traffic is dense and
a lone one waits for nobody.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import nats
import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from nats.aio.client import Client
from nats.aio.msg import Msg

from cloud_sync.receiver import broker
from cloud_sync.receiver.config import ReceiverConfig
from cloud_sync.receiver.service import Answer, Incoming, IntakeKeys, Service
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import Registry
from cloud_sync.wire.topics import ALL_UP_SUBJECT, down_subject, hub_of_subject
from zero_trust.credential import certificate_bytes
from zero_trust.keystore import load_certificates, load_key, load_site_key

GROUP_MAX = 200  # messages that share a commit
WAITING_MAX = 2_000  # beyond, messages are left to be resent: hubs keep them until the receipt

log = structlog.get_logger()


async def run(config: ReceiverConfig) -> None:
    """Serve until cancelled."""
    db = open_database(config.paths.store)
    service = Service(config.site, intake_keys(config.paths.intake), Registry(db), Batches(db))
    waiting: asyncio.Queue[Incoming] = asyncio.Queue(WAITING_MAX)
    connection = await nats.connect(**broker.intake_options(config).arguments, error_cb=_log_error)
    try:
        await connection.subscribe(ALL_UP_SUBJECT, queue="intake", cb=_queue_into(waiting))
        log.info("intake.started", site=config.site)
        while True:
            group = await _gather(waiting)
            answers = await asyncio.to_thread(service.take, group)
            await _send(connection, answers)
    finally:
        await connection.close()
        db.close()


def intake_keys(directory: Path) -> IntakeKeys:
    """The keys of ``intake/`` in the site directory.

    Raises:
        KeyStoreError: missing, damaged or readable by others.
    """
    receipt, *_ = load_certificates(directory / "receipt.crt")
    site: X25519PrivateKey = load_site_key(directory / "site.key")
    return IntakeKeys(load_key(directory / "receipt.key"), certificate_bytes(receipt), site)


def _queue_into(waiting: asyncio.Queue[Incoming]):  # type: ignore[no-untyped-def]  # noqa: ANN202 - nats' callback type
    async def queue(message: Msg) -> None:
        incoming = Incoming(hub_of_subject(message.subject), message.data, time.time_ns() // 1_000_000)
        try:
            waiting.put_nowait(incoming)
        except asyncio.QueueFull:
            log.warning("intake.overrun", hub=incoming.hub)

    return queue


async def _gather(waiting: asyncio.Queue[Incoming]) -> list[Incoming]:
    """At least one message, and all that already wait beside it."""
    group = [await waiting.get()]
    while not waiting.empty() and len(group) < GROUP_MAX:
        group.append(waiting.get_nowait())
    return group


async def _send(connection: Client, answers: list[Answer]) -> None:
    for answer in answers:
        await connection.publish(down_subject(answer.hub), answer.payload)
    await connection.flush()


async def _log_error(error: Exception) -> None:
    log.warning("broker.trouble", trouble=str(error), kind=type(error).__name__)
