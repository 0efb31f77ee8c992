"""The hub's durable ordered store (SQLite): readings until they are cut, batches until well past their receipt.

``synchronous=FULL``: in WAL with NORMAL, a power cut loses what was acknowledged. Every change is
one transaction, and the repeat guard is committed with the reading it belongs to. Blocking; the
agent calls it from one worker thread.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from cloud_sync.sync.sender import Item
from cloud_sync.wire.batch import (
    Anchor,
    Inline,
    Quality,
    Stream,
    chain_next,
    content_digest,
    leans_on,
)
from cloud_sync.wire.message import SIGNATURE_BYTES, Head, Previous, Reason
from edge_agent.adapters.ballast import Ballast
from edge_agent.core.batching import Change, Committed, Draft, Pending, Row, Spans
from edge_agent.core.freshness import Guard
from edge_agent.core.retention import Held, Limits, prunable, sheddable
from edge_agent.core.shelf import Lost, Shelf
from edge_agent.errors import OutboxError, OutboxFullError

CHECKPOINT_EVERY = 64  # batches: a stretch of them can be verified alone, years later

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS guard (
  sensor TEXT PRIMARY KEY, counter INTEGER, repeat INTEGER, content INTEGER NOT NULL, kept_ms INTEGER NOT NULL,
  reset INTEGER);
CREATE TABLE IF NOT EXISTS anchor (
  boot_id BLOB PRIMARY KEY, wall_ms INTEGER NOT NULL, boot_ms INTEGER NOT NULL, quality INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS pending (
  id INTEGER PRIMARY KEY, boot_id BLOB NOT NULL, at_ms INTEGER NOT NULL, readings INTEGER NOT NULL,
  rows BLOB NOT NULL, spans BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS batch (
  stream INTEGER NOT NULL, seq INTEGER NOT NULL, chain BLOB NOT NULL, signed BLOB NOT NULL,
  readings INTEGER NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, receipted_ms INTEGER,
  carries INTEGER NOT NULL, PRIMARY KEY (stream, seq));
CREATE TABLE IF NOT EXISTS inline (
  stream INTEGER PRIMARY KEY, seq INTEGER NOT NULL, packed BLOB NOT NULL, readings INTEGER NOT NULL,
  wall_ms INTEGER, boot_ms INTEGER, quality INTEGER);
CREATE TABLE IF NOT EXISTS gone (
  stream INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, chain BLOB NOT NULL,
  readings INTEGER NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, reason INTEGER NOT NULL,
  PRIMARY KEY (stream, last));
CREATE TABLE IF NOT EXISTS head (
  stream INTEGER PRIMARY KEY, cut_seq INTEGER NOT NULL, cut_chain BLOB NOT NULL, receipted_seq INTEGER NOT NULL,
  receipted_chain BLOB NOT NULL, floor_seq INTEGER NOT NULL, floor_chain BLOB NOT NULL)
"""

_ROWS, _SPANS = msgspec.msgpack.Decoder(tuple[Row, ...]), msgspec.msgpack.Decoder(Spans)
_PREVIOUS = msgspec.msgpack.Decoder(tuple[bytes, tuple[int, int], tuple[int, int]])

ChainStart = Callable[[bytes, Stream], bytes]  # (epoch, stream) -> chain hash before the first batch


class Outbox:
    """Opens or creates the store at ``path``; ``fresh_epoch`` is used once, at creation."""

    def __init__(self, path: Path, fresh_epoch: bytes, chain_start: ChainStart) -> None:
        self._chain_start = chain_start
        self._ballast = Ballast(path.with_suffix(".ballast"))
        with _ours("open"):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            with self._transaction():
                self._create(fresh_epoch)
            self._ballast.lay()

    @property
    def epoch(self) -> bytes:
        """The epoch that batches are cut under."""
        epoch: bytes = self._meta("epoch") or b""
        return epoch

    @property
    def previous(self) -> Previous | None:
        """Why this epoch was begun; None for the one of enrolment."""
        with _ours("read"):
            packed = self._meta("previous")
            return None if packed is None else Previous(*_PREVIOUS.decode(packed))

    @property
    def setting(self) -> bytes | None:
        """The setting that this hub goes by, as the site signed it."""
        return self._meta("setting")

    @property
    def own_pauses(self) -> bytes | None:
        """Pauses that were asked for at this hub, packed."""
        return self._meta("own-pauses")

    def keep_setting(self, signed: bytes) -> None:
        """Go by a setting from now on, after a power cut too."""
        with _ours("write to"), self._transaction():
            self._set_meta("setting", signed)

    def keep_own_pauses(self, packed: bytes) -> None:
        """As :meth:`keep_setting`, for those asked for here."""
        with _ours("write to"), self._transaction():
            self._set_meta("own-pauses", packed)

    def close(self) -> None:
        """Close the file; what was committed stays."""
        self._db.close()

    def commit(self, change: Change) -> Committed:
        """Make ``change`` durable.

        Raises:
            OutboxFullError: the disk is full; shed something and try again.
            OutboxError: the disk did not take it; nothing of the change was kept.
        """
        with _ours("write to"), self._transaction():
            pending_id = self._add_pending(change) if change.rows or change.spans else None
            self._db.executemany(
                "INSERT OR REPLACE INTO guard VALUES (?, ?, ?, ?, ?, ?)",
                [(s, g.counter, g.repeat, g.content, g.kept_ms, g.reset) for s, g in change.guards.items()],
            )
            if change.anchor:
                self._keep_anchor(change.boot_id, change.anchor)
            self._db.executemany("DELETE FROM pending WHERE id = ?", [(number,) for number in change.spent])
            return Committed(pending_id, tuple((draft.stream, self._cut(draft)) for draft in change.drafts))

    def pending(self) -> list[Pending]:
        """Everything committed and not yet cut, oldest first."""
        query = (
            "SELECT id, pending.boot_id, at_ms, readings, rows, spans, wall_ms, anchor.boot_ms, quality"
            " FROM pending LEFT JOIN anchor ON anchor.boot_id = pending.boot_id ORDER BY id"
        )
        with _ours("read"):
            return [
                Pending(number, boot, at_ms, count, _ROWS.decode(rows), _SPANS.decode(spans), _anchor(*clock))
                for number, boot, at_ms, count, rows, spans, *clock in self._db.execute(query)
            ]

    def guards(self) -> dict[str, Guard]:
        """The repeat guard of each sensor."""
        with _ours("read"):
            return {sensor: Guard(*rest) for sensor, *rest in self._db.execute("SELECT * FROM guard")}

    def shelf(self) -> Shelf:
        """What the sender needs to know of all that is held."""
        with _ours("read"):
            heads = {Stream(row[0]): row for row in self._db.execute("SELECT * FROM head")}
            return Shelf(
                floors={stream: Head(row[5], row[6]) for stream, row in heads.items()},
                receipted={stream: Head(row[3], row[4]) for stream, row in heads.items()},
                items={stream: self._items(stream) for stream in Stream},
            )

    def signed(self, stream: Stream, seq: int) -> bytes | None:
        """A batch as signed; None if it is no longer held."""
        with _ours("read"):
            query = "SELECT signed FROM batch WHERE stream = ? AND seq = ?"
            row = self._db.execute(query, (stream, seq)).fetchone()
            return row[0] if row else None

    def lost(self, stream: Stream, first: int, last: int) -> Lost:
        """What is known of a span that is no longer held."""
        query = (
            "SELECT coalesce(sum(readings), 0), coalesce(min(from_ms), 0), coalesce(max(to_ms), 0), max(reason)"
            " FROM gone WHERE stream = ? AND first >= ? AND last <= ?"
        )
        with _ours("read"):
            readings, from_ms, to_ms, reason = self._db.execute(query, (stream, first, last)).fetchone()
            return Lost(Reason(reason or Reason.EXPIRED), readings, from_ms, to_ms)

    def receipted(self, stream: Stream, head: Head, now_ms: int) -> None:
        """The cloud holds a stream up to ``head``: only ever called on a believed receipt."""
        with _ours("write to"), self._transaction():
            self._db.execute(
                "UPDATE head SET receipted_seq = ?, receipted_chain = ? WHERE stream = ?",
                (head.seq, head.chain, stream),
            )
            self._db.execute(
                "UPDATE batch SET receipted_ms = ? WHERE stream = ? AND seq <= ? AND receipted_ms IS NULL",
                (now_ms, stream, head.seq),
            )

    def prune(self, now_ms: int, limits: Limits) -> dict[Stream, Head]:
        """Forget receipted batches that are older or more than is retained; the new floors."""
        with _ours("write to"), self._transaction():
            floors = prunable(self._held("receipted_ms IS NOT NULL"), now_ms, limits)
            return self._forget_all(floors)

    def shed(self, bytes_needed: int) -> tuple[dict[Stream, Head], list[tuple[Stream, Item]]]:
        """Win room: the ballast, delivered batches, then undelivered ones by name. New floors, and what is gone."""
        with _ours("write to"):
            self._ballast.give_up()
        with _ours("write to"), self._transaction():
            delivered, given = sheddable(self._held("1"), bytes_needed)
            floors = self._forget_all(delivered)
            gone = [self._name_gone(batch) for batch in given]
        return floors, _last_of_each(gone)

    def lay_ballast(self) -> bool:
        """Keep room for the day the disk is full; False: there is none to keep."""
        return self._ballast.lay()

    def begin_epoch(
        self,
        fresh: bytes,
        told: Mapping[Stream, int],
        redraft: Callable[[Stream, bytes, bytes, bytes], Draft],
    ) -> None:
        """Our history is not the cloud's: number anew all that is still held, and say why.

        What was receipted goes along, since the cloud may have lost it too; each batch says where it stood before,
        so nothing counts twice.

        Args:
            fresh: the new epoch.
            told: how far the cloud said it is, by stream.
            redraft: (stream, signed batch, manifest it leans on, new epoch) -> draft of the same content.
        """
        with _ours("write to"), self._transaction():
            old = self.epoch
            own = [row[0] for row in self._db.execute("SELECT cut_seq FROM head ORDER BY stream")]
            query = "SELECT stream, signed FROM batch ORDER BY stream, seq"
            held = [
                (Stream(stream), signed, self._manifest_of(Stream(stream), signed))
                for stream, signed in self._db.execute(query).fetchall()
            ]
            unnamed = self._unnamed()
            for table in ("batch", "gone", "head", "inline"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
            previous = msgspec.msgpack.encode((old, own, [told[stream] for stream in Stream]))
            self._db.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", [("epoch", fresh), ("previous", previous)]
            )
            self._create(fresh)
            for gap in unnamed:
                self._carry_gap(*gap)
            for stream, signed, packed in held:
                self._cut(redraft(stream, signed, packed, fresh))

    def size(self) -> int:
        """Bytes that the store really uses."""
        with _ours("read"):
            pages, free, size = (
                self._db.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
            return int((pages - free) * size)

    def _create(self, fresh_epoch: bytes) -> None:
        for statement in SCHEMA.split(";"):
            self._db.execute(statement)
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", (fresh_epoch,))
        for stream in Stream:
            start = self._chain_start(self.epoch, stream)
            self._db.execute(
                "INSERT OR IGNORE INTO head VALUES (?, 0, ?, 0, ?, 0, ?)", (stream, start, start, start)
            )

    def _meta(self, key: str) -> bytes | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def _set_meta(self, key: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def _items(self, stream: Stream) -> list[Item]:
        query = (
            "SELECT seq AS first, seq AS last, chain, 0 AS gone FROM batch WHERE stream = ?1"
            " UNION ALL SELECT first, last, chain, 1 FROM gone WHERE stream = ?1 ORDER BY last"
        )
        found = self._db.execute(query, (stream,))
        return [Item(first, Head(last, chain), gone=bool(gone)) for first, last, chain, gone in found]

    def _held(self, condition: str) -> list[Held]:
        columns = "stream, seq, length(signed), receipted_ms, carries"
        query = f"SELECT {columns} FROM batch WHERE {condition} ORDER BY stream, seq"  # noqa: S608 - ours
        found = self._db.execute(query)
        return [
            Held(Stream(stream), seq, size, receipted_ms, bool(carries))
            for stream, seq, size, receipted_ms, carries in found
        ]

    def _forget_all(self, floors: Mapping[Stream, int]) -> dict[Stream, Head]:
        """Raise the floors that are not that high already."""
        raised = {stream: self._forget(stream, seq) for stream, seq in floors.items()}
        return {stream: floor for stream, floor in raised.items() if floor}

    def _forget(self, stream: Stream, seq: int) -> Head | None:
        query = (
            "SELECT seq, chain FROM batch WHERE stream = ?1 AND seq = ?2"
            " UNION ALL SELECT last, chain FROM gone WHERE stream = ?1 AND last = ?2"
        )
        row = self._db.execute(query, (stream, seq)).fetchone()
        if row is None:
            return None
        floor = Head(*row)
        self._db.execute("DELETE FROM batch WHERE stream = ? AND seq <= ?", (stream, seq))
        self._db.execute("DELETE FROM gone WHERE stream = ? AND last <= ?", (stream, seq))
        self._db.execute(
            "UPDATE head SET floor_seq = ?, floor_chain = ? WHERE stream = ?",
            (floor.seq, floor.chain, stream),
        )
        return floor

    def _name_gone(self, batch: Held) -> tuple[Stream, Item]:
        """Replace an undelivered batch by its name, joined with the name just before it."""
        key = (batch.stream, batch.seq)
        query = "SELECT chain, readings, from_ms, to_ms FROM batch WHERE stream = ? AND seq = ?"
        chain, readings, from_ms, to_ms = self._db.execute(query, key).fetchone()
        query = "SELECT first, readings, from_ms FROM gone WHERE stream = ? AND last = ? - 1"
        first = batch.seq
        if before := self._db.execute(query, key).fetchone():
            first, readings, from_ms = before[0], before[1] + readings, before[2]
            self._db.execute("DELETE FROM gone WHERE stream = ? AND last = ? - 1", key)
        self._db.execute("DELETE FROM batch WHERE stream = ? AND seq = ?", key)
        self._db.execute(
            "INSERT INTO gone VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (batch.stream, first, batch.seq, chain, readings, from_ms, to_ms, Reason.SHED),
        )
        return batch.stream, Item(first, Head(batch.seq, chain), gone=True)

    def _manifest_of(self, stream: Stream, signed: bytes) -> bytes:
        """The manifest that a batch carries or leans on; retention keeps the one as long as the other."""
        header, packed = leans_on(signed[:-SIGNATURE_BYTES])
        if packed is None:
            query = "SELECT signed FROM batch WHERE stream = ? AND seq = ?"
            row = self._db.execute(query, (stream, header.seq - header.distance)).fetchone()
            return self._manifest_of(stream, row[0])
        return packed

    def _unnamed(self) -> list[tuple[int, int, int, int, int]]:
        """Gaps that the cloud may not have been told of: stream, readings, from, to, reason."""
        return self._db.execute(
            "SELECT gone.stream, readings, from_ms, to_ms, reason FROM gone JOIN head ON head.stream = gone.stream"
            " WHERE last > receipted_seq ORDER BY gone.stream, last"
        ).fetchall()

    def _carry_gap(self, stream: int, *facts: int) -> None:
        """A gap of the epoch before takes one number of the new one: its name must still arrive."""
        query = "SELECT cut_seq, cut_chain FROM head WHERE stream = ?"
        last, chain = self._db.execute(query, (stream,)).fetchone()
        chain = chain_next(chain, content_digest(b"gap"))
        self._db.execute(
            "INSERT INTO gone VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (stream, last + 1, last + 1, chain, *facts)
        )
        self._db.execute(
            "UPDATE head SET cut_seq = ?, cut_chain = ? WHERE stream = ?", (last + 1, chain, stream)
        )

    def _add_pending(self, change: Change) -> int | None:
        added = self._db.execute(
            "INSERT INTO pending (boot_id, at_ms, readings, rows, spans) VALUES (?, ?, ?, ?, ?)",
            (
                change.boot_id,
                change.at_ms,
                len(change.rows),
                msgspec.msgpack.encode(change.rows),
                msgspec.msgpack.encode(change.spans),
            ),
        )
        return added.lastrowid

    def _keep_anchor(self, boot_id: bytes, anchor: Anchor) -> None:
        """A coarse anchor never overrides a synchronised one."""
        self._db.execute(
            "INSERT INTO anchor VALUES (?, ?, ?, ?) ON CONFLICT (boot_id) DO UPDATE SET wall_ms = excluded.wall_ms,"
            " boot_ms = excluded.boot_ms, quality = excluded.quality WHERE excluded.quality >= anchor.quality",
            (boot_id, anchor.wall_ms, anchor.boot_ms, anchor.quality),
        )

    def _cut(self, draft: Draft) -> Head:
        """Give the draft its number, sign it, chain it, store it."""
        query = "SELECT cut_seq, cut_chain FROM head WHERE stream = ?"
        last, chain = self._db.execute(query, (draft.stream,)).fetchone()
        seq: int = last + 1
        written = draft.write(seq, self._inline(draft.stream), None if seq % CHECKPOINT_EVERY else chain)
        chain = chain_next(chain, content_digest(written.body))
        what = (written.signed, draft.readings, draft.from_ms, draft.to_ms, written.inline.seq == seq)
        self._db.execute(
            "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)", (draft.stream, seq, chain, *what)
        )
        self._keep_inline(draft.stream, written.inline)
        self._db.execute(
            "UPDATE head SET cut_seq = ?, cut_chain = ? WHERE stream = ?", (seq, chain, draft.stream)
        )
        return Head(seq, chain)

    def _inline(self, stream: Stream) -> Inline | None:
        """What the next batch of a stream may lean on."""
        row = self._db.execute(
            "SELECT seq, packed, readings, wall_ms, boot_ms, quality FROM inline WHERE stream = ?", (stream,)
        ).fetchone()
        return Inline(row[0], row[1], row[2], _anchor(*row[3:])) if row else None

    def _keep_inline(self, stream: Stream, inline: Inline) -> None:
        told = inline.anchor
        clock = (told.wall_ms, told.boot_ms, told.quality) if told else (None, None, None)
        self._db.execute(
            "INSERT OR REPLACE INTO inline VALUES (?, ?, ?, ?, ?, ?, ?)",
            (stream, inline.seq, inline.packed, inline.readings, *clock),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.OperationalError):  # a full disk has rolled it back already
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


@contextmanager
def _ours(verb: str) -> Iterator[None]:
    """Turn what SQLite, the disk, or what it garbled says into ours."""
    try:
        yield
    except (sqlite3.Error, OSError, msgspec.MsgspecError) as error:
        full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        kind, hint = (
            (OutboxFullError, "The oldest delivered batches are let go; see that the card has room.")
            if full
            else (OutboxError, "Check the card: is it read-only or worn out?")
        )
        raise kind(f"Could not {verb} the outbox: {error}.", hint=hint, code="outbox-failed") from error


def _last_of_each(gone: Sequence[tuple[Stream, Item]]) -> list[tuple[Stream, Item]]:
    """Of names that grew while shedding, the final ones."""
    return list({(stream, item.first): (stream, item) for stream, item in gone}.values())


def _anchor(wall_ms: int | None, boot_ms: int, quality: int) -> Anchor | None:
    return None if wall_ms is None else Anchor(wall_ms, boot_ms, Quality(quality))
