"""One hub and one cloud joined by a hostile network: both real stores, no crypto, no clock of its own.

The hub's side is the real ``Sender`` over the real ``Outbox``; the cloud's side is the real ledger over
the real ``Batches``. Messages are the wire's dataclasses in two lists that a test may reorder, repeat
and drop. Every batch holds one reading with a number of its own, so that each can be accounted for.
"""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cloud_sync.receiver.store.batches import Arrival, Batches
from cloud_sync.receiver.store.database import _migrate
from cloud_sync.sync import ledger
from cloud_sync.sync.sender import HistoryError, Item, LostGroundError, Sender
from cloud_sync.wire.batch import (
    Batch,
    Contract,
    Origin,
    Quantity,
    Reading,
    Sensor,
    Stream,
    chain_start,
    content_digest,
    decode,
    leans_on,
)
from cloud_sync.wire.message import SIGNATURE_BYTES, Ask, Cursor, Gone, Head, Hello, Receipt
from edge_agent.adapters.outbox import Outbox
from edge_agent.core.batching import Change, Draft, drafted
from edge_agent.core.retention import Limits

SITE, HUB, BOOT = "site", "h" * 13, bytes(16)
DOOR = Sensor("C0:00:00:00:00:01", "door", "hall", "bthome_v2", Contract.EVENT_ONLY, 0)
NUMBER = Quantity("count", "", 0, "number")


@dataclass(frozen=True, slots=True)
class SentBatch:
    """A batch on its way up."""

    signed: bytes

    @property
    def body(self) -> bytes:
        """Without the signature, which nobody checks here."""
        return self.signed[:-SIGNATURE_BYTES]


Up = SentBatch | Gone | Hello
Down = Receipt | Cursor | Ask


@dataclass(slots=True)
class World:
    """Both ends and what is between them."""

    directory: Path
    up: list[Up] = field(default_factory=list)
    down: list[Down] = field(default_factory=list)
    now: float = 0.0
    keys: defaultdict[tuple[bytes, int, int], set[int]] = field(
        default_factory=lambda: defaultdict(set)
    )  # what stood where
    committed: set[int] = field(
        default_factory=set
    )  # numbers the hub has made durable and still must answer for
    sent: dict[bytes, list[int]] = field(default_factory=dict)  # what each batch says, manifest or none
    images: list[tuple[Path, set[int]]] = field(default_factory=list)
    backups: list[sqlite3.Connection] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    epochs: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    nonces: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    boots: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    boot_id: bytes = BOOT
    nonce: bytes = b""
    chance: float = 0.5
    copies: Iterator[int] = field(default_factory=itertools.count)
    outbox: Outbox = field(init=False)
    sender: Sender = field(init=False)
    db: sqlite3.Connection = field(init=False)
    cloud: Batches = field(init=False)

    def __post_init__(self) -> None:
        self.db = _memory()
        self.cloud = Batches(self.db)
        self.boot_hub()

    def close(self) -> None:
        """Let go of files and connections."""
        self.outbox.close()
        self.db.close()
        for backup in self.backups:
            backup.close()

    # The hub.

    def boot_hub(self) -> None:
        """Start, or start again after a crash: only what is on disk is known."""
        self.outbox = Outbox(self.directory / "outbox.db", self._fresh_epoch(), _chain_start)
        shelf = self.outbox.shelf()
        self.sender = Sender(shelf.floors, shelf.receipted, shelf.items, lambda: self.chance)

    def crash_hub(self) -> None:
        """Cut the hub's power; the network keeps what is under way. A new boot tells its manifest anew."""
        self.outbox.close()
        self.boot_id = next(self.boots).to_bytes(16, "big")
        self.boot_hub()

    def cut(self, stream: Stream) -> None:
        """The hub commits a batch with one new reading."""
        number = next(self.numbers)
        batch = Batch(
            SITE,
            HUB,
            self.outbox.epoch,
            stream,
            0,
            self.boot_id,
            number,
            None,
            sensors=(DOOR,),
            quantities=(NUMBER,),
            readings=(Reading(0, 0, number, number),),
        )
        done = self.outbox.commit(Change(self.boot_id, number, drafts=(drafted(batch, stream, _sign),)))
        self.committed.add(number)
        for cut_stream, head in done.cut:
            self.keys[self.outbox.epoch, cut_stream, head.seq].add(number)
            self.sender.cut(cut_stream, head)

    def greet(self) -> None:
        """Open a session."""
        self.sender.closed()
        self.nonce = next(self.nonces).to_bytes(16, "big")
        heads = (self.sender.newest(Stream.URGENT), self.sender.newest(Stream.ROUTINE))
        self.up.append(
            Hello(SITE, HUB, self.outbox.epoch, self.nonce, bytes(32), BOOT, heads, self.outbox.previous)
        )

    def send_due(self) -> int:
        """Put on the wire what the sender says is due."""
        due = self.sender.due(self.now)
        for stream, item in due:
            self.up.append(self._content(stream, item))
        return len(due)

    def hear_down(self, message: Down) -> None:
        """What the uplink does with a believed message."""
        if isinstance(message, Ask):
            self.sender.asked(message.stream, message.first, message.last)
        elif message.epoch != self.outbox.epoch:
            return
        elif isinstance(message, Cursor):
            self._hear_cursor(message)
        else:
            self._hear_receipt(message)

    def prune(self, limits: Limits, now_ms: int) -> None:
        """Forget what was receipted long ago."""
        for stream, floor in self.outbox.prune(now_ms, limits).items():
            self.sender.pruned(stream, floor)

    def shed(self, bytes_needed: int) -> None:
        """The disk is full."""
        floors, gone = self.outbox.shed(bytes_needed)
        for stream, floor in floors.items():
            self.sender.pruned(stream, floor)
        for stream, item in gone:
            self.sender.shed(stream, item)

    def answerable(self) -> set[int]:
        """What the hub still holds, and what it can name: below its floors, and in the gaps it knows of."""
        shelf = self.outbox.shelf()
        named = [(stream, seq) for stream in Stream for seq in range(1, shelf.floors[stream].seq + 1)]
        answered: set[int] = set()
        for stream, items in shelf.items.items():
            for item in items:
                if item.gone:
                    named += [(stream, seq) for seq in range(item.first, item.head.seq + 1)]
                elif signed := self.outbox.signed(stream, item.head.seq):
                    answered.update(_numbers(signed, self.outbox._manifest_of(stream, signed)))
        return answered.union(
            *(self.keys.get((self.outbox.epoch, stream, seq), set()) for stream, seq in named)
        )

    def take_image(self) -> None:
        """Copy the hub's disk, consistently."""
        path = self.directory / f"image{next(self.copies)}.db"
        with _connection(path) as copy:
            self.outbox._db.backup(copy)
        self.images.append((path, set(self.committed)))

    def restore_image(self, number: int) -> None:
        """Put an earlier disk image back: what the hub knew since then is gone, and it cannot know."""
        path, knew = self.images[number]
        self.outbox.close()
        for suffix in ("", "-wal", "-shm"):
            (self.directory / f"outbox.db{suffix}").unlink(missing_ok=True)
        shutil.copy(path, self.directory / "outbox.db")
        self.boot_hub()
        held = set(self.stored())
        self.committed = (knew & (held | self.answerable())) | (self.committed & held)

    # The cloud.

    def hear_up(self, message: Up, *, answer: bool = True) -> None:
        """Take one message, durably; a crash before the answer loses only the answer."""
        with self.cloud.transaction():
            answers = list(self._take(message))
        if answer:
            self.down += answers

    def take_backup(self) -> None:
        """Copy the cloud's store."""
        copy = _memory()
        self.db.backup(copy)
        self.backups.append(copy)

    def restore_backup(self, number: int, *, said: bool) -> None:
        """Put an earlier copy back; ``said``: by the command that renews the generation."""
        self.backups[number].backup(self.db)
        self.committed &= set(self.stored()) | self.answerable()  # both ends robbed: nobody can know
        self.cloud = Batches(self.db)
        if said:
            self.cloud.renew_generation()

    def damage(self, stream: Stream) -> None:
        """A batch of the present epoch that the ledger counts is no longer in the store."""
        row = self.db.execute(
            "SELECT id, seq, signed FROM batch WHERE stream = ? AND epoch = ? AND seq <= ? AND erased IS NULL ORDER BY id DESC LIMIT 1",
            (stream, self.outbox.epoch, self.sender.newest(stream)),
        ).fetchone()
        if row is None or self.outbox.signed(stream, row["seq"]) not in {None, row["signed"]}:
            return  # of another life of the hub, which no longer knows of it
        self.db.execute("DELETE FROM batch WHERE id = ?", (row["id"],))

    def stored(self) -> list[int]:
        """The numbers of all counted readings."""
        rows = self.db.execute(
            "SELECT signed, packed FROM batch JOIN manifest ON manifest.hub = batch.hub AND manifest.epoch = batch.epoch"
            " AND manifest.stream = batch.stream AND manifest.seq = batch.manifest_seq WHERE counted AND erased IS NULL"
        )
        return [number for row in rows for number in _numbers(row["signed"], row["packed"])]

    def named_gone(self) -> set[int]:
        """Numbers whose loss the hub has named to the cloud."""
        return {
            number
            for row in self.db.execute("SELECT epoch, stream, first, last FROM gone")
            for seq in range(row["first"], row["last"] + 1)
            for number in self.keys.get((row["epoch"], row["stream"], seq), ())
        }

    # The end of a story.

    def exchange(self) -> None:
        """Deliver everything under way, in order, until nothing is."""
        while self.up or self.down:
            if self.up:
                self.hear_up(self.up.pop(0))
            if self.down:
                self.hear_down(self.down.pop(0))

    def settle(self, rounds: int = 60) -> bool:
        """A kind network, in order and without loss, until nothing is due; True if it goes quiet."""
        self.up.clear()
        self.down.clear()
        self.greet()
        for _ in range(rounds):
            self.exchange()
            self.now += 10_000
            if not self.send_due() and not self.up and not self.down:
                return True
        return False

    def _hear_cursor(self, cursor: Cursor) -> None:
        if cursor.nonce != self.nonce:
            return
        heads = dict(zip(Stream, cursor.heads, strict=True))
        try:
            moved = self.sender.cursor(heads, cursor.generation)
        except HistoryError:
            self._begin_epoch({stream: head.seq for stream, head in heads.items()})
            return
        for stream, head in moved.items():
            self.outbox.receipted(stream, head, int(self.now))

    def _hear_receipt(self, receipt: Receipt) -> None:
        try:
            moved = self.sender.receipt(receipt.stream, receipt.head, receipt.held, receipt.generation)
        except (HistoryError, LostGroundError):
            self.greet()
            return
        if moved:
            self.outbox.receipted(receipt.stream, moved, int(self.now))

    def _begin_epoch(self, told: dict[Stream, int]) -> None:
        before, carried = (
            self.outbox.epoch,
            self.outbox._db.execute(
                "SELECT gone.stream, first, last FROM gone JOIN head ON head.stream = gone.stream"
                " WHERE last > receipted_seq ORDER BY gone.stream, last"
            ).fetchall(),
        )
        self.outbox.begin_epoch(self._fresh_epoch(), told, _redraft)
        after = self.outbox._db.execute("SELECT stream, last FROM gone ORDER BY stream, last").fetchall()
        for (stream, first, last), (_, seq) in zip(carried, after, strict=True):
            gap = (self.keys.get((before, stream, n), set()) for n in range(first, last + 1))
            self.keys[self.outbox.epoch, stream, seq].update(*gap)
        for stream, seq, signed in self.outbox._db.execute(
            "SELECT stream, seq, signed FROM batch"
        ).fetchall():
            packed = self.outbox._manifest_of(Stream(stream), signed)
            self.keys[self.outbox.epoch, stream, seq].update(_numbers(signed, packed))
        self.crash_hub()
        self.greet()

    def _content(self, stream: Stream, item: Item) -> SentBatch | Gone:
        signed = None if item.gone else self.outbox.signed(stream, item.head.seq)
        if signed is not None:
            self.sent[signed] = _numbers(signed, self.outbox._manifest_of(stream, signed))
            return SentBatch(signed)
        lost = self.outbox.lost(stream, item.first, item.head.seq)
        what = (lost.reason, lost.readings, lost.from_ms, lost.to_ms)
        return Gone(SITE, HUB, self.outbox.epoch, stream, item.first, item.head, *what)

    def _take(self, message: Up) -> Iterator[Down]:
        if isinstance(message, Hello):
            yield from self._take_hello(message)
            return
        if isinstance(message, Gone):
            self.cloud.insert_gone(message, b"", 0)
            yield self._receipt(message.epoch, message.stream)
            return
        header, manifest = leans_on(message.body)
        digest, size = content_digest(message.body), len(message.signed)
        arrival = Arrival(HUB, header, manifest, digest, b"", message.signed, size, 0)
        known = self.cloud.known(arrival)
        match ledger.admit(digest, known and known[0]):
            case ledger.Stored():
                self.cloud.insert(arrival)
            case ledger.Forked():
                self.cloud.insert_fork(arrival)
                return
        yield self._receipt(header.epoch, header.stream)

    def _take_hello(self, hello: Hello) -> Iterator[Down]:
        self.cloud.begin_epoch(hello, 0)
        urgent, routine = (self.cloud.head(HUB, hello.epoch, stream) for stream in Stream)
        generation = self.cloud.generation
        yield Cursor(SITE, HUB, hello.epoch, hello.nonce, generation, (urgent, routine), bytes(32), b"")
        for stream in Stream:
            for first, last in self.cloud.holes(HUB, hello.epoch, stream):
                yield Ask(SITE, HUB, hello.epoch, stream, first, last)

    def _receipt(self, epoch: bytes, stream: Stream) -> Receipt:
        head, held = self.cloud.advance(HUB, epoch, stream)
        return Receipt(SITE, HUB, epoch, stream, head, held, self.cloud.generation)

    def _fresh_epoch(self) -> bytes:
        return next(self.epochs).to_bytes(8, "big")


def forged(receipt: Receipt, newest: int) -> Receipt:
    """A receipt that claims everything, for a history that is not the hub's."""
    return replace(receipt, head=Head(newest, bytes(32)))


def _sign(body: bytes) -> bytes:
    return body + bytes(SIGNATURE_BYTES)


def _redraft(stream: Stream, signed: bytes, packed: bytes, epoch: bytes) -> Draft:
    body = signed[:-SIGNATURE_BYTES]
    batch = decode(body, SITE, HUB, packed)
    origin = batch.origin or Origin(batch.epoch, batch.seq, content_digest(body))
    return drafted(replace(batch, epoch=epoch, origin=origin), stream, _sign)


def _numbers(signed: bytes, packed: bytes) -> list[int]:
    batch = decode(signed[:-SIGNATURE_BYTES], SITE, HUB, packed)
    return [int(reading.value) for reading in batch.readings]


def _chain_start(epoch: bytes, stream: Stream) -> bytes:
    return chain_start(HUB, epoch, stream)


def _memory() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.row_factory = sqlite3.Row
    _migrate(db)
    return db


@contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(path)
    try:
        yield db
    finally:
        db.close()
