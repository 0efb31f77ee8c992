"""What was learned afterwards of times in which we were blind (SQLite); only added to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from cloud_sync.assurance.hindsight import Blindness, Explanation, blindnesses
from cloud_sync.assurance.household import Event
from cloud_sync.receiver.store.assured import event_of, stretch_of
from cloud_sync.receiver.store.database import transaction


class Hindsight:
    """Rows of one SQLite file, by home."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def blindnesses(self, home: str, after_ms: int) -> list[Blindness]:
        """The times of a home that may be explained and ended after one, in order."""
        rows = self._db.execute(
            "SELECT * FROM stretch WHERE home = ? AND state = 'blind' AND until_ms > ?", (home, after_ms)
        )
        return blindnesses(map(stretch_of, rows))

    def events(self, home: str, of: Blindness) -> list[Event]:
        """What happened in it, in order, as far as we know by now."""
        rows = self._db.execute(
            "SELECT * FROM event WHERE home = ? AND happened_ms >= ? AND happened_ms < ?"
            " ORDER BY happened_ms, id",
            (home, of.from_ms, of.until_ms),
        )
        return [event_of(row) for row in rows]

    def listened(self, home: str, of: Blindness) -> list[tuple[int, int]]:
        """The spans of its hubs that touch it."""
        rows = self._db.execute(
            "SELECT from_ms, to_ms FROM span WHERE hub IN (SELECT id FROM hub WHERE home = ?)"
            " AND from_ms < ? AND to_ms > ?",
            (home, of.until_ms, of.from_ms),
        )
        return [(row["from_ms"], row["to_ms"]) for row in rows]

    def newest(self, home: str, of: Blindness) -> Explanation | None:
        """What we have said of it last."""
        found = self.explanations(home, of.from_ms, of.until_ms, now_ms=None)
        return next((one for one in found if one.of.from_ms == of.from_ms), None)

    def explanations(
        self, home: str, from_ms: int, until_ms: int, *, now_ms: int | None
    ) -> list[Explanation]:
        """Of each blindness that touches a span, what was known of it at ``now_ms`` (None: ever); in order."""
        rows = self._db.execute(
            "SELECT *, max(known_ms) AS newest_ms FROM explanation WHERE home = ? AND from_ms < ?"
            " AND until_ms > ? AND (?4 IS NULL OR known_ms <= ?4) GROUP BY from_ms ORDER BY from_ms",
            (home, until_ms, from_ms, now_ms),
        )
        return [_explanation(row) for row in rows]

    def every(self, home: str) -> list[Explanation]:
        """All that was ever said of blindnesses of a home, in the order in which we learned it."""
        rows = self._db.execute(
            "SELECT *, known_ms AS newest_ms FROM explanation WHERE home = ? ORDER BY known_ms, from_ms",
            (home,),
        )
        return [_explanation(row) for row in rows]

    def add(self, home: str, explanations: Iterable[Explanation]) -> None:
        """Write them beside those that are there."""
        rows = [
            (home, one.of.from_ms, one.of.until_ms, one.known_ms, one.listened_ms, one.evidence)
            for one in explanations
        ]
        if rows:
            with transaction(self._db):
                self._db.executemany("INSERT OR IGNORE INTO explanation VALUES (?, ?, ?, ?, ?, ?)", rows)


def _explanation(row: sqlite3.Row) -> Explanation:
    of = Blindness(row["from_ms"], row["until_ms"])
    return Explanation(of, row["newest_ms"], row["listened_ms"], row["evidence"])
