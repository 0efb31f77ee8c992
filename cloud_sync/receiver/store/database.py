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
    db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten, whatever this build's default
    _migrate(db)
    return db


def copy_database(source: sqlite3.Connection, target: Path) -> None:
    """Copy a store whole and consistently, whoever uses either meanwhile; a new file is its owner's alone."""
    target.touch(mode=0o600)
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
    """Apply each ``migrations/NNNN_*.sql`` not yet applied, in order of their numbers; all in one transaction."""
    scripts = {
        int(entry.name[:4]): entry
        for entry in resources.files(__package__).joinpath("migrations").iterdir()
        if entry.name.endswith(".sql")
    }
    if scripts.keys() <= _applied(db):
        return
    with transaction(db):
        applied = _applied(db)  # another process may have been first
        for number in sorted(scripts.keys() - applied):
            for statement in _statements(scripts[number].read_text()):
                db.execute(statement)
        db.execute("CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY) STRICT")
        db.executemany(
            "INSERT OR IGNORE INTO migration VALUES (?)", [(number,) for number in scripts.keys() | applied]
        )


def _applied(db: sqlite3.Connection) -> set[int]:
    """Numbers of the migrations that the store has seen: there may be gaps, and one may be filled later."""
    if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'migration'").fetchone():
        counted: int = db.execute("PRAGMA user_version").fetchone()[0]  # how the first two were noted
        return set(range(1, counted + 1))
    return {row["number"] for row in db.execute("SELECT number FROM migration")}


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
