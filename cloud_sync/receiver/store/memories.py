"""What the model learned of each home, kept between runs of the watch (SQLite); and which homes were forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple

from cloud_sync.assurance.household import Event
from cloud_sync.assurance.snapshot import Snapshot
from cloud_sync.receiver.store.assured import event_of
from cloud_sync.receiver.store.database import transaction


class Memories:
    """Rows of one SQLite file, by home."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def of(self, home: str) -> Snapshot | None:
        """The snapshot of a home, as it was written."""
        row = self._db.execute(
            "SELECT home, taken_ms, event, plan, form, state, digest FROM habit WHERE home = ?", (home,)
        ).fetchone()
        return Snapshot(*row) if row else None

    def keep(self, snapshots: Iterable[Snapshot], forgotten: int) -> None:
        """Write them in place of older ones, all or nothing; none of a home that is gone, or was forgotten since.

        Args:
            snapshots: of homes.
            forgotten: the number of the last deletion that is known of.
        """
        with transaction(self._db):
            self._db.executemany(
                "INSERT OR REPLACE INTO habit SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS"
                " (SELECT 1 FROM sensor WHERE home = ?1) AND NOT EXISTS"
                " (SELECT 1 FROM deletion WHERE what = 'home' AND home = ?1 AND number > ?8)",
                [(*astuple(one), forgotten) for one in snapshots],
            )

    def since(self, home: str, after_id: int, until_id: int) -> list[Event]:
        """A home's events that came after one, up to another, in the order in which they happened."""
        rows = self._db.execute(
            "SELECT * FROM event INDEXED BY event_since WHERE home = ? AND id > ? AND id <= ?"
            " ORDER BY happened_ms, id",
            (home, after_id, until_id),
        )
        return [event_of(row) for row in rows]

    def forgotten(self, after: int) -> tuple[int, set[str]]:
        """The homes that were forgotten since a deletion, and the number of the last deletion."""
        rows = self._db.execute(
            "SELECT number, home FROM deletion WHERE number > ? AND what = 'home'", (after,)
        ).fetchall()
        return max((row["number"] for row in rows), default=after), {row["home"] for row in rows}
