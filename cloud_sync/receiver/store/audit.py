"""The audit's rows in the store: whoever writes one does so in the transaction of what it tells of."""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from cloud_sync.receiver.store.database import transaction
from zero_trust.audit import START, Facts, Lately, Row, make_row
from zero_trust.audit_check import SignedCheckpoint

NEWS_SPAN_MS = 15 * 60 * 1000  # the same decision within it is no news
NEWS_MAX = 10_000


class AuditLog:
    """Rows of one SQLite file, to which every process of the site appends."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._lately = Lately(NEWS_SPAN_MS, NEWS_MAX)

    def append(self, at_ms: int, kind: str, facts: Facts) -> int:
        """Add a row and give its number; the caller has a transaction around it."""
        number, before = self.head()
        row = make_row(before, number + 1, at_ms, kind, facts)
        self._insert(row)
        return row.number

    def record(self, at_ms: int, kind: str, facts: Facts) -> int:
        """Add a row, durably, by itself."""
        with transaction(self._db):
            return self.append(at_ms, kind, facts)

    def record_news(self, at_ms: int, kind: str, facts: Facts, key: Hashable) -> int:
        """As :meth:`record`, unless this process wrote what ``key`` stands for a short while ago.

        Gives the number of the row that says it; no news costs no commit.
        """
        known = self._lately.number((kind, key), at_ms)
        if known is not None:
            return known
        with transaction(self._db):
            number = self.append(at_ms, kind, facts)
        self._lately.note((kind, key), number, at_ms)
        return number

    def record_change(self, at_ms: int, kind: str, facts: Facts) -> None:
        """As :meth:`record`, unless the last row of this kind says the same."""
        with transaction(self._db):
            last = self.newest(1, kind)
            if not last or last[0].facts != facts:
                self.append(at_ms, kind, facts)

    def head(self) -> tuple[int, bytes]:
        """Number and hash of the last row; of none, 0 and where the chain starts."""
        row = self._db.execute("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1").fetchone()
        return (row["number"], row["hash"]) if row else (0, START)

    def began_ms(self) -> int | None:
        """When the first row was written; None if there is none."""
        row = self._db.execute("SELECT at_ms FROM audit ORDER BY number LIMIT 1").fetchone()
        return row["at_ms"] if row else None

    def row(self, number: int) -> Row | None:
        """One row."""
        found = self._db.execute("SELECT * FROM audit WHERE number = ?", (number,)).fetchone()
        return _row(found) if found else None

    def rows(self, after: int = 0) -> Iterator[Row]:
        """All rows after number ``after``, in order, as they are: nothing is checked."""
        for found in self._db.execute("SELECT * FROM audit WHERE number > ? ORDER BY number", (after,)):
            yield _row(found)

    def newest(self, limit: int, kind: str = "") -> list[Row]:
        """The last rows, newest first; of one kind, if it is named."""
        query = "SELECT * FROM audit WHERE ?1 IN ('', kind) ORDER BY number DESC LIMIT ?2"
        return [_row(found) for found in self._db.execute(query, (kind, limit))]

    def decisions_on(self, home: str, since_ms: int, limit: int) -> list[Row]:
        """The last decisions on the data of ``home``, newest first."""
        query = (
            "SELECT * FROM audit WHERE kind = 'decision' AND json_extract(facts, '$.home') = ?"
            " AND at_ms >= ? ORDER BY number DESC LIMIT ?"
        )
        return [_row(found) for found in self._db.execute(query, (home, since_ms, limit))]

    def checkpoints(self) -> list[SignedCheckpoint]:
        """All checkpoints, the first one first."""
        rows = self._db.execute("SELECT signed, certificate FROM checkpoint ORDER BY rows")
        return [SignedCheckpoint(row["signed"], row["certificate"]) for row in rows]

    def last_checkpoint(self) -> SignedCheckpoint | None:
        """The newest checkpoint."""
        row = self._db.execute(
            "SELECT signed, certificate FROM checkpoint ORDER BY rows DESC LIMIT 1"
        ).fetchone()
        return SignedCheckpoint(row["signed"], row["certificate"]) if row else None

    def add_checkpoint(self, made: SignedCheckpoint) -> None:
        """Keep a checkpoint beside the log."""
        with transaction(self._db):
            self._db.execute(
                "INSERT OR IGNORE INTO checkpoint VALUES (?, ?, ?)",
                (made.claimed.rows, made.signed, made.certificate),
            )

    def _insert(self, row: Row) -> None:
        self._db.execute(
            "INSERT INTO audit VALUES (?, ?, ?, ?, ?)", (row.number, row.at_ms, row.kind, row.text, row.hash)
        )


def _row(found: sqlite3.Row) -> Row:
    return Row(found["number"], found["at_ms"], found["kind"], found["facts"], found["hash"])


@dataclass(frozen=True, slots=True)
class Tail:
    """What a log has beyond an older copy of it, and what stands beside it: kept when the copy is put back."""

    had: int
    rows: tuple[Row, ...]
    checkpoints: tuple[tuple[object, ...], ...]
    openings: tuple[tuple[object, ...], ...]


def tail_beyond(copy: sqlite3.Connection, store: sqlite3.Connection) -> Tail:
    """What ``store`` knows beyond ``copy``; no rows if the copy is not of this log, for they would not follow."""
    old, new = AuditLog(copy), AuditLog(store)
    count, head = old.head()
    row = new.row(count)
    follows = count == 0 or (row is not None and row.hash == head)
    beside = (
        tuple(tuple(found) for found in store.execute(query))
        for query in ("SELECT * FROM checkpoint", "SELECT * FROM break_glass")
    )
    return Tail(new.head()[0], tuple(new.rows(count)) if follows else (), *beside)


def put_tail(store: sqlite3.Connection, tail: Tail, at_ms: int) -> None:
    """After a copy was put back: the log goes on where it was, and says what happened."""
    audit = AuditLog(store)
    with transaction(store):
        for row in tail.rows:
            audit._insert(row)  # noqa: SLF001 - rows as they were, hashes included
        store.executemany("INSERT OR IGNORE INTO checkpoint VALUES (?, ?, ?)", tail.checkpoints)
        store.executemany(
            "INSERT OR REPLACE INTO break_glass VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", tail.openings
        )
        audit.append(at_ms, "restored", {"had": tail.had, "carried_over": len(tail.rows)})
