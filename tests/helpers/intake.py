"""An intake on a real store and with real keys, without a wire; and the pen of the one hub it knows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from cloud_sync.receiver.service import Answer, Incoming, IntakeKeys, Service
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import HubRow, Registry
from cloud_sync.receiver.views import readings
from cloud_sync.wire import message as wire
from cloud_sync.wire.batch import (
    Anchor,
    Batch,
    Contract,
    Inline,
    Origin,
    Quality,
    Quantity,
    Reading,
    Sensor,
    Stream,
    encode,
)
from tests.helpers.trust import HUB, NOW_MS, Site
from zero_trust.credential import Use
from zero_trust.envelope import seal, sign_inside
from zero_trust.keys import PrivateKey, generate_key
from zero_trust.policy import Standing
from zero_trust.voucher import VoucherRow

EPOCH, BOOT = bytes(8), bytes(16)
DOOR = Sensor("C0:00:00:00:00:01", "door", "Hall", "bthome_v2", Contract.HEARTBEAT, 3600, "entrance")
ANCHOR = Anchor(NOW_MS, 100_000, Quality.SYNCED)


@dataclass
class Intake:
    """An intake with one enrolled hub, and that hub's pen."""

    service: Service
    batches: Batches
    registry: Registry
    keys: IntakeKeys
    hub_key: PrivateKey
    db: sqlite3.Connection
    before: Inline | None = None

    def batch(
        self,
        seq: int,
        *,
        anchor: Anchor | None = ANCHOR,
        epoch: bytes = EPOCH,
        flags: int = 0,
        value: int | None = None,
        spans: tuple[tuple[int, int], ...] = (),
        origin: Origin | None = None,
    ) -> bytes:
        """A signed batch with one reading of that number; each leans on the one before where it can."""
        batch = Batch(
            HUB.site,
            HUB.hub,
            epoch,
            Stream.URGENT,
            seq,
            BOOT,
            100_000 + seq,
            anchor,
            sensors=(DOOR,),
            quantities=(Quantity("count", "", 0, "number", flags),),
            readings=(Reading(0, 0, 100_000, seq if value is None else value),),
            spans=spans,
            origin=origin,
        )
        encoded = encode(batch, self.before)
        self.before = encoded.inline
        return sign_inside(self.hub_key, encoded.body, HUB.site, HUB.hub)

    def say(self, signed: bytes, site_key: X25519PrivateKey | None = None) -> list[wire.Kind]:
        """Seal it, hand it in; the kinds of the answers."""
        public = (site_key or self.keys.site).public_key()
        return self.hand_in(wire.framed(wire.Kind.BATCH, seal(signed, public, HUB.hub)))

    def hand_in(self, payload: bytes) -> list[wire.Kind]:
        """Bytes as they come from the hub's topic."""
        return [wire.kind_of(answer.payload) for answer in self.answers(payload)]

    def answers(self, payload: bytes, received_ms: int = NOW_MS + 1_000) -> list[Answer]:
        """As :meth:`hand_in`, with the answers themselves."""
        return self.service.take([Incoming(HUB.hub, payload, received_ms)])

    def sealed(self, signed: bytes) -> bytes:
        """A batch as it travels."""
        return wire.framed(wire.Kind.BATCH, seal(signed, self.keys.site.public_key(), HUB.hub))

    def stored(self) -> list[int]:
        """The values of all readings that count."""
        return [int(reading["value"]) for reading in readings(self.batches, HUB.site)]

    def codes(self) -> list[str]:
        """Codes of what was refused, newest first."""
        return [refusal.code for refusal in self.registry.refusals()]


@contextmanager
def fresh_intake(store: Path) -> Iterator[Intake]:
    """With one enrolled hub, on a store of its own."""
    hub_key, site_key = generate_key(), X25519PrivateKey.generate()
    with closing(open_database(store)) as db:
        registry, batches = Registry(db), Batches(db)
        certificate = Site().leaf(hub_key, HUB, Use.HUB_DATA).public_bytes(Encoding.DER)
        row = HubRow(HUB.hub, HUB.home, b"identity", certificate, Standing.ENROLLED, "", NOW_MS, NOW_MS)
        registry.enrol(row, VoucherRow("voucher", HUB.home, b"", 0))
        keys = IntakeKeys(generate_key(), b"certificate", site_key)
        yield Intake(Service(HUB.site, keys, registry, batches), batches, registry, keys, hub_key, db)
