"""Deletion records (SQLite): a chain that only grows. The caller has a transaction around what is appended."""

# ruff: noqa: S608 - as erasure.py

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from cloud_sync.sync import ledger
from cloud_sync.sync.deletion import CHAIN_START, BatchKey, Deletion, chain_next, content_hash, first_broken
from cloud_sync.wire.batch import Stream
from cloud_sync.wire.message import Head

WORDS_MAX_CHARS = 300


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants something erased, when they said so, and why."""

    at_ms: int
    by: str
    why: str


def append(
    db: sqlite3.Connection,
    order: Order,
    what: str,
    *,
    home: str = "",
    batches: Sequence[BatchKey] = (),
    rows: int = 0,
) -> int:
    """Write down one step of an erasure; its number."""
    last = db.execute("SELECT number, chain FROM deletion ORDER BY number DESC LIMIT 1").fetchone()
    number, chain = (last["number"] + 1, last["chain"]) if last else (1, CHAIN_START)
    deletion = Deletion(
        number,
        order.at_ms,
        order.by[:WORDS_MAX_CHARS],
        order.why[:WORDS_MAX_CHARS],
        what,
        home,
        len(batches),
        rows,
        content_hash(batches),
    )
    row = (*astuple(deletion), chain_next(chain, deletion))
    db.execute("INSERT INTO deletion VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return number


def deletions(db: sqlite3.Connection) -> list[Deletion]:
    """All records, the first one first."""
    return [deletion for deletion, _ in _recorded(db)]


def broken_deletion(db: sqlite3.Connection) -> int | None:
    """The number of the first record that does not hold; None: all do."""
    emptied: dict[int, list[BatchKey]] = {}
    for row in db.execute("SELECT * FROM batch WHERE erased IS NOT NULL"):
        emptied.setdefault(row["erased"], []).append(batch_key(row))
    return first_broken(_recorded(db), emptied)


def broken_accounts(db: sqlite3.Connection) -> list[str]:
    """Streams whose head does not follow from the digests and gaps that we hold, erased batches included."""
    return [
        f"{row['hub']} {Stream(row['stream']).name.lower()}"
        for row in db.execute("SELECT * FROM account ORDER BY hub, epoch, stream")
        if not _follows(db, row)
    ]


def batch_key(row: sqlite3.Row) -> BatchKey:
    """What is left of a batch that was erased."""
    return row["hub"], row["epoch"], row["stream"], row["seq"], row["digest"]


def _recorded(db: sqlite3.Connection) -> list[tuple[Deletion, bytes]]:
    rows = db.execute("SELECT * FROM deletion ORDER BY number")
    return [(Deletion(*tuple(row)[:-1]), row["chain"]) for row in rows]


def _follows(db: sqlite3.Connection, account: sqlite3.Row) -> bool:
    key = (account["hub"], account["epoch"], account["stream"])
    where = "WHERE hub = ? AND epoch = ? AND stream = ?"
    batches = db.execute(f"SELECT seq, digest FROM batch {where} AND seq <= ?", (*key, account["head"]))
    digests = {row["seq"]: row["digest"] for row in batches}
    gone = db.execute(f"SELECT first, last, chain FROM gone {where}", key)
    gaps = [ledger.Gap(row["first"], Head(row["last"], row["chain"])) for row in gone]
    way = ledger.passed(ledger.start(key[0], key[1], Stream(key[2])), digests, gaps)
    return Head(account["head"], account["chain"]) in way
