"""Signed batches, the ledger over them, and the values derived from them (SQLite).

The methods that write expect a transaction of the caller's around them: what belongs
together becomes durable together.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from cloud_sync.receiver.store import derived, erasure
from cloud_sync.receiver.store.database import transaction
from cloud_sync.receiver.store.settings import Settings
from cloud_sync.sync import ledger
from cloud_sync.sync.placing import Placing
from cloud_sync.wire.batch import Anchor, Batch, Quality, Stream
from cloud_sync.wire.body import Header
from cloud_sync.wire.message import Gone, Head, Hello
from zero_trust.evidence import Received

GENERATION_BYTES = 8


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified batch and how it came; ``manifest`` is packed, if it carries one."""

    hub: str
    header: Header
    manifest: bytes | None
    digest: bytes
    envelope: bytes
    signed: bytes
    message_bytes: int
    received_ms: int

    @property
    def key(self) -> tuple[str, bytes, int, int]:
        """Hub, epoch, stream, sequence number."""
        return self.hub, self.header.epoch, self.header.stream, self.header.seq

    @property
    def manifest_seq(self) -> int:
        """The batch whose manifest it leans on."""
        return self.header.seq - self.header.distance


@dataclass(frozen=True, slots=True)
class Unread:
    """A stored batch whose manifest was not here when it came."""

    id: int
    signed: bytes
    received_ms: int
    counted: bool


@dataclass(frozen=True, slots=True)
class Session:
    """The last session a hub opened."""

    hub: str
    key: bytes
    boot_id: bytes
    opened_ms: int
    counter: int
    beat_ms: int | None
    frame_age_s: int | None


@dataclass(frozen=True, slots=True)
class StreamKey:
    """One stream of one life of a hub."""

    hub: str
    epoch: bytes
    stream: Stream


class Batches:
    """Rows of one SQLite file that the intake writes."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        with self.transaction():
            db.execute("INSERT OR IGNORE INTO meta VALUES ('generation', ?)", (_fresh_generation(),))

    @property
    def settings(self) -> Settings:
        """What each hub shall leave out."""
        return Settings(self._db)

    @property
    def generation(self) -> bytes:
        """Random at creation and after each restore: tells a store from the one whose place it took."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()
        generation: bytes = row["value"]
        return generation

    def transaction(self) -> transaction:
        """One durable commit around several calls."""
        return transaction(self._db)

    def known(self, arrival: Arrival) -> tuple[bytes, bytes] | None:
        """Content digest and envelope digest of what is stored under the batch's key."""
        row = self._db.execute(
            "SELECT digest, envelope FROM batch WHERE hub = ? AND epoch = ? AND stream = ? AND seq = ?",
            arrival.key,
        ).fetchone()
        return (row["digest"], row["envelope"]) if row else None

    def insert(self, arrival: Arrival) -> Unread:
        """Keep a new batch as evidence, not yet read; uncounted if the same content is counted in another epoch.

        Of content that was erased in another epoch only key and digest are kept, here too.
        """
        twin = self._twin(arrival)
        counted = twin is None
        added = self._db.execute(
            "INSERT INTO batch (hub, epoch, stream, seq, digest, envelope, signed, readings, message_bytes, received_ms,"
            " counted, manifest_seq, checkpoint) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *arrival.key,
                arrival.digest,
                arrival.envelope,
                arrival.signed,
                arrival.header.count,
                arrival.message_bytes,
                arrival.received_ms,
                counted,
                arrival.manifest_seq,
                arrival.header.chain,
            ),
        )
        if arrival.manifest is not None:
            self.keep_manifest(arrival)
        number = added.lastrowid or 0
        if twin is not None and twin["erased"] is not None:
            erasure.empty_again(self._db, number, arrival.received_ms)
        return Unread(number, arrival.signed, arrival.received_ms, counted)

    def keep_manifest(self, arrival: Arrival) -> None:
        """Keep the manifest that a batch carries: later ones lean on it."""
        key = (*arrival.key, arrival.manifest)
        self._db.execute("INSERT OR REPLACE INTO manifest VALUES (?, ?, ?, ?, ?)", key)

    def manifest(self, hub: str, epoch: bytes, stream: int, seq: int) -> bytes | None:
        """The manifest that a batch carries, if it is here."""
        query = "SELECT packed FROM manifest WHERE hub = ? AND epoch = ? AND stream = ? AND seq = ?"
        row = self._db.execute(query, (hub, epoch, stream, seq)).fetchone()
        return row["packed"] if row else None

    def unread(self, arrival: Arrival) -> list[Unread]:
        """Stored batches that lean on the manifest which this one carries, and wait for it."""
        found = self._db.execute(
            "SELECT id, signed, received_ms, counted FROM batch WHERE hub = ? AND epoch = ? AND stream = ?"
            " AND manifest_seq = ? AND offset_ms IS NULL AND erased IS NULL AND seq <> manifest_seq ORDER BY seq",
            arrival.key,
        )
        return [Unread(row["id"], row["signed"], row["received_ms"], bool(row["counted"])) for row in found]

    def manifests_missed(self, hub: str, epoch: bytes, stream: Stream) -> list[int]:
        """Batches erased with the manifest they carried, on which newer ones lean that wait for it; not those gone."""
        found = self._db.execute(
            "SELECT DISTINCT carrier.seq FROM batch AS waiting JOIN batch AS carrier"
            " ON carrier.hub = waiting.hub AND carrier.epoch = waiting.epoch AND carrier.stream = waiting.stream"
            " AND carrier.seq = waiting.manifest_seq AND carrier.manifest_seq = carrier.seq"
            " WHERE waiting.hub = ?1 AND waiting.epoch = ?2 AND waiting.stream = ?3"
            " AND waiting.offset_ms IS NULL AND waiting.erased IS NULL AND carrier.erased IS NOT NULL"
            " AND carrier.seq NOT IN (SELECT seq FROM manifest WHERE hub = ?1 AND epoch = ?2 AND stream = ?3)"
            " AND NOT EXISTS (SELECT 1 FROM gone WHERE hub = ?1 AND epoch = ?2 AND stream = ?3"
            " AND carrier.seq BETWEEN first AND last)",
            (hub, epoch, stream),
        )
        return [row["seq"] for row in found]

    def best_anchor(self, batch: Batch) -> Anchor | None:
        """The best clock that the batch's boot has told; what the batch itself tells is remembered."""
        told, key = batch.anchor, (batch.hub, batch.boot_id)
        if told is not None:
            self._db.execute(
                "INSERT INTO anchor VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET wall_ms = excluded.wall_ms,"
                " boot_ms = excluded.boot_ms, quality = excluded.quality WHERE excluded.quality > anchor.quality"
                " OR (excluded.quality = anchor.quality AND excluded.boot_ms >= anchor.boot_ms)",
                (*key, told.wall_ms, told.boot_ms, told.quality),
            )
        query = "SELECT wall_ms, boot_ms, quality FROM anchor WHERE hub = ? AND boot_id = ?"
        row = self._db.execute(query, key).fetchone()
        return Anchor(row["wall_ms"], row["boot_ms"], Quality(row["quality"])) if row else None

    def _twin(self, arrival: Arrival) -> sqlite3.Row | None:
        """The same content in another epoch: the original of this one, or what was made of it before it came."""
        origin, header = arrival.header.origin, arrival.header
        key = (*arrival.key, arrival.digest)
        if origin is not None:
            key = (arrival.hub, origin.epoch, header.stream, origin.seq, origin.digest)
            self._db.execute(
                "INSERT OR IGNORE INTO recut VALUES (?, ?, ?, ?, ?, ?, ?)", (*key, header.epoch, header.seq)
            )
            query = (
                "SELECT * FROM batch WHERE hub = ? AND epoch = ? AND stream = ? AND seq = ? AND digest = ?"
            )
            original: sqlite3.Row | None = self._db.execute(query, key).fetchone()
            if original:
                return original
        query = (
            "SELECT batch.* FROM recut JOIN batch ON batch.hub = recut.hub AND batch.epoch = by_epoch"
            " AND batch.stream = recut.stream AND batch.seq = by_seq WHERE recut.hub = ? AND recut.epoch = ?"
            " AND recut.stream = ? AND recut.seq = ? AND recut.digest = ? AND (by_epoch <> ? OR by_seq <> ?)"
            " ORDER BY erased IS NULL LIMIT 1"
        )
        numbered_anew: sqlite3.Row | None = self._db.execute(
            query, (*key, header.epoch, header.seq)
        ).fetchone()
        return numbered_anew

    def insert_fork(self, arrival: Arrival) -> None:
        """Keep other content under a number already taken, uncounted."""
        self._db.execute(
            "INSERT OR IGNORE INTO fork (hub, epoch, stream, seq, digest, signed, received_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*arrival.key, arrival.digest, arrival.signed, arrival.received_ms),
        )

    def mark(self) -> int:
        """Where the stored batches end now; see :meth:`arrived_since`."""
        row = self._db.execute("SELECT coalesce(max(id), 0) AS id FROM batch").fetchone()
        return int(row["id"])

    def arrived_since(self, mark: int) -> dict[StreamKey, list[Received]]:
        """The batches stored since :meth:`mark`, by stream."""
        arrived: dict[StreamKey, list[Received]] = {}
        query = "SELECT hub, epoch, stream, seq, signed, received_ms FROM batch WHERE id > ? ORDER BY id"
        for row in self._db.execute(query, (mark,)):
            key = StreamKey(row["hub"], row["epoch"], Stream(row["stream"]))
            arrived.setdefault(key, []).append(Received(row["seq"], row["signed"], row["received_ms"]))
        return arrived

    def head(self, hub: str, epoch: bytes, stream: Stream) -> Head:
        """How far a stream is held without a gap."""
        row = self._db.execute(
            "SELECT head, chain FROM account WHERE hub = ? AND epoch = ? AND stream = ?", (hub, epoch, stream)
        ).fetchone()
        return Head(row["head"], row["chain"]) if row else ledger.start(hub, epoch, stream)

    def advance(self, hub: str, epoch: bytes, stream: Stream) -> tuple[Head, tuple[tuple[int, int], ...]]:
        """Move the head over what is stored; returns it and the ranges held above it."""
        head = self.head(hub, epoch, stream)
        found = self._db.execute(
            "SELECT seq, digest, checkpoint, received_ms FROM batch WHERE hub = ? AND epoch = ? AND stream = ? AND seq > ? ORDER BY seq",
            (hub, epoch, stream, head.seq),
        ).fetchall()
        above = {row["seq"]: row["digest"] for row in found}
        way = list(ledger.passed(head, above, self.gaps(hub, epoch, stream)))
        head = way[-1]
        checkpoints = {row["seq"]: row["checkpoint"] for row in found if row["checkpoint"]}
        for seq in ledger.broken_links(way, checkpoints) if checkpoints else ():
            at_ms = max(row["received_ms"] for row in found)  # one that was erased tells no time
            self.raise_incident(hub, "chain-broken", f"{stream.name.lower()} {seq}", at_ms)
        self._db.execute(
            "INSERT OR REPLACE INTO account VALUES (?, ?, ?, ?, ?)",
            (hub, epoch, stream, head.seq, head.chain),
        )
        return head, ledger.ranges([seq for seq in above if seq > head.seq])

    def gaps(self, hub: str, epoch: bytes, stream: Stream) -> list[ledger.Gap]:
        """What the hub said it no longer holds."""
        found = self._db.execute(
            "SELECT first, last, chain FROM gone WHERE hub = ? AND epoch = ? AND stream = ?",
            (hub, epoch, stream),
        )
        return [ledger.Gap(row["first"], Head(row["last"], row["chain"])) for row in found]

    def insert_gone(self, gone: Gone, signed: bytes, received_ms: int) -> bool:
        """Keep a hub's word that a span is lost; False if we had it already."""
        where = (gone.hub, gone.epoch, gone.stream, gone.first, gone.head.seq, gone.head.chain)
        what = (gone.reason, gone.readings, gone.from_ms, gone.to_ms, signed, received_ms)
        added = self._db.execute(
            "INSERT OR IGNORE INTO gone VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*where, *what)
        )
        return added.rowcount == 1

    def holes(self, hub: str, epoch: bytes, stream: Stream) -> tuple[tuple[int, int], ...]:
        """Numbers we once receipted and no longer find: a damaged store."""
        found = self._db.execute(
            "SELECT seq FROM batch WHERE hub = ?1 AND epoch = ?2 AND stream = ?3"
            " AND seq <= (SELECT max(head) FROM account WHERE hub = ?1 AND epoch = ?2 AND stream = ?3)",
            (hub, epoch, stream),
        )
        stored, head = [row["seq"] for row in found], self.head(hub, epoch, stream).seq
        if len(stored) == head:  # nearly always
            return ()
        return ledger.holes(head, stored, self.gaps(hub, epoch, stream))

    def begin_epoch(self, hello: Hello, opened_ms: int) -> bool:
        """Remember an epoch when it is first heard of; True if it replaces another."""
        previous = hello.previous
        facts = (previous.epoch, *previous.own, *previous.told) if previous else (None, 0, 0, 0, 0)
        added = self._db.execute(
            "INSERT OR IGNORE INTO epoch VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (hello.hub, hello.epoch, *facts, opened_ms),
        )
        return added.rowcount == 1 and previous is not None

    def raise_incident(self, hub: str, code: str, detail: str, raised_ms: int) -> None:
        """Write down something that somebody must look at."""
        self._db.execute(
            "INSERT INTO incident (hub, code, detail, raised_ms) VALUES (?, ?, ?, ?)",
            (hub, code, detail, raised_ms),
        )

    def incidents(self, limit: int = 100) -> list[dict[str, str | int]]:
        """The last incidents, newest first: hub, code, detail, raised_ms."""
        query = "SELECT hub, code, detail, raised_ms FROM incident ORDER BY id DESC LIMIT ?"
        return [dict(row) for row in self._db.execute(query, (limit,))]

    def renew_generation(self) -> None:
        """After a restore: hubs must not take this store for the one that wrote their receipts."""
        with self.transaction():
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'generation'", (_fresh_generation(),))
            self._db.execute("DELETE FROM session")

    def latest_epoch(self, hub: str) -> bytes | None:
        """The epoch that a hub spoke of last."""
        query = "SELECT epoch FROM epoch WHERE hub = ? ORDER BY opened_ms DESC, rowid DESC LIMIT 1"
        row = self._db.execute(query, (hub,)).fetchone()
        return row["epoch"] if row else None

    def boots(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Every manifest's hub, epoch and packed form: which boots spoke in which epochs."""
        for row in self._db.execute("SELECT DISTINCT hub, epoch, packed FROM manifest"):
            yield row["hub"], row["epoch"], row["packed"]

    def derive(self, home: str, unread: Unread, batch: Batch, placing: Placing, *, whole: bool) -> None:
        """A batch has been read: place it; if it counts, enter what follows from it (see :func:`derived.enter`)."""
        placed = (placing.offset_ms, placing.quality, unread.id)
        self._db.execute("UPDATE batch SET offset_ms = ?, quality = ? WHERE id = ?", placed)
        if unread.counted:
            derived.enter(self._db, home, batch, placing, unread.received_ms, whole=whole)

    def open_session(self, session: Session) -> None:
        """Remember the session a hub has just opened; heartbeats count from the start."""
        self._db.execute(
            "INSERT INTO session (hub, key, boot_id, opened_ms) VALUES (?, ?, ?, ?) ON CONFLICT (hub) DO UPDATE SET"
            " key = excluded.key, boot_id = excluded.boot_id, opened_ms = excluded.opened_ms, counter = 0",
            (session.hub, session.key, session.boot_id, session.opened_ms),
        )

    def session(self, hub: str) -> Session | None:
        """The last session of a hub."""
        row = self._db.execute("SELECT * FROM session WHERE hub = ?", (hub,)).fetchone()
        return Session(**dict(row)) if row else None

    def beat(self, hub: str, counter: int, beat_ms: int, frame_age_s: int) -> None:
        """A believed heartbeat came."""
        self._db.execute(
            "UPDATE session SET counter = ?, beat_ms = ?, frame_age_s = ? WHERE hub = ?",
            (counter, beat_ms, frame_age_s, hub),
        )

    def stored(self, home: str | None = None) -> Iterator[sqlite3.Row]:
        """Every counted batch (of one home) that could be read, as evidence, with its home and its manifest (packed)."""
        return self._db.execute(
            "SELECT batch.*, hub.home, hub.data_certificate, manifest.packed FROM batch JOIN hub ON hub.id = batch.hub"
            " JOIN manifest ON manifest.hub = batch.hub AND manifest.epoch = batch.epoch"
            " AND manifest.stream = batch.stream AND manifest.seq = batch.manifest_seq"
            " WHERE counted AND erased IS NULL AND offset_ms IS NOT NULL AND (?1 IS NULL OR hub.home = ?1) ORDER BY batch.id",
            (home,),
        )

    def totals(self) -> dict[str, int]:
        """Batches, readings, message bytes and forks held."""
        row = self._db.execute(
            "SELECT count(*) AS batches, coalesce(sum(readings * counted), 0) AS readings,"
            " coalesce(sum(message_bytes), 0) AS message_bytes, (SELECT count(*) FROM fork) AS forks,"
            " (SELECT count(*) FROM gone) AS gone, (SELECT count(*) FROM incident) AS incidents FROM batch"
        ).fetchone()
        return dict(row)


def _fresh_generation() -> bytes:
    return secrets.token_bytes(GENERATION_BYTES)
