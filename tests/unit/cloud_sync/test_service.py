"""What the intake does with a message, on a real store and with real keys, without a wire."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cloud_sync.receiver.intake.site_keys import KEPT_AFTER_MS, KEY_AGE_MAX_MS, rotate
from cloud_sync.receiver.service import Incoming
from cloud_sync.receiver.store.batches import HELLO_KEPT_MS
from cloud_sync.receiver.store.deletions import Order, broken_accounts, broken_deletion
from cloud_sync.receiver.store.erasure import Erasure
from cloud_sync.receiver.views import coverage, readings
from cloud_sync.sync.session import session_key
from cloud_sync.wire import message as wire
from cloud_sync.wire.batch import Origin, Stream, content_digest
from device_profiles.reading import Flag
from tests.helpers.intake import ANCHOR, BOOT, EPOCH, Intake, fresh_intake
from tests.helpers.trust import HUB, NOW_MS
from zero_trust.envelope import seal, sign_inside, sign_tagged, verify_tagged
from zero_trust.keys import generate_key
from zero_trust.keystore import save_key
from zero_trust.policy import Standing


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    """A fresh one."""
    with fresh_intake(tmp_path / "lum.db") as intake:
        yield intake


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


def test_a_hub_that_speaks_as_before_it_began_anew_is_told_once(intake: Intake) -> None:
    """A card from before was put back, or somebody lives on a copy of it; a late repeat is no news."""
    later = bytes(7) + b"\1"
    for number, (epoch, before) in enumerate(((EPOCH, None), (later, EPOCH), (EPOCH, None), (EPOCH, None))):
        previous = wire.Previous(before, (0, 0), (1, 0)) if before else None
        hello = wire.Hello(HUB.site, HUB.hub, epoch, bytes([number]) * 16, b"\1" * 32, BOOT, (0, 0), previous)
        signed = sign_tagged(intake.hub_key, wire.HELLO_TAG, wire.encode_hello(hello))
        assert intake.hand_in(wire.framed(wire.Kind.HELLO, signed)) == [wire.Kind.CURSOR]

    assert [one["code"] for one in intake.batches.incidents()] == ["epoch-left", "epoch-begun"]


def opened(intake: Intake, number: int) -> tuple[bytes, list[bytes]]:
    """A session of the hub as a broker records it: its hello, and two heartbeats that were believed."""
    private, nonce = X25519PrivateKey.generate(), bytes([number]) * 16
    public = private.public_key().public_bytes_raw()
    hello = wire.encode_hello(wire.Hello(HUB.site, HUB.hub, EPOCH, nonce, public, BOOT, (0, 0)))
    greeting = wire.framed(wire.Kind.HELLO, sign_tagged(intake.hub_key, wire.HELLO_TAG, hello))
    key = session_key(private, intake.keys.site.public_key(), nonce)
    beats = [wire.encode_heartbeat(wire.Heartbeat(count, 2, 3, (0, 0)), key) for count in (1, 2)]
    assert intake.hand_in(greeting) == [wire.Kind.CURSOR]
    assert [intake.hand_in(beat) for beat in beats] == [[], []]
    return greeting, beats


def test_a_hello_said_again_is_answered_and_begins_no_count(intake: Intake) -> None:
    """Its cursor may have been lost; but a recorded session that is played anew makes no dead hub look alive."""
    greeting, beats = opened(intake, 1)

    assert intake.hand_in(greeting) == [wire.Kind.CURSOR]

    assert [intake.hand_in(beat) for beat in beats] == [[wire.Kind.REFUSAL]] * 2
    assert intake.codes() == ["heartbeat-not-believed"] * 2


def test_an_older_session_cannot_be_played_anew(intake: Intake) -> None:
    """The hub's present one goes on."""
    greeting, beats = opened(intake, 1)
    opened(intake, 2)

    intake.hand_in(greeting)

    assert intake.hand_in(beats[0]) == [wire.Kind.REFUSAL]
    session = intake.batches.session(HUB.hub)
    assert session is not None
    assert session.counter == 2


def test_hellos_are_forgotten_once_their_key_could_not_be_made_again(intake: Intake) -> None:
    """The list does not grow for ever."""
    opened(intake, 1)
    late_ms = NOW_MS + 1_000 + HELLO_KEPT_MS + 1

    with intake.batches.transaction():
        assert intake.batches.is_new_hello(HUB.hub, b"another nonce", late_ms)

    assert [row["nonce"] for row in intake.db.execute("SELECT nonce FROM hello")] == [b"another nonce"]
    assert HELLO_KEPT_MS > KEY_AGE_MAX_MS


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


def forget(intake: Intake, at_ms: int = NOW_MS + 1_000) -> None:
    """Erase all that came up to then."""
    list(Erasure(intake.db).forget(HUB.home, Order(at_ms, "uid-0", "asked for")))


def test_an_erased_batch_that_is_sent_again_is_a_duplicate_and_stays_erased(intake: Intake) -> None:
    """The hub gets its receipt and is content; nothing comes back, not even where nobody looks."""
    signed = [intake.batch(seq) for seq in (1, 2)]
    for each in signed:
        intake.say(each)
    message = intake.sealed(signed[0])
    intake.hand_in(message)
    forget(intake)

    assert [intake.say(each) for each in signed] == [[wire.Kind.RECEIPT]] * 2
    assert intake.stored() == []
    assert (
        intake.batches.totals() | {"batches": 2, "readings": 0, "message_bytes": 0} == intake.batches.totals()
    )
    assert intake.db.execute("SELECT sum(length(signed)) FROM batch").fetchone()[0] == 0
    assert intake.codes() == []
    assert intake.batches.head(HUB.hub, EPOCH, Stream.URGENT).seq == 2
    assert intake.batches.holes(HUB.hub, EPOCH, Stream.URGENT) == ()
    assert (broken_deletion(intake.db), broken_accounts(intake.db)) == (None, [])


def test_a_replay_of_an_erased_batch_is_still_a_replay(intake: Intake) -> None:
    """The digest of the message it came in is kept: it tells nothing."""
    message = intake.sealed(intake.batch(1))
    intake.hand_in(message)
    forget(intake)

    assert intake.hand_in(message) == [wire.Kind.REFUSAL]
    assert intake.codes() == ["batch-replayed"]


def test_erased_content_that_a_hub_numbers_anew_stays_erased(intake: Intake) -> None:
    """A hub that begins a new epoch takes along what it still holds."""
    original = intake.batch(1)
    intake.say(original)
    forget(intake)
    intake.before = None
    origin = Origin(EPOCH, 1, content_digest(original[: -wire.SIGNATURE_BYTES]))
    later = bytes(7) + b"\1"

    assert intake.say(intake.batch(1, epoch=later, value=1, origin=origin)) == [wire.Kind.RECEIPT]
    assert intake.say(intake.batch(2, epoch=later)) == [wire.Kind.RECEIPT]
    assert intake.stored() == [2]
    assert intake.db.execute("SELECT length(signed) FROM batch WHERE epoch = ?", (later,)).fetchone()[0] == 0
    assert broken_deletion(intake.db) is None


def test_other_content_under_an_erased_number_is_a_fork(intake: Intake) -> None:
    """The digest is enough to tell."""
    intake.say(intake.batch(1))
    forget(intake)
    intake.before = None

    assert intake.say(intake.batch(1, value=5)) == [wire.Kind.REFUSAL]
    assert intake.codes() == ["batch-forked"]
    assert intake.stored() == []


def test_a_manifest_that_was_erased_is_asked_for_when_a_new_batch_leans_on_it(intake: Intake) -> None:
    """A hub revoked, its home forgotten, then allowed again: its readings can be read, the old ones stay erased."""
    first, second, third = (intake.batch(seq) for seq in (1, 2, 3))
    intake.say(first)
    intake.registry.stand(HUB.hub, Standing.REVOKED, "moved out", NOW_MS)
    forget(intake)
    intake.db.execute("UPDATE hub SET standing = 'enrolled'")

    receipt, ask = intake.answers(intake.sealed(second), NOW_MS + 5_000)
    wanted = wire.decode_ask(
        verify_tagged(intake.keys.receipt.public_key(), wire.ASK_TAG, ask.payload[1:], code="")
    )
    assert (wire.kind_of(receipt.payload), wanted.first, wanted.last) == (wire.Kind.RECEIPT, 1, 1)
    assert intake.stored() == []

    assert intake.say(first) == [wire.Kind.RECEIPT]
    assert intake.stored() == [2]
    assert [row["name"] for row in intake.db.execute("SELECT name FROM sensor")] == ["door"]
    assert intake.say(third) == [wire.Kind.RECEIPT]
    assert intake.stored() == [2, 3]


def test_a_manifest_that_the_hub_no_longer_holds_is_not_asked_for_again(intake: Intake) -> None:
    """Once the hub has said so, there is nothing to ask."""
    first, second, third = (intake.batch(seq) for seq in (1, 2, 3))
    intake.say(first)
    intake.registry.stand(HUB.hub, Standing.REVOKED, "moved out", NOW_MS)
    forget(intake)
    intake.db.execute("UPDATE hub SET standing = 'enrolled'")
    intake.say(second)
    lost = wire.Gone(
        HUB.site, HUB.hub, EPOCH, Stream.URGENT, 1, wire.Head(1, bytes(32)), wire.Reason.EXPIRED, 0, 0, 0
    )
    signed = sign_tagged(intake.hub_key, wire.GONE_TAG, wire.encode_gone(lost))

    assert intake.hand_in(
        wire.framed(wire.Kind.GONE, seal(signed, intake.keys.site.public_key(), HUB.hub))
    ) == [wire.Kind.RECEIPT]
    assert intake.say(third) == [wire.Kind.RECEIPT]
