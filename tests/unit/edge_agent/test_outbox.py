"""The outbox on a real SQLite file: what is durable together, numbered, chained, forgotten."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from cloud_sync.sync.sender import Item
from cloud_sync.wire.batch import (
    RENEW_AFTER_BATCHES,
    Anchor,
    Batch,
    Contract,
    Inline,
    Quality,
    Quantity,
    Reading,
    Sensor,
    Stream,
    chain_next,
    chain_start,
    content_digest,
    decode,
    leans_on,
)
from cloud_sync.wire.message import Head, Previous, Reason
from edge_agent.adapters.ballast import BALLAST_BYTES
from edge_agent.adapters.outbox import CHECKPOINT_EVERY, Outbox
from edge_agent.core.batching import Change, Draft, Row, Written, drafted
from edge_agent.core.freshness import Guard
from edge_agent.core.retention import Limits
from edge_agent.core.shelf import Lost
from edge_agent.errors import OutboxError, OutboxFullError

HUB, BOOT, EPOCH = "h" * 13, bytes(16), bytes(range(8))
ROW = Row("C0:00:00:00:00:01", 5, 1, Quantity("door", "", 0, "boolean", flags=65, tick_ms=7))


def outbox(path: Path) -> Outbox:
    """The outbox at ``path``, made or opened again."""
    return Outbox(path / "outbox.db", EPOCH, lambda epoch, stream: chain_start(HUB, epoch, stream))


def draft(stream: Stream, body: bytes) -> Draft:
    """A draft whose body is known before it is numbered."""

    def write(seq: int, before: Inline | None, _: bytes | None) -> Written:
        inline = before or Inline(seq, b"manifest", 1, None)
        return Written(body + bytes([seq]), body + bytes([seq]) + b"signature", inline)

    return Draft(stream, 1, 5, 9, write)


def door(number: int) -> Draft:
    """A real batch with one reading, at that millisecond."""
    sensor = Sensor(ROW.sensor, "door", "hall", "bthome_v2", Contract.EVENT_ONLY, 0)
    batch = Batch(
        "site",
        HUB,
        EPOCH,
        Stream.URGENT,
        0,
        BOOT,
        number,
        None,
        sensors=(sensor,),
        quantities=(ROW.quantity,),
        readings=(Reading(0, 0, number, 1),),
    )
    return drafted(batch, Stream.URGENT, lambda body: body)


def test_batches_are_numbered_and_chained_per_stream(tmp_path: Path) -> None:
    """Each stream counts from one, and its chain covers every body in order."""
    box = outbox(tmp_path)

    cut = box.commit(Change(BOOT, 0, drafts=(draft(Stream.URGENT, b"a"), draft(Stream.URGENT, b"b")))).cut
    routine = box.commit(Change(BOOT, 0, drafts=(draft(Stream.ROUTINE, b"c"),))).cut

    first = chain_next(chain_start(HUB, EPOCH, Stream.URGENT), content_digest(b"a\1"))
    second = chain_next(first, content_digest(b"b\2"))
    assert cut == ((Stream.URGENT, Head(1, first)), (Stream.URGENT, Head(2, second)))
    assert routine[0][1].seq == 1
    assert box.signed(Stream.URGENT, 2) == b"b\2signature"


def test_everything_committed_is_there_after_a_restart(tmp_path: Path) -> None:
    """Pending rows with their anchor, guards, batches and the epoch outlive the process."""
    box = outbox(tmp_path)
    anchor = Anchor(1_800_000_000_000, 4, Quality.COARSE)
    guards = {ROW.sensor: Guard(counter=9, repeat=3, content=7, kept_ms=5)}
    box.commit(Change(BOOT, 6, rows=(ROW,), spans=((1, 5),), guards=guards, anchor=anchor))
    box.commit(Change(BOOT, 7, drafts=(draft(Stream.ROUTINE, b"x"),)))
    box.close()

    again = outbox(tmp_path)

    (pending,) = again.pending()
    assert (pending.rows, pending.spans, pending.anchor) == ((ROW,), ((1, 5),), anchor)
    assert again.guards() == guards
    assert [item.head.seq for item in again.shelf().items[Stream.ROUTINE]] == [1]


def test_a_coarse_anchor_never_overrides_a_synchronised_one(tmp_path: Path) -> None:
    """The best clock a boot ever had is the one its rows are placed by."""
    box = outbox(tmp_path)
    good, coarse = Anchor(2_000, 1, Quality.SYNCED), Anchor(9_000, 2, Quality.COARSE)
    box.commit(Change(BOOT, 1, rows=(ROW,), anchor=good))
    box.commit(Change(BOOT, 2, anchor=coarse))

    assert box.pending()[0].anchor == good


def test_a_failed_transaction_keeps_nothing_of_it(tmp_path: Path) -> None:
    """A draft that cannot be written takes its rows and guards with it, and its number is not used up."""
    box = outbox(tmp_path)

    def fails(*_: object) -> Written:
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(OutboxError, match="disk I/O error"):
        box.commit(
            Change(
                BOOT, 1, rows=(ROW,), guards={"s": Guard()}, drafts=(Draft(Stream.URGENT, 1, 0, 0, fails),)
            )
        )

    assert box.pending() == []
    assert box.guards() == {}
    assert box.commit(Change(BOOT, 1, drafts=(draft(Stream.URGENT, b"a"),))).cut[0][1].seq == 1


def test_the_store_is_set_to_survive_a_power_cut(tmp_path: Path) -> None:
    """FULL, not NORMAL: in WAL mode NORMAL loses what was acknowledged."""
    box = outbox(tmp_path)

    assert box._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert box._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_outbox_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    """A file in the way is our error, not the library's."""
    (tmp_path / "outbox.db").mkdir()

    with pytest.raises(OutboxError, match="Could not open the outbox"):
        outbox(tmp_path)


def test_a_receipted_batch_is_retained_until_it_is_old(tmp_path: Path) -> None:
    """A receipt lets nothing go at once; and what stays begins with a manifest, or nobody could read it."""
    box = outbox(tmp_path)
    cut = box.commit(Change(BOOT, 0, drafts=tuple(door(n) for n in range(RENEW_AFTER_BATCHES + 2)))).cut
    box.receipted(Stream.URGENT, cut[-1][1], 1_000)

    assert box.prune(1_000 + 10_000, Limits(retain_age_max_s=10)) == {}
    assert box.prune(1_000 + 10_001, Limits(retain_age_max_s=10)) == {
        Stream.URGENT: cut[RENEW_AFTER_BATCHES - 1][1]
    }
    assert box.signed(Stream.URGENT, RENEW_AFTER_BATCHES) is None
    assert box.signed(Stream.URGENT, RENEW_AFTER_BATCHES + 1) is not None
    assert box.shelf().floors[Stream.URGENT] == cut[RENEW_AFTER_BATCHES - 1][1]


def test_a_full_disk_names_what_was_not_delivered(tmp_path: Path) -> None:
    """The oldest undelivered one goes first, by name; never the one that the others need to be read."""
    box = outbox(tmp_path)
    cut = box.commit(Change(BOOT, 0, drafts=(door(1), door(2), door(3)))).cut

    floors, gone = box.shed(1)

    assert floors == {}
    assert gone == [(Stream.URGENT, Item(2, cut[1][1], gone=True))]
    assert box.lost(Stream.URGENT, 2, 2) == Lost(Reason.SHED, 1, 2, 2)
    assert box.signed(Stream.URGENT, 1) is not None


def test_a_new_epoch_numbers_anew_what_was_not_delivered(tmp_path: Path) -> None:
    """Undelivered content and unnamed gaps go along, readable by themselves; why is remembered."""
    box = outbox(tmp_path)
    box.commit(Change(BOOT, 0, drafts=(door(1), door(2), door(3))))
    box.shed(1)

    def redraft(stream: Stream, signed: bytes, packed: bytes, epoch: bytes) -> Draft:
        return drafted(replace(decode(signed, "site", HUB, packed), epoch=epoch), stream, lambda body: body)

    box._manifest_of = lambda *_: leans_on(box.signed(Stream.URGENT, 1) or b"")[1] or b""  # type: ignore[method-assign]
    box.begin_epoch(b"newepoch", {Stream.URGENT: 9, Stream.ROUTINE: 0}, redraft)

    assert box.epoch == b"newepoch"
    assert box.previous == Previous(EPOCH, (3, 0), (9, 0))
    gap, first, second = box.shelf().items[Stream.URGENT]
    assert (gap.gone, gap.head.seq, first.head.seq, second.head.seq) == (True, 1, 2, 3)
    header, packed = leans_on(box.signed(Stream.URGENT, 2) or b"")
    assert (header.epoch, packed is not None) == (b"newepoch", True)


def test_a_full_disk_is_told_apart(tmp_path: Path) -> None:
    """Only a full disk is a reason to let things go."""
    box = outbox(tmp_path)
    box._db.execute(f"PRAGMA max_page_count = {box._db.execute('PRAGMA page_count').fetchone()[0]}")
    written = Written(bytes(100_000), bytes(100_000), Inline(1, b"", 1, None))
    big = Draft(Stream.URGENT, 1, 0, 0, lambda *_: written)

    with pytest.raises(OutboxFullError):
        box.commit(Change(BOOT, 0, drafts=(big,)))


def test_what_was_kept_for_a_full_disk_comes_back_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given up to go on, it is not taken back as long as that would fill the disk again."""
    box, ballast = outbox(tmp_path), tmp_path / "outbox.ballast"
    assert ballast.stat().st_size == BALLAST_BYTES
    box.shed(1)
    assert not ballast.exists()

    free = [2 * BALLAST_BYTES - 1]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free[0]))
    assert box.lay_ballast() is False
    assert not ballast.exists()
    free[0] += 1
    assert box.lay_ballast() is True
    assert ballast.stat().st_size == BALLAST_BYTES


def test_half_a_reserve_is_none(tmp_path: Path) -> None:
    """The power may go while it is laid."""
    ballast = tmp_path / "outbox.ballast"
    ballast.write_bytes(bytes(4096))
    outbox(tmp_path)
    assert ballast.stat().st_size == BALLAST_BYTES


def test_a_disk_that_lets_nothing_go_is_said(tmp_path: Path) -> None:
    """Read-only, or worn out: no room is won, and the hub goes on."""
    box, ballast = outbox(tmp_path), tmp_path / "outbox.ballast"
    ballast.unlink()
    ballast.mkdir()
    with pytest.raises(OutboxError, match="Could not write to the outbox"):
        box.shed(1)


def test_readings_that_the_disk_garbled_are_said(tmp_path: Path) -> None:
    """They are no readings any more."""
    box = outbox(tmp_path)
    box.commit(Change(BOOT, 5, rows=(ROW,)))
    box._db.execute("UPDATE pending SET rows = x'91c0'")
    with pytest.raises(OutboxError, match="Could not read the outbox"):
        box.pending()


def test_every_64th_batch_states_the_chain_before_it(tmp_path: Path) -> None:
    """A stretch of batches can be verified alone, years later."""
    box = outbox(tmp_path)
    cut = box.commit(Change(BOOT, 0, drafts=tuple(door(n) for n in range(CHECKPOINT_EVERY)))).cut

    stated = [leans_on(box.signed(Stream.URGENT, head.seq) or b"")[0].chain for _, head in cut]

    assert stated[:-1] == [None] * (CHECKPOINT_EVERY - 1)
    assert stated[-1] == cut[-2][1].chain
