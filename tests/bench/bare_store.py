"""The least a durable store can do: SQLite, one table, nothing decided."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path


class BareStore:
    """Blobs in a file of their own, with the safety that Lum's stores have."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY, content BLOB NOT NULL)")

    def keep(self, blobs: Sequence[bytes]) -> None:
        """Insert the blobs and commit, in one transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT INTO kept (content) VALUES (?)", [(blob,) for blob in blobs])
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._db.close()
