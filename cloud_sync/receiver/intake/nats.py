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
from nats.aio.client import Client
from nats.aio.msg import Msg

from cloud_sync.receiver import broker, checkpoints
from cloud_sync.receiver.config import ReceiverConfig
from cloud_sync.receiver.intake.site_keys import rotate
from cloud_sync.receiver.service import Answer, Incoming, IntakeKeys, Service
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import Registry
from cloud_sync.wire.topics import ALL_UP_SUBJECT, down_subject, hub_of_subject
from zero_trust.credential import certificate_bytes
from zero_trust.keystore import load_certificates, load_key

ROTATION_PERIOD_MS = 3_600_000  # how often the age of the encryption key is looked at
SETTINGS_PERIOD_S = 2.0  # how often it is looked whether a hub shall leave out something else
GROUP_MAX = 200  # messages that share a commit
WAITING_MAX = 2_000  # beyond, messages are left to be resent: hubs keep them until the receipt

log = structlog.get_logger()


async def run(config: ReceiverConfig) -> None:
    """Serve until cancelled."""
    db = open_database(config.paths.store)
    service = Service(config.site, intake_keys(config.paths.intake, _now_ms()), Registry(db), Batches(db))
    waiting: asyncio.Queue[Incoming] = asyncio.Queue(WAITING_MAX)
    keeping = asyncio.create_task(checkpoints.keep(config), name="checkpoints")
    connection = await nats.connect(**broker.intake_options(config).arguments, error_cb=_log_error)
    try:
        await connection.subscribe(ALL_UP_SUBJECT, queue="intake", cb=_queue_into(waiting))
        log.info("intake.started", site=config.site)
        renew_at_ms = _now_ms() + ROTATION_PERIOD_MS
        while True:
            group = await _gather(waiting)
            if _now_ms() >= renew_at_ms:
                service.use(intake_keys(config.paths.intake, _now_ms()))
                renew_at_ms = _now_ms() + ROTATION_PERIOD_MS
            await _send(connection, await asyncio.to_thread(_answers, service, group))
    finally:
        keeping.cancel()
        await connection.close()
        db.close()


def intake_keys(directory: Path, now_ms: int) -> IntakeKeys:
    """The keys of ``intake/`` in the site directory; the encryption key is a new one if its time has come.

    Raises:
        KeyStoreError: missing, damaged or readable by others.
    """
    receipt, *_ = load_certificates(directory / "receipt.crt")
    site = rotate(directory, now_ms)
    return IntakeKeys(
        load_key(directory / "receipt.key"), certificate_bytes(receipt), site.current, site.earlier
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _queue_into(waiting: asyncio.Queue[Incoming]):  # type: ignore[no-untyped-def]  # noqa: ANN202 - nats' callback type
    async def queue(message: Msg) -> None:
        incoming = Incoming(hub_of_subject(message.subject), message.data, _now_ms())
        try:
            waiting.put_nowait(incoming)
        except asyncio.QueueFull:
            log.warning("intake.overrun", hub=incoming.hub)

    return queue


def _answers(service: Service, group: list[Incoming]) -> list[Answer]:
    return (service.take(group) if group else []) + service.push(_now_ms())


async def _gather(waiting: asyncio.Queue[Incoming]) -> list[Incoming]:
    """A message and all that already wait beside it; none, if none comes for a while."""
    try:
        async with asyncio.timeout(SETTINGS_PERIOD_S):
            group = [await waiting.get()]
    except TimeoutError:
        return []
    while not waiting.empty() and len(group) < GROUP_MAX:
        group.append(waiting.get_nowait())
    return group


async def _send(connection: Client, answers: list[Answer]) -> None:
    for answer in answers:
        await connection.publish(down_subject(answer.hub), answer.payload)
    await connection.flush()


async def _log_error(error: Exception) -> None:
    log.warning("broker.trouble", trouble=str(error), kind=type(error).__name__)
