"""How long things are kept, and how they are erased from a store that is in use.

Every step commits by itself and is followed by a rest, in which the intake gets its turn. At the end what was
erased is driven out of the file too: SQLite zeroes what it deletes, but the log beside the file still holds
what was written before, and a row that was moved may leave its shadow in an unused part of a page.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloud_sync.receiver.config import Retention
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.deletions import Order, deletions
from cloud_sync.receiver.store.erasure import Erasure, Step

REST_S: Final = 0.25  # between steps; longer than SQLite makes a waiting writer wait
CHECKPOINT_TRIES: Final = 40
REWRITE_MAX_BYTES: Final = 64 * 2**20  # rewriting more would keep the intake waiting for seconds
_LOCK_WAIT_MS: Final = 200  # a checkpoint that waits for a reader keeps writers waiting
_DAY_MS: Final = 86_400_000

Rest = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure came to; ``traces`` says what may still lie in the store's files, empty: nothing."""

    batches: int
    readings: int
    rows: int
    traces: str


def before_ms(policy: Retention, now_ms: int) -> dict[str, int]:
    """For each kind: what reached us before that moment (wall clock) is too old."""
    days = {
        "readings": policy.readings_days,
        "derived": policy.derived_days,
        "evidence": policy.evidence_days,
    }
    return {what: now_ms - kept * _DAY_MS for what, kept in days.items()}


def carry_out(
    db: sqlite3.Connection, steps: Iterable[Step], rest: Rest, *, rewrite: bool | None = None
) -> Erased:
    """Go through an erasure step by step, then clear the store's files of it.

    Args:
        db: the store, open for nothing else.
        steps: the erasure.
        rest: waits for so many seconds.
        rewrite: whether the file is written anew; None: if it is small enough to be done in a moment.

    Raises:
        sqlite3.OperationalError: the store is busy or full; what was committed stays erased, the rest is for later.
    """
    batches = readings = rows = 0
    for step in steps:
        batches, readings, rows = batches + step.batches, readings + step.readings, rows + step.rows
        rest(REST_S)
    erased_any = batches + rows > 0
    return Erased(batches, readings, rows, _clear(db, rest, rewrite) if erased_any or rewrite else "")


def operator() -> str:
    """This account of the machine, as deletion records name it."""
    return f"uid-{os.getuid()}"


def forgotten(store: Path) -> Mapping[str, Order] | None:
    """The homes that were forgotten, with the last order for each; None: the store cannot be read."""
    try:
        with closing(open_database(store)) as db:
            return {
                done.home: Order(done.at_ms, done.by, done.why)
                for done in deletions(db)
                if done.what == "home"
            }
    except sqlite3.Error:
        return None


def forget_again(db: sqlite3.Connection, orders: Mapping[str, Order], rest: Rest) -> list[str]:
    """After a restore: carry out the orders that the restored store has not seen; the homes concerned."""
    seen = {(done.home, done.at_ms) for done in deletions(db)}
    homes = [home for home, order in orders.items() if (home, order.at_ms) not in seen]
    for home in homes:
        carry_out(db, Erasure(db).forget(home, orders[home]), rest)
    return homes


def _clear(db: sqlite3.Connection, rest: Rest, rewrite: bool | None) -> str:  # noqa: FBT001 - as carry_out
    if rewrite is None:
        rewrite = _size(db) <= REWRITE_MAX_BYTES
    if rewrite:
        db.execute("VACUUM")
    if not _emptied_log(db, rest):
        return "Somebody reads the store without end: what was erased may lie in its log until they are done."
    if not rewrite:
        return "Moved rows may have left a shadow in unused parts of the file; in a quiet hour: --rewrite."
    return ""


def _emptied_log(db: sqlite3.Connection, rest: Rest) -> bool:
    waited = db.execute("PRAGMA busy_timeout").fetchone()[0]
    db.execute(f"PRAGMA busy_timeout = {_LOCK_WAIT_MS}")
    try:
        for _ in range(CHECKPOINT_TRIES):
            if not db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                return True
            rest(REST_S)
        return False
    finally:
        db.execute(f"PRAGMA busy_timeout = {waited}")


def _size(db: sqlite3.Connection) -> int:
    pages, page = (db.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "page_size"))
    return int(pages * page)
