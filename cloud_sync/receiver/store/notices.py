"""The outbox of notices, and whether each of its channels has delivered them (SQLite)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cloud_sync.assurance.finding import Severity
from cloud_sync.assurance.incident import About, Audience
from cloud_sync.assurance.notice import LATE_MS, Notice, Occasion
from cloud_sync.receiver.store.database import transaction

DELIVERED: Final = "delivered"
WITHHELD: Final = "withheld"
_FRESH_MS: Final = 86_400_000  # older ones are no news to a channel that is new


@dataclass(frozen=True, slots=True)
class Due:
    """A notice that a channel is to deliver now; ``tries`` have failed so far."""

    number: int
    notice: Notice
    channel: str
    tries: int


@dataclass(frozen=True, slots=True)
class Telling:
    """Whether one audience was reached with an incident.

    Attributes:
        subject: of the incident.
        raised_ms: of the incident.
        audience: who is told.
        delivered_ms: when the first channel had delivered the first notice; None: none has.
        waiting: whether a channel still tries.
        withheld: whether the home has not agreed that they are told.
    """

    subject: str
    raised_ms: int
    audience: Audience
    delivered_ms: int | None
    waiting: bool
    withheld: bool


class Notices:
    """Rows of one SQLite file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, notices: Iterable[Notice]) -> None:
        """Write down what is to be told, unless it is already; the caller has a transaction around it."""
        self._db.executemany(
            "INSERT OR IGNORE INTO notice (id, home, subject, raised_ms, about, severity, audience, occasion, words,"
            " happened_ms, known_ms, not_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    one.id,
                    one.home,
                    one.subject,
                    one.raised_ms,
                    one.about.value,
                    one.severity,
                    one.audience,
                    one.occasion.value,
                    one.words,
                    one.happened_ms,
                    one.known_ms,
                    one.not_by,
                )
                for one in notices
            ],
        )

    def hand_out(self, channels: Mapping[Audience, Sequence[str]], now_ms: int) -> None:
        """Give each new notice to the channels of its audience; one that has none is told on pages alone."""
        waiting = self._db.execute("SELECT * FROM notice WHERE handed_ms IS NULL ORDER BY number").fetchall()
        if not waiting:
            return
        with transaction(self._db):
            for row in waiting:
                names = [name for name in channels[Audience(row["audience"])] if name != row["not_by"]]
                self._db.executemany(
                    "INSERT OR IGNORE INTO delivery (notice, channel, state, next_ms) VALUES (?, ?, 'due', ?)",
                    [(row["number"], name, now_ms) for name in names],
                )
            self._db.executemany(
                "UPDATE notice SET handed_ms = ? WHERE number = ?",
                [(now_ms, row["number"]) for row in waiting],
            )

    def drop_all_but(self, channels: Iterable[str]) -> None:
        """What channels that are no longer configured still owed is for the others to deliver."""
        marks, names = _marks(channels)
        with transaction(self._db):
            self._db.execute(f"DELETE FROM delivery WHERE state = 'due' AND channel NOT IN ({marks})", names)  # noqa: S608
            self._db.execute(
                "UPDATE notice SET handed_ms = NULL WHERE handed_ms IS NOT NULL AND number NOT IN"
                " (SELECT notice FROM delivery) AND known_ms > (SELECT coalesce(max(known_ms), 0) FROM notice) - ?",
                (_FRESH_MS,),
            )

    def due(self, channels: Iterable[str], now_ms: int, most: int) -> list[Due]:
        """What these channels are to deliver now, the most pressing first."""
        marks, names = _marks(channels)
        rows = self._db.execute(
            "SELECT * FROM delivery JOIN notice ON notice.number = delivery.notice WHERE state = 'due'"  # noqa: S608
            f" AND next_ms <= ? AND channel IN ({marks}) ORDER BY severity DESC, notice LIMIT ?",
            (now_ms, *names, most),
        )
        return [Due(row["number"], _notice(row), row["channel"], row["tries"]) for row in rows]

    def done(self, due: Due, state: str, trouble: str, now_ms: int) -> None:
        """It was delivered, or withheld."""
        self._db.execute(
            "UPDATE delivery SET state = ?, trouble = ?, tries = tries + 1, done_ms = ?"
            " WHERE notice = ? AND channel = ?",
            (state, trouble, now_ms, due.number, due.channel),
        )

    def failed(self, due: Due, trouble: str, next_ms: int) -> None:
        """It could not be delivered, and is tried again then."""
        self._db.execute(
            "UPDATE delivery SET tries = tries + 1, trouble = ?, next_ms = ? WHERE notice = ? AND channel = ?",
            (trouble, next_ms, due.number, due.channel),
        )

    def turned_late(self, now_ms: int) -> list[dict[str, Any]]:
        """What has just been undelivered for too long: channel, trouble and since when, for each channel that had none so far."""
        late = " OR ".join(f"(severity = {s.value} AND known_ms <= {now_ms - LATE_MS[s]})" for s in Severity)
        rows = self._db.execute(
            "SELECT notice, channel, trouble, known_ms, home FROM delivery JOIN notice ON number = notice"  # noqa: S608
            f" WHERE state = 'due' AND late_ms IS NULL AND ({late}) ORDER BY number"
        ).fetchall()
        already = {
            row["channel"]
            for row in self._db.execute(
                "SELECT DISTINCT channel FROM delivery WHERE state = 'due' AND late_ms IS NOT NULL"
            )
        }
        self._db.executemany(
            "UPDATE delivery SET late_ms = ? WHERE notice = ? AND channel = ?",
            [(now_ms, row["notice"], row["channel"]) for row in rows],
        )
        first = {row["channel"]: dict(row) for row in reversed(rows)}
        return [one for channel, one in first.items() if channel not in already]

    def overdue(self, before_ms: int) -> int:
        """How many notices to operations nobody has delivered though they were known before then."""
        row = self._db.execute(
            "SELECT count(*) AS overdue FROM notice WHERE audience = ? AND known_ms < ? AND (handed_ms IS NULL OR"
            " (EXISTS (SELECT 1 FROM delivery WHERE notice = number AND state = 'due')"
            " AND NOT EXISTS (SELECT 1 FROM delivery WHERE notice = number AND state = 'delivered')))",
            (Audience.OPERATIONS, before_ms),
        ).fetchone()
        return int(row["overdue"])

    def tellings(self, home: str) -> list[Telling]:
        """Who was reached with each open incident of a home, or not."""
        rows = self._db.execute(
            "SELECT notice.subject, notice.raised_ms, notice.audience, min(done_ms) FILTER (WHERE state = 'delivered')"
            " AS delivered_ms, coalesce(max(state = 'due'), max(handed_ms IS NULL)) AS waiting,"
            " coalesce(max(state = 'withheld'), 0) AS withheld FROM notice LEFT JOIN delivery ON notice = number"
            " JOIN home_incident USING (home, subject, raised_ms) WHERE home = ? AND closed_ms IS NULL"
            " AND occasion = 'raised' GROUP BY notice.subject, notice.raised_ms, notice.audience",
            (home,),
        )
        return [
            Telling(
                row["subject"],
                row["raised_ms"],
                Audience(row["audience"]),
                row["delivered_ms"],
                bool(row["waiting"]),
                bool(row["withheld"]),
            )
            for row in rows
        ]

    def newest(self, limit: int) -> list[dict[str, Any]]:
        """The last notices, newest first, each with its ``deliveries``."""
        found = []
        for row in self._db.execute("SELECT * FROM notice ORDER BY number DESC LIMIT ?", (limit,)).fetchall():
            deliveries = self._db.execute(
                "SELECT channel, state, tries, next_ms, done_ms, trouble, late_ms FROM delivery WHERE notice = ?"
                " ORDER BY channel",
                (row["number"],),
            )
            found.append({**dict(row), "deliveries": [dict(one) for one in deliveries]})
        return found


def _marks(names: Iterable[str]) -> tuple[str, list[str]]:
    listed = list(names)
    return ", ".join("?" * len(listed)), listed


def _notice(row: sqlite3.Row) -> Notice:
    return Notice(
        row["id"],
        row["home"],
        row["subject"],
        row["raised_ms"],
        About(row["about"]),
        Severity(row["severity"]),
        Audience(row["audience"]),
        Occasion(row["occasion"]),
        row["words"],
        row["happened_ms"],
        row["known_ms"],
        row["not_by"],
    )
