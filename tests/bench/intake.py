"""How fast one receiver takes in what hubs send."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from cloud_sync.receiver.service import Incoming, IntakeKeys, Service
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import HubRow, Registry
from cloud_sync.wire.batch import Stream
from cloud_sync.wire.message import Kind, framed
from tests.bench.bare_store import BareStore
from tests.bench.harness import Figure, Samples, at_least, at_most, in_turns
from tests.bench.home_day import DAY_MS, HUB, MORNING_MS, batches, signed_day
from tests.helpers.trust import Site
from zero_trust.credential import Use
from zero_trust.envelope import seal
from zero_trust.keys import PrivateKey, generate_key
from zero_trust.policy import Standing
from zero_trust.voucher import VoucherRow

BATCH_READINGS = 1000
GROUP = 16  # batches that share a transaction
ROUNDS, URGENT_ROUNDS, WARM_UP = 7, 100, 1
TARGET_READINGS_S, URGENT_TARGET_MS = 100_000, 10.0
EVENING_MS = MORNING_MS + DAY_MS  # all of the day's batches arrive after its end

Groups = list[list[bytes]]


def intake() -> list[Figure]:
    """Service.take on the wall, one process, a fresh store: open, verify, decode, enter, commit, sign receipts.

    Routine: readings a second, batches of 1000, 16 a transaction. Urgent: milliseconds for one batch
    of one reading. Beside each, in turns, on the same disk: SQLite inserting the same signed batches
    as blobs and committing them with synchronous=FULL.
    """
    key = generate_key()
    routine, urgent = _routine(key), _urgent(key)
    with tempfile.TemporaryDirectory(prefix="lum-bench-") as name:
        store, bare_store = open_database(Path(name) / "lum.db"), BareStore(Path(name) / "bare.db")
        with closing(store), closing(bare_store):
            site_key = X25519PrivateKey.generate()
            service = _service(store, key, site_key)
            routine_s, bare_routine_s = _in_turns(service, bare_store, routine, site_key)
            urgent_s, bare_urgent_s = _in_turns(service, bare_store, urgent, site_key)
    many = GROUP * BATCH_READINGS
    return [
        Figure(
            Samples("intake: routine readings", tuple(many / s for s in routine_s)),
            "/s",
            at_least(TARGET_READINGS_S),
            (Samples("limit: bare SQLite blobs", tuple(many / s for s in bare_routine_s)),),
        ),
        Figure(
            Samples("intake: one urgent batch", tuple(s * 1000 for s in urgent_s)),
            "ms",
            at_most(URGENT_TARGET_MS),
            (Samples("limit: bare SQLite commit", tuple(s * 1000 for s in bare_urgent_s)),),
        ),
    ]


def _routine(key: PrivateKey) -> Groups:
    """Signed batches, each group following on the one before."""
    wanted = (WARM_UP + ROUNDS) * GROUP
    signed = list(signed_day(key, batches(BATCH_READINGS, wanted)))
    return [signed[start : start + GROUP] for start in range(0, wanted, GROUP)]


def _urgent(key: PrivateKey) -> Groups:
    """Signed batches of one reading, alone."""
    ones = batches(1, WARM_UP + URGENT_ROUNDS)
    return [[signed] for signed in signed_day(key, (replace(batch, stream=Stream.URGENT) for batch in ones))]


def _service(store: sqlite3.Connection, data_key: PrivateKey, site_key: X25519PrivateKey) -> Service:
    """An intake that knows one hub."""
    certificate = Site(HUB.site, EVENING_MS).leaf(data_key, HUB, Use.HUB_DATA).public_bytes(Encoding.DER)
    registry = Registry(store)
    row = HubRow(HUB.hub, HUB.home, b"identity", certificate, Standing.ENROLLED, "", EVENING_MS, EVENING_MS)
    registry.enrol(row, VoucherRow("voucher", HUB.home, b"", 0))
    return Service(HUB.site, IntakeKeys(generate_key(), b"", site_key), registry, Batches(store))


def _in_turns(
    service: Service, bare_store: BareStore, groups: Groups, site_key: X25519PrivateKey
) -> list[tuple[float, ...]]:
    """Seconds for each group: the service's, then the bare store's."""
    ours = _taking(service, groups, site_key)
    return in_turns(len(groups) - WARM_UP, ours, _keeping(bare_store, groups), warm_up=WARM_UP)


def _taking(service: Service, groups: Groups, site_key: X25519PrivateKey) -> Callable[[], float]:
    """A subject that takes the next group; sealing it is not in the time."""
    coming = iter(groups)

    def measure() -> float:
        sealed = [seal(signed, site_key.public_key(), HUB.hub) for signed in next(coming)]
        messages = [Incoming(HUB.hub, framed(Kind.BATCH, each), EVENING_MS) for each in sealed]
        began_s = time.perf_counter()
        answers = service.take(messages)
        took_s = time.perf_counter() - began_s
        if any(answer.payload[0] != Kind.RECEIPT for answer in answers):
            raise ValueError("The intake refused a batch; the figure would be of something else.")
        return took_s

    return measure


def _keeping(bare_store: BareStore, groups: Groups) -> Callable[[], float]:
    """A subject that keeps the next group's signed batches, and nothing else."""
    coming = iter(groups)

    def measure() -> float:
        blobs = next(coming)
        began_s = time.perf_counter()
        bare_store.keep(blobs)
        return time.perf_counter() - began_s

    return measure
