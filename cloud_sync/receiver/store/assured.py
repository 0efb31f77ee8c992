"""Questions, ledger and incidents of homes, as the watch keeps them and pages show them (SQLite)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.finding import Answer, Finding, Severity
from cloud_sync.assurance.home import Look
from cloud_sync.assurance.household import Event
from cloud_sync.assurance.incident import About, Audience, Incident
from cloud_sync.assurance.notice import Notice
from cloud_sync.assurance.plan import Question, Sensor
from cloud_sync.assurance.watching import Stretch
from cloud_sync.receiver.store.database import transaction
from cloud_sync.receiver.store.notices import Notices
from cloud_sync.receiver.store.responses import Responses
from device_profiles.role import Role


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as a page shows it.

    Attributes:
        stretch: how well it is watched, since when and why.
        answer: at the last look.
        evidence: in plain words.
        asked_ms: when it was last asked.
    """

    stretch: Stretch
    answer: Answer
    evidence: str
    asked_ms: int


class Assured:
    """Rows of one SQLite file, by home."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def sensors(self) -> dict[str, dict[str, Sensor]]:
        """All sensors as questions see them, by home and address."""
        found: dict[str, dict[str, Sensor]] = {}
        for row in self._db.execute("SELECT home, address, room, role FROM sensor ORDER BY home, address"):
            known = row["role"] in {role.value for role in Role}
            role = Role(row["role"]) if known else Role.OTHER
            found.setdefault(row["home"], {})[row["address"]] = Sensor(row["address"], row["room"], role)
        return found

    def newest_event(self) -> int:
        """The number of the newest event; 0 if there is none."""
        row = self._db.execute("SELECT max(id) AS newest FROM event").fetchone()
        return row["newest"] or 0

    def history(self, home: str, after_ms: int, until_id: int) -> list[Event]:
        """A home's events that happened after a time, in the order in which they happened, up to a number."""
        rows = self._db.execute(
            "SELECT * FROM event WHERE home = ? AND happened_ms > ? AND id <= ? ORDER BY happened_ms, id",
            (home, after_ms, until_id),
        )
        return [event_of(row) for row in rows]

    def events(self, after_id: int, most: int) -> tuple[int, dict[str, list[Event]]]:
        """Events that came after one, by home, and the number of the last of them."""
        found: dict[str, list[Event]] = {}
        for row in self._db.execute("SELECT * FROM event WHERE id > ? ORDER BY id LIMIT ?", (after_id, most)):
            found.setdefault(row["home"], []).append(event_of(row))
            after_id = row["id"]
        return after_id, found

    def forget_events(self, before_ms: int) -> None:
        """Drop events that are older than what habits are learned from."""
        with transaction(self._db):
            self._db.execute("DELETE FROM event WHERE happened_ms < ?", (before_ms,))

    def write(
        self,
        home: str,
        look: Look,
        findings: Mapping[Question, Finding],
        now_ms: int,
        heard: int = 0,
        taken_up: Iterable[int] = (),
        notices: Iterable[Notice] = (),
    ) -> None:
        """Store what a look brought, all or nothing.

        Args:
            home: its id.
            look: what changed.
            findings: of each question.
            now_ms: wall clock.
            heard: the number of the newest event that was taken in.
            taken_up: numbers of the responses that were.
            notices: what is to be told.
        """
        with transaction(self._db):
            self._write_stretches(home, look.stretches)
            self._write_incidents(home, look.incidents)
            Responses(self._db).take_up(taken_up, now_ms)
            Notices(self._db).add(notices)
            self._db.execute("INSERT OR REPLACE INTO asked VALUES (?, ?, ?)", (home, now_ms, heard))
            self._db.executemany(
                "INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?)",
                [
                    (home, q.value, found.answer.value, found.evidence, now_ms)
                    for q, found in findings.items()
                ],
            )

    def note(
        self,
        home: str,
        stretches: Iterable[Stretch],
        incidents: Iterable[Incident] = (),
        notices: Iterable[Notice] = (),
    ) -> None:
        """Write stretches of the ledger, incidents and what is to be told of them, alone."""
        with transaction(self._db):
            self._write_stretches(home, stretches)
            self._write_incidents(home, incidents)
            Notices(self._db).add(notices)

    def lasting(self, home: str) -> list[Stretch]:
        """The stretches of a home that last."""
        rows = self._db.execute("SELECT * FROM stretch WHERE home = ? AND until_ms IS NULL", (home,))
        return [stretch_of(row) for row in rows]

    def ledger(self, home: str, from_ms: int, until_ms: int) -> list[Stretch]:
        """The stretches of a home that touch a span, in order."""
        rows = self._db.execute(
            "SELECT * FROM stretch WHERE home = ? AND from_ms < ? AND coalesce(until_ms, ?) > ?"
            " ORDER BY question, from_ms, known_ms",
            (home, until_ms, until_ms, from_ms),
        )
        return [stretch_of(row) for row in rows]

    def open_incidents(self, home: str) -> list[Incident]:
        """The incidents of a home that are not closed, newest first."""
        rows = self._db.execute(
            "SELECT * FROM home_incident WHERE home = ? AND closed_ms IS NULL ORDER BY raised_ms DESC",
            (home,),
        )
        return [_incident(row) for row in rows]

    def incidents(self, home: str, from_ms: int, until_ms: int) -> list[Incident]:
        """All incidents of a home that were raised in a span, in order, each as it stands or ended."""
        rows = self._db.execute(
            "SELECT * FROM home_incident WHERE home = ? AND raised_ms >= ? AND raised_ms < ?"
            " ORDER BY raised_ms, subject",
            (home, from_ms, until_ms),
        )
        return [_incident(row) for row in rows]

    def open_incident(self, home: str, subject: str) -> Incident | None:
        """The incident of that subject, unless it is closed or somebody has just said that it is over."""
        row = self._db.execute(
            "SELECT * FROM home_incident AS one WHERE home = ? AND subject = ? AND closed_ms IS NULL AND NOT EXISTS"
            " (SELECT 1 FROM response WHERE home = one.home AND subject = one.subject"
            " AND raised_ms = one.raised_ms AND act = 'close')",
            (home, subject),
        ).fetchone()
        return _incident(row) if row else None

    def closed_incidents(self, home: str, after_ms: int) -> list[Incident]:
        """The incidents of a home that ended after a time, in the order in which they did."""
        rows = self._db.execute(
            "SELECT * FROM home_incident WHERE home = ? AND closed_ms > ? ORDER BY closed_ms",
            (home, after_ms),
        )
        return [_incident(row) for row in rows]

    def since(self, home: str, after_id: int, until_id: int) -> list[Event]:
        """A home's events with numbers after one, up to another, in the order in which they became known."""
        rows = self._db.execute(
            "SELECT * FROM event WHERE home = ? AND id > ? AND id <= ? ORDER BY id",
            (home, after_id, until_id),
        )
        return [event_of(row) for row in rows]

    def asked(self, home: str) -> list[Asked]:
        """The questions of a home as a page shows them, in the order of the ledger."""
        answers = {
            row["question"]: row for row in self._db.execute("SELECT * FROM answer WHERE home = ?", (home,))
        }
        return [
            Asked(stretch, Answer(row["answer"]), row["evidence"], row["asked_ms"])
            for stretch in self.lasting(home)
            if (row := answers.get(stretch.question.value))
        ]

    def _write_stretches(self, home: str, stretches: Iterable[Stretch]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO stretch VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (home, s.question.value, s.known_ms, s.from_ms, s.until_ms, s.state.value, s.cause.value)
                for s in stretches
            ],
        )

    def _write_incidents(self, home: str, incidents: Iterable[Incident]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO home_incident VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    home,
                    one.subject,
                    one.raised_ms,
                    one.about.value,
                    one.happened_ms,
                    one.updated_ms,
                    one.evidence,
                    one.severity,
                    one.audience,
                    one.in_hand,
                    one.closed_ms,
                    one.outcome,
                    one.hand_ms,
                    one.closed_by,
                )
                for one in incidents
            ],
        )


def event_of(row: sqlite3.Row) -> Event:
    """A row of ``event``."""
    return Event(row["happened_ms"], row["address"], row["kind"], row["value"])


def stretch_of(row: sqlite3.Row) -> Stretch:
    """A row of ``stretch``."""
    return Stretch(
        Question(row["question"]),
        State(row["state"]),
        Cause(row["cause"]),
        row["from_ms"],
        row["known_ms"],
        row["until_ms"],
    )


def _incident(row: sqlite3.Row) -> Incident:
    return Incident(
        subject=row["subject"],
        about=About(row["about"]),
        happened_ms=row["happened_ms"],
        raised_ms=row["raised_ms"],
        updated_ms=row["updated_ms"],
        evidence=row["evidence"],
        severity=Severity(row["severity"]),
        audience=Audience(row["audience"]),
        in_hand=row["in_hand"],
        hand_ms=row["hand_ms"],
        closed_ms=row["closed_ms"],
        outcome=row["outcome"],
        closed_by=row["closed_by"],
    )
