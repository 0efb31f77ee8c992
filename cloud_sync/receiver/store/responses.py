"""What people said of incidents: written by whoever asks the desk, taken up by the watch (SQLite)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from cloud_sync.assurance.response import Act, Response


@dataclass(frozen=True, slots=True)
class Said:
    """A response as it is kept.

    Attributes:
        number: of its audit row.
        home: whose incident.
        response: what was said.
        heard: the number of the newest event that the home had been asked about then.
        taken_up_ms: when the watch took it up; None: not yet.
    """

    number: int
    home: str
    response: Response
    heard: int
    taken_up_ms: int | None = None


class Responses:
    """Rows of one SQLite file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, number: int, home: str, response: Response) -> None:
        """Write down what was said, under the number of its audit row; the caller has a transaction around it."""
        r = response
        self._db.execute(
            "INSERT INTO response (number, home, subject, raised_ms, act, who, said, happened_ms, known_ms, heard)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, coalesce((SELECT heard FROM asked WHERE home = ?), 0))",
            (
                number,
                home,
                r.subject,
                r.raised_ms,
                r.act.value,
                r.who,
                r.said,
                r.happened_ms,
                r.known_ms,
                home,
            ),
        )

    def waiting(self) -> dict[str, list[Said]]:
        """What the watch has not taken up yet, by home, in the order in which it was said."""
        found: dict[str, list[Said]] = {}
        for row in self._db.execute("SELECT * FROM response WHERE taken_up_ms IS NULL ORDER BY number"):
            found.setdefault(row["home"], []).append(_said(row))
        return found

    def take_up(self, numbers: Iterable[int], now_ms: int) -> None:
        """The watch has taken these up; the caller has a transaction around it."""
        self._db.executemany(
            "UPDATE response SET taken_up_ms = ? WHERE number = ?", [(now_ms, number) for number in numbers]
        )

    def answered(self, home: str) -> dict[str, int]:
        """For each subject that a person has closed: up to which event they could know of it."""
        rows = self._db.execute(
            "SELECT subject, max(heard) AS heard FROM response WHERE home = ? AND act = 'close' GROUP BY subject",
            (home,),
        )
        return {row["subject"]: row["heard"] for row in rows}

    def of(self, home: str, subject: str, raised_ms: int) -> list[Said]:
        """All that was said of one incident, in order."""
        rows = self._db.execute(
            "SELECT * FROM response WHERE home = ? AND subject = ? AND raised_ms = ? ORDER BY number",
            (home, subject, raised_ms),
        )
        return [_said(row) for row in rows]


def _said(row: sqlite3.Row) -> Said:
    response = Response(
        row["subject"],
        row["raised_ms"],
        Act(row["act"]),
        row["who"],
        row["said"],
        row["happened_ms"],
        row["known_ms"],
    )
    return Said(row["number"], row["home"], response, row["heard"], row["taken_up_ms"])
