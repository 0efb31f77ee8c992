"""Opens the receiver's SQLite store and brings its schema up to date.

Several processes of a site share one file: WAL lets readers go on while one of
them writes, ``synchronous=FULL`` makes a commit mean that the disk has it.
"""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path

BUSY_TIMEOUT_S = 10.0


def open_database(path: Path) -> sqlite3.Connection:
    """Open ``path``, creating it and applying each migration not yet applied.

    Transactions are explicit (``BEGIN IMMEDIATE`` ... ``COMMIT``): see :class:`transaction`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    _migrate(db)
    return db


def copy_database(source: sqlite3.Connection, target: Path) -> None:
    """Copy a store whole and consistently, whoever uses either meanwhile."""
    copy = sqlite3.connect(target, timeout=BUSY_TIMEOUT_S)
    try:
        source.backup(copy)
    finally:
        copy.close()


class transaction:  # noqa: N801 - reads as a statement: ``with transaction(db):``
    """``BEGIN IMMEDIATE`` on entry; ``COMMIT`` on leaving, ``ROLLBACK`` if an exception leaves."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> sqlite3.Connection:
        self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def _migrate(db: sqlite3.Connection) -> None:
    """Apply ``migrations/NNNN_*.sql`` in order; each one and its number in one transaction."""
    scripts = sorted(
        (
            entry
            for entry in resources.files(__package__).joinpath("migrations").iterdir()
            if entry.name.endswith(".sql")
        ),
        key=lambda entry: entry.name,
    )
    if db.execute("PRAGMA user_version").fetchone()[0] >= len(scripts):
        return
    with transaction(db):
        applied = db.execute("PRAGMA user_version").fetchone()[0]  # another process may have been first
        for number, script in enumerate(scripts[applied:], start=applied + 1):
            for statement in _statements(script.read_text()):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number}")


def _statements(script: str) -> list[str]:
    """Split at semicolons that end a statement (``executescript`` would commit before it starts)."""
    statements: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    return statements
