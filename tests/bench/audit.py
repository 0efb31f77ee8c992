"""What the audit and the decisions cost."""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from cloud_sync.receiver.store.audit import AuditLog
from cloud_sync.receiver.store.database import open_database, transaction
from tests.bench.harness import Figure, Samples, at_least, in_turns, rate
from tests.helpers.desk import GRANTS, POLICY
from tests.helpers.trust import NOW_MS
from zero_trust.audit import START, Row, make_row
from zero_trust.audit_check import check
from zero_trust.decision import Book, decide
from zero_trust.grants import parse_grants
from zero_trust.request import Action, DataClass, Proof, Request, Role
from zero_trust.rules import parse_policy

ROUNDS = 7
ROWS = 20_000
STORED = 2_000
FACTS = {
    "who": "staff:council/amy",
    "proof": "console",
    "home": "h-17",
    "action": "read",
    "purpose": "care",
    "classes": ["activity", "alert", "climate", "health", "state", "upkeep"],
    "withheld": {"other": "class-not-allowed"},
    "rule": "staff-caseload",
    "code": "",
    "detail": "",
    "policy": 1,
    "grants": 1,
}
REQUEST = Request(
    Role.STAFF,
    "council",
    "amy",
    Proof.CONSOLE,
    NOW_MS + 1,
    "h-17",
    DataClass.ACTIVITY,
    Action.READ,
    "care",
    NOW_MS,
)


def audit() -> list[Figure]:
    """Rows a second of CPU time: chained in memory, appended to the store a thousand to a commit, and checked.

    Beside it: SHA-256 over as many bytes, and the same rows put into the same store without a chain.
    """
    rows = _chain()
    size = sum(len(row.text) for row in rows) // len(rows)
    chained, checked, hashed = in_turns(
        ROUNDS,
        rate(_chain, ROWS),
        rate(lambda: check(rows), ROWS),
        rate(lambda: [hashlib.sha256(bytes(size + 64)).digest() for _ in range(ROWS)], ROWS),
    )
    limit = Samples(f"limit: SHA-256 over {size + 64} B", hashed)
    with tempfile.TemporaryDirectory() as directory, closing(open_database(Path(directory) / "a.db")) as db:
        appended, bare = in_turns(
            ROUNDS, rate(lambda: _append(db), STORED), rate(lambda: _insert(db, rows), STORED)
        )
    return [
        Figure(Samples("audit rows chained", chained), "rows/s", at_least(100_000), (limit,)),
        Figure(Samples("audit rows checked", checked), "rows/s", at_least(200_000), (limit,)),
        Figure(
            Samples("audit rows appended to the store", appended),
            "rows/s",
            at_least(10_000),
            (Samples("limit: rows without a chain", bare),),
        ),
    ]


def decisions() -> list[Figure]:
    """Decisions a second of CPU time by the rules of a new site, and with their audit row chained in memory."""
    book = Book(parse_policy(POLICY, "policy.toml"), parse_grants(GRANTS, "grants.toml"))

    def decide_all() -> None:
        for _ in range(ROWS):
            decide(REQUEST, book)

    def decide_and_write() -> None:
        before = START
        for number in range(1, ROWS + 1):
            decide(REQUEST, book)
            before = make_row(before, number, NOW_MS, "decision", FACTS).hash

    alone, written = in_turns(ROUNDS, rate(decide_all, ROWS), rate(decide_and_write, ROWS))
    return [
        Figure(
            Samples("decisions with their row", written),
            "decisions/s",
            at_least(50_000),
            (Samples("limit: without", alone),),
        )
    ]


def _chain() -> list[Row]:
    rows: list[Row] = []
    before = START
    for number in range(1, ROWS + 1):
        rows.append(make_row(before, number, NOW_MS, "decision", FACTS))
        before = rows[-1].hash
    return rows


def _append(db: sqlite3.Connection) -> None:
    log = AuditLog(db)
    for _ in range(0, STORED, 1000):
        with transaction(db):
            for _ in range(1000):
                log.append(NOW_MS, "decision", FACTS)


def _insert(db: sqlite3.Connection, rows: list[Row]) -> None:
    db.execute("CREATE TABLE IF NOT EXISTS bare (number INTEGER PRIMARY KEY, at_ms, kind, facts, hash)")
    for first in range(0, STORED, 1000):
        with transaction(db):
            db.executemany(
                "INSERT INTO bare (at_ms, kind, facts, hash) VALUES (?, ?, ?, ?)",
                [(row.at_ms, row.kind, row.text, row.hash) for row in rows[first : first + 1000]],
            )
