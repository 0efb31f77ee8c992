"""What the intake does with a message, on a real store and with real keys, without a wire."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from cloud_sync.receiver.intake.site_keys import KEPT_AFTER_MS, KEY_AGE_MAX_MS, rotate
from cloud_sync.receiver.service import Incoming, IntakeKeys, Service
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import HubRow, Registry
from cloud_sync.receiver.views import coverage, readings
from cloud_sync.wire import message as wire
from cloud_sync.wire.batch import (
    Anchor,
    Batch,
    Contract,
    Inline,
    Quality,
    Quantity,
    Reading,
    Sensor,
    Stream,
    encode,
)
from device_profiles.reading import Flag
from tests.helpers.trust import HUB, NOW_MS, Site
from zero_trust.credential import Use
from zero_trust.envelope import seal, sign_inside, sign_tagged
from zero_trust.keys import PrivateKey, generate_key
from zero_trust.keystore import save_key
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
    before: Inline | None = None

    def batch(
        self,
        seq: int,
        *,
        anchor: Anchor | None = ANCHOR,
        epoch: bytes = EPOCH,
        flags: int = 0,
        spans: tuple[tuple[int, int], ...] = (),
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
            readings=(Reading(0, 0, 100_000, seq),),
            spans=spans,
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
        return [
            wire.kind_of(a.payload) for a in self.service.take([Incoming(HUB.hub, payload, NOW_MS + 1_000)])
        ]

    def stored(self) -> list[int]:
        """The values of all readings that count."""
        return [int(reading["value"]) for reading in readings(self.batches, HUB.site)]

    def codes(self) -> list[str]:
        """Codes of what was refused, newest first."""
        return [refusal.code for refusal in self.registry.refusals()]


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    """A fresh one."""
    hub_key, site_key = generate_key(), X25519PrivateKey.generate()
    with closing(open_database(tmp_path / "lum.db")) as db:
        registry, batches = Registry(db), Batches(db)
        certificate = Site().leaf(hub_key, HUB, Use.HUB_DATA).public_bytes(Encoding.DER)
        row = HubRow(HUB.hub, HUB.home, b"identity", certificate, Standing.ENROLLED, "", NOW_MS, NOW_MS)
        registry.enrol(row, VoucherRow("voucher", HUB.home, b"", 0))
        keys = IntakeKeys(generate_key(), b"certificate", site_key)
        yield Intake(Service(HUB.site, keys, registry, batches), batches, registry, keys, hub_key)


def test_a_batch_is_stored_and_receipted(intake: Intake) -> None:
    """The straight way."""
    assert intake.say(intake.batch(1)) == [wire.Kind.RECEIPT]
    assert intake.stored() == [1]


def test_readings_are_told_with_their_flags_and_the_role_of_their_sensor(intake: Intake) -> None:
    """Doubted ones too: they are evidence."""
    intake.say(intake.batch(1))
    intake.say(intake.batch(2, flags=Flag.COUNTER_RESET | Flag.PLAIN))

    assert [(r["value"], r["role"], r["flags"]) for r in readings(intake.batches, HUB.site)] == [
        (1, "entrance", []),
        (2, "entrance", ["plain", "counter-reset"]),
    ]


def test_coverage_is_told_by_the_clock_on_the_wall(intake: Intake) -> None:
    """Span by span, as the hub signed it."""
    intake.say(intake.batch(1, spans=((90_000, 95_000), (97_000, 99_000))))
    intake.say(intake.batch(2))

    assert ANCHOR.wall_ms is not None
    offset_ms = ANCHOR.wall_ms - ANCHOR.boot_ms
    told = list(coverage(intake.batches, HUB.site))
    assert [(one["from_ms"] - offset_ms, one["to_ms"] - offset_ms) for one in told] == [
        (90_000, 95_000),
        (97_000, 99_000),
    ]
    assert {(one["home"], one["hub"]) for one in told} == {(HUB.home, HUB.hub)}


def test_batches_in_any_order_are_read_once_their_manifest_is_there(intake: Intake) -> None:
    """The one that carries the manifest comes last: the others waited as evidence, and are then read."""
    first, second, third = (intake.batch(seq) for seq in (1, 2, 3))

    intake.say(third)
    intake.say(second)
    assert intake.stored() == []
    intake.say(first)

    assert sorted(intake.stored()) == [1, 2, 3]
    assert intake.batches.head(HUB.hub, EPOCH, Stream.URGENT).seq == 3


def test_a_resend_counts_once_and_a_replay_is_named(intake: Intake) -> None:
    """A hub seals anew each time; the very same envelope again is somebody else's doing."""
    signed = intake.batch(1)
    intake.say(signed)

    assert intake.say(signed) == [wire.Kind.RECEIPT]
    assert intake.codes() == []
    other = intake.batch(2)
    message = wire.framed(wire.Kind.BATCH, seal(other, intake.keys.site.public_key(), HUB.hub))
    intake.hand_in(message)
    assert intake.hand_in(message) == [wire.Kind.REFUSAL]
    assert intake.codes() == ["batch-replayed"]
    assert intake.stored() == [1, 2]


def test_other_content_under_a_number_taken_is_a_fork(intake: Intake) -> None:
    """The first stays counted, the other is kept apart."""
    intake.say(intake.batch(1))
    intake.before = None
    other = intake.batch(1, anchor=replace(ANCHOR, wall_ms=NOW_MS + 1))

    assert intake.say(other) == [wire.Kind.REFUSAL]
    assert intake.codes() == ["batch-forked"]
    assert intake.batches.totals()["forks"] == 1
    assert intake.stored() == [1]


def test_a_clock_from_the_future_is_not_believed_and_the_batch_is(intake: Intake) -> None:
    """An anchor later than its own arrival is a fault of the clock, not of the readings."""
    intake.say(intake.batch(1, anchor=replace(ANCHOR, wall_ms=NOW_MS + 60_000)))

    assert intake.codes() == ["clock-fault"]
    (reading,) = readings(intake.batches, HUB.site)
    assert reading["time_quality"] == "unset"
    assert reading["happened_ms"] <= NOW_MS + 1_000


def test_a_gap_gets_its_name_and_an_incident(intake: Intake) -> None:
    """What the hub no longer holds closes the gap by name; somebody is told."""
    first, _, third = (intake.batch(seq) for seq in (1, 2, 3))
    intake.say(first)
    intake.say(third)
    gone = wire.Gone(
        HUB.site, HUB.hub, EPOCH, Stream.URGENT, 2, wire.Head(2, bytes(32)), wire.Reason.SHED, 1, 5, 9
    )
    signed = sign_tagged(intake.hub_key, wire.GONE_TAG, wire.encode_gone(gone))
    message = wire.framed(wire.Kind.GONE, seal(signed, intake.keys.site.public_key(), HUB.hub))

    assert intake.hand_in(message) == [wire.Kind.RECEIPT]
    assert intake.batches.head(HUB.hub, EPOCH, Stream.URGENT).seq == 3
    assert [incident["code"] for incident in intake.batches.incidents()] == ["readings-shed"]


@pytest.mark.parametrize("cut", [5, 20, 60])
def test_a_hostile_body_past_the_signature_changes_nothing(intake: Intake, cut: int) -> None:
    """A hub that was taken over signs what it likes: refused, and nothing of it is kept."""
    body = intake.batch(1)[: -wire.SIGNATURE_BYTES]
    signed = sign_inside(intake.hub_key, body[:cut], HUB.site, HUB.hub)

    assert intake.say(signed) == [wire.Kind.REFUSAL]
    assert intake.batches.totals()["batches"] == 0


def test_every_flipped_byte_and_every_cut_of_a_sealed_message_is_refused(intake: Intake) -> None:
    """On the way nothing can be changed, anywhere."""
    message = wire.framed(wire.Kind.BATCH, seal(intake.batch(1), intake.keys.site.public_key(), HUB.hub))
    flipped = [message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :] for at in range(len(message))]
    cut = [message[:length] for length in range(len(message))]

    answers = intake.service.take([Incoming(HUB.hub, payload, NOW_MS) for payload in flipped + cut])

    assert {wire.kind_of(answer.payload) for answer in answers} == {wire.Kind.REFUSAL}
    assert len(answers) == len(flipped) + len(cut)
    assert intake.batches.totals()["batches"] == 0


def test_a_message_sealed_to_the_key_before_still_arrives(intake: Intake) -> None:
    """A key rotated while a message was under way costs nothing."""
    old = intake.keys.site
    intake.keys = replace(intake.keys, site=X25519PrivateKey.generate(), earlier=(old,))
    intake.service.use(intake.keys)

    assert intake.say(intake.batch(1), old) == [wire.Kind.RECEIPT]


def test_a_message_sealed_to_a_destroyed_key_is_refused(intake: Intake) -> None:
    """A hub that slept through a rotation is told so, greets anew and learns the present key."""
    old = intake.keys.site
    intake.keys = replace(intake.keys, site=X25519PrivateKey.generate())
    intake.service.use(intake.keys)

    assert intake.say(intake.batch(1), old) == [wire.Kind.REFUSAL]
    assert intake.codes() == ["batch-not-decryptable"]


def test_an_encryption_key_lives_a_week_and_its_successor_then_two_days_beside_it(tmp_path: Path) -> None:
    """Rotated by age; the old half is destroyed when nothing can be under way any more."""
    save_key(tmp_path / "site.key", X25519PrivateKey.generate())
    os.utime(tmp_path / "site.key", (NOW_MS / 1000, NOW_MS / 1000))
    young = rotate(tmp_path, NOW_MS + KEY_AGE_MAX_MS - 1)
    due = NOW_MS + KEY_AGE_MAX_MS

    rotated = rotate(tmp_path, due)
    os.utime(tmp_path / "site.key", (due / 1000, due / 1000))

    assert young.earlier == ()
    assert [key.private_bytes_raw() for key in rotated.earlier] == [young.current.private_bytes_raw()]
    assert rotated.current.private_bytes_raw() != young.current.private_bytes_raw()
    assert len(rotate(tmp_path, due + KEPT_AFTER_MS - 1).earlier) == 1
    assert rotate(tmp_path, due + KEPT_AFTER_MS).earlier == ()
    assert [path.name for path in tmp_path.glob("*.key")] == ["site.key"]


def test_readings_that_two_lives_of_a_hub_sent_count_once(intake: Intake) -> None:
    """A disk put back with readings that waited in it: both lives cut them, in two epochs, for one boot."""
    intake.say(intake.batch(1))
    intake.before = None
    again = intake.batch(1, epoch=bytes(7) + b"\1")

    intake.say(again)

    assert intake.stored() == [1]


def test_a_heartbeat_to_a_restored_store_is_answered_with_its_new_generation(intake: Intake) -> None:
    """A quiet hub learns within one heartbeat that the store is another one; nothing is refused."""
    hello = wire.Hello(HUB.site, HUB.hub, EPOCH, bytes(16), b"\1" * 32, BOOT, (0, 0))
    signed = sign_tagged(intake.hub_key, wire.HELLO_TAG, wire.encode_hello(hello))
    intake.hand_in(wire.framed(wire.Kind.HELLO, signed))
    before = intake.batches.generation

    intake.batches.renew_generation()

    beat = wire.encode_heartbeat(wire.Heartbeat(1, 2, 3, (0, 0)), bytes(32))
    assert intake.hand_in(beat) == [wire.Kind.RECEIPT]
    assert intake.batches.generation != before
    assert intake.codes() == []


def test_what_is_received_is_in_the_audit(intake: Intake) -> None:
    """Each new batch with its digest, time and certificate, and how far its stream is held; a repeat is no row."""
    first, second = intake.batch(1), intake.batch(2)
    for signed in (first, first, second):
        intake.say(signed)
    rows = [row.facts for row in intake.registry.audit.rows() if row.kind == "received"]

    assert [row["batches"] for row in rows] == [
        [[seq, hashlib.sha256(signed).hexdigest(), NOW_MS + 1_000]]
        for seq, signed in ((1, first), (2, second))
    ]
    assert [(row["hub"], row["stream"], row["head"]) for row in rows] == [
        (HUB.hub, "urgent", 1),
        (HUB.hub, "urgent", 2),
    ]
    assert rows[1]["chain"] == intake.batches.head(HUB.hub, EPOCH, Stream.URGENT).chain.hex()


def test_what_is_refused_is_in_the_audit(intake: Intake) -> None:
    """With its code; the same again is no news."""
    forged = sign_inside(generate_key(), b"body", HUB.site, HUB.hub)
    for _ in range(3):
        intake.say(forged)
    rows = [row.facts for row in intake.registry.audit.rows() if row.kind == "refused"]

    assert [(row["where"], row["hub"], row["code"]) for row in rows] == [
        ("intake", HUB.hub, "batch-signature-wrong")
    ]
