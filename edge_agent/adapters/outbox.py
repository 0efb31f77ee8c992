"""The hub's durable ordered store (SQLite): readings until they are cut, batches until they are receipted.

``synchronous=FULL``: in WAL with NORMAL, a power cut loses what was acknowledged. Every
change is one transaction, and the repeat guard is committed with the reading it belongs to.
Blocking; the agent calls it from one worker thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgpack

from cloud_sync.wire.batch import Anchor, Quality, Quantity, Stream, chain_next, content_digest
from cloud_sync.wire.message import Head
from edge_agent.core.batching import Change, Committed, Draft, Pending, Row, Spans
from edge_agent.core.freshness import Guard
from edge_agent.errors import OutboxError

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS guard (
  sensor TEXT PRIMARY KEY, counter INTEGER, repeat INTEGER, content INTEGER NOT NULL, kept_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS anchor (
  boot_id BLOB PRIMARY KEY, wall_ms INTEGER NOT NULL, boot_ms INTEGER NOT NULL, quality INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS pending (
  id INTEGER PRIMARY KEY, boot_id BLOB NOT NULL, at_ms INTEGER NOT NULL, readings INTEGER NOT NULL,
  rows BLOB NOT NULL, spans BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS batch (
  stream INTEGER NOT NULL, seq INTEGER NOT NULL, chain BLOB NOT NULL, signed BLOB NOT NULL,
  readings INTEGER NOT NULL, PRIMARY KEY (stream, seq));
CREATE TABLE IF NOT EXISTS head (
  stream INTEGER PRIMARY KEY, cut_seq INTEGER NOT NULL, cut_chain BLOB NOT NULL,
  receipted_seq INTEGER NOT NULL, receipted_chain BLOB NOT NULL)
"""


class Outbox:
    """Opens or creates the store at ``path``; ``fresh_epoch`` is used once, at creation."""

    def __init__(self, path: Path, fresh_epoch: bytes, chain_start: Callable[[bytes, Stream], bytes]) -> None:
        with _ours("open"):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            with self._transaction():
                self._create(fresh_epoch, chain_start)
            self.epoch: bytes = self._db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0]

    def close(self) -> None:
        """Close the file; what was committed stays."""
        self._db.close()

    def commit(self, change: Change) -> Committed:
        """Make ``change`` durable.

        Raises:
            OutboxError: the disk did not take it; nothing of the change was kept.
        """
        with _ours("write to"), self._transaction():
            pending_id = self._add_pending(change) if change.rows or change.spans else None
            self._db.executemany(
                "INSERT OR REPLACE INTO guard VALUES (?, ?, ?, ?, ?)",
                [(s, g.counter, g.repeat, g.content, g.kept_ms) for s, g in change.guards.items()],
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
                Pending(
                    number, boot_id, at_ms, count, _unpack_rows(rows), _unpack_spans(spans), _anchor(*clock)
                )
                for number, boot_id, at_ms, count, rows, spans, *clock in self._db.execute(query)
            ]

    def guards(self) -> dict[str, Guard]:
        """The repeat guard of each sensor."""
        with _ours("read"):
            return {sensor: Guard(*rest) for sensor, *rest in self._db.execute("SELECT * FROM guard")}

    def receipted(self) -> dict[Stream, Head]:
        """The head of each stream as last receipted."""
        with _ours("read"):
            found = self._db.execute("SELECT stream, receipted_seq, receipted_chain FROM head")
            return {Stream(stream): Head(seq, chain) for stream, seq, chain in found}

    def unreceipted(self) -> list[tuple[Stream, Head]]:
        """Batches without a receipt, in order: the head of their stream with each."""
        with _ours("read"):
            found = self._db.execute("SELECT stream, seq, chain FROM batch ORDER BY stream, seq")
            return [(Stream(stream), Head(seq, chain)) for stream, seq, chain in found]

    def signed(self, stream: Stream, seq: int) -> bytes | None:
        """A batch as signed; None once it was receipted and forgotten."""
        with _ours("read"):
            row = self._db.execute(
                "SELECT signed FROM batch WHERE stream = ? AND seq = ?", (stream, seq)
            ).fetchone()
            return row[0] if row else None

    def forget(self, stream: Stream, seq: int) -> None:
        """Let go of a stream up to ``seq``: only ever called on a believed receipt."""
        with _ours("write to"), self._transaction():
            self._db.execute(
                "UPDATE head SET receipted_seq = ?, receipted_chain ="
                " (SELECT chain FROM batch WHERE stream = head.stream AND seq = ?) WHERE stream = ?",
                (seq, seq, stream),
            )
            self._db.execute("DELETE FROM batch WHERE stream = ? AND seq <= ?", (stream, seq))

    def _create(self, fresh_epoch: bytes, chain_start: Callable[[bytes, Stream], bytes]) -> None:
        for statement in SCHEMA.split(";"):
            self._db.execute(statement)
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", (fresh_epoch,))
        epoch = self._db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0]
        for stream in Stream:
            start = chain_start(epoch, stream)
            self._db.execute("INSERT OR IGNORE INTO head VALUES (?, 0, ?, 0, ?)", (stream, start, start))

    def _add_pending(self, change: Change) -> int | None:
        added = self._db.execute(
            "INSERT INTO pending (boot_id, at_ms, readings, rows, spans) VALUES (?, ?, ?, ?, ?)",
            (
                change.boot_id,
                change.at_ms,
                len(change.rows),
                _pack_rows(change.rows),
                msgpack.packb(change.spans),
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
        body, signed = draft.write(seq)
        chain = chain_next(chain, content_digest(body))
        self._db.execute(
            "INSERT INTO batch VALUES (?, ?, ?, ?, ?)", (draft.stream, seq, chain, signed, draft.readings)
        )
        self._db.execute(
            "UPDATE head SET cut_seq = ?, cut_chain = ? WHERE stream = ?", (seq, chain, draft.stream)
        )
        return Head(seq, chain)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


@contextmanager
def _ours(verb: str) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise OutboxError(
            f"Could not {verb} the outbox: {error}.",
            hint="Check the card: is it full, read-only or worn out?",
            code="outbox",
        ) from error


def _pack_rows(rows: Sequence[Row]) -> bytes:
    packed: bytes = msgpack.packb(
        [
            (
                r.sensor,
                r.at_ms,
                r.value,
                (r.quantity.kind, r.quantity.unit, r.quantity.exponent, r.quantity.form, r.quantity.plain),
            )
            for r in rows
        ]
    )
    return packed


def _unpack_rows(packed: bytes) -> tuple[Row, ...]:
    return tuple(
        Row(sensor, at_ms, Quantity(*quantity), value)
        for sensor, at_ms, value, quantity in msgpack.unpackb(packed)
    )


def _unpack_spans(packed: bytes) -> Spans:
    return tuple((start, end) for start, end in msgpack.unpackb(packed))


def _anchor(wall_ms: int | None, boot_ms: int, quality: int) -> Anchor | None:
    return None if wall_ms is None else Anchor(wall_ms, boot_ms, Quality(quality))
