"""Who agreed to what, and what is paused, by home (SQLite). Rows are added and ended, never changed."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from cloud_sync.assurance.consent import Authority, Consent
from cloud_sync.assurance.pausing import Agreed, Asked
from cloud_sync.assurance.plan import Question
from cloud_sync.receiver.store.settings import changes, note_change

CHANGES = "agreements"


class Agreements:
    """Rows of one SQLite file; whoever writes has a transaction around it. ``needed``: is what nobody agreed to paused?"""

    def __init__(self, db: sqlite3.Connection, *, needed: bool) -> None:
        self._db = db
        self._needed = needed

    def changes(self) -> int:
        """How often something was written: a cheap look whether there is news."""
        return changes(self._db, CHANGES)

    def of(self, home: str) -> Agreed:
        """All of one home, the ended ones too."""
        consents = self._db.execute("SELECT * FROM consent WHERE home = ? ORDER BY number", (home,))
        pauses = self._db.execute("SELECT * FROM pause WHERE home = ? ORDER BY number", (home,))
        return Agreed(tuple(map(_consent, consents)), tuple(map(_asked, pauses)), self._needed)

    def agree(self, home: str, consent: Consent, now_ms: int) -> Consent:
        """Write down an agreement; gives it with its number."""
        number = self._db.execute(
            "INSERT INTO consent (home, questions, authority, person, evidence, from_ms, until_ms, written_by, written_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                home,
                _packed(consent.questions),
                consent.authority.value,
                consent.person,
                consent.evidence,
                consent.from_ms,
                consent.until_ms,
                consent.written_by,
                now_ms,
            ),
        ).lastrowid
        note_change(self._db, CHANGES)
        return replace(consent, number=number or 0)

    def withdraw(self, home: str, who: str, now_ms: int) -> int:
        """End all agreements of a home that have not ended; how many there were."""
        ended = self._db.execute(
            "UPDATE consent SET ended_ms = ?1, ended_by = ?2 WHERE home = ?3 AND ended_ms IS NULL AND until_ms > ?1",
            (now_ms, who, home),
        ).rowcount
        note_change(self._db, CHANGES)
        return ended

    def pause(self, home: str, asked: Asked, now_ms: int) -> Asked:
        """Write down a pause; gives it with its number."""
        number = self._db.execute(
            "INSERT INTO pause (home, event, questions, stays, asked_by, from_ms, until_ms, written_by, written_ms)"
            " VALUES (?, ?, ?, '', ?, ?, ?, ?, ?)",
            (
                home,
                asked.event,
                _packed(asked.questions),
                asked.asked_by,
                asked.from_ms,
                asked.until_ms,
                asked.written_by,
                now_ms,
            ),
        ).lastrowid
        note_change(self._db, CHANGES)
        return replace(asked, number=number or 0)

    def end_pauses(self, home: str, now_ms: int, event: str | None = None) -> int:
        """End the pauses of a home that have not ended (of one life event: it alone; None: all); how many there were."""
        ended = self._db.execute(
            "UPDATE pause SET ended_ms = max(?1, from_ms) WHERE home = ?2 AND ended_ms IS NULL AND until_ms > ?1"
            " AND (?3 IS NULL OR event = ?3)",
            (now_ms, home, event),
        ).rowcount
        note_change(self._db, CHANGES)
        return ended


def _packed(questions: frozenset[Question]) -> str:
    return " ".join(sorted(question.value for question in questions))


def _unpacked(text: str) -> frozenset[Question]:
    """The questions of a row; a word that this version does not know is none."""
    known = {question.value for question in Question}
    return frozenset(Question(word) for word in text.split() if word in known)


def _consent(row: sqlite3.Row) -> Consent:
    return Consent(
        questions=_unpacked(row["questions"]),
        authority=Authority(row["authority"]),
        person=row["person"],
        evidence=row["evidence"],
        from_ms=row["from_ms"],
        until_ms=row["until_ms"],
        written_by=row["written_by"],
        number=row["number"],
        ended_ms=row["ended_ms"],
    )


def _asked(row: sqlite3.Row) -> Asked:
    return Asked(
        questions=_unpacked(row["questions"]),
        asked_by=row["asked_by"],
        from_ms=row["from_ms"],
        until_ms=row["until_ms"],
        event=row["event"],
        stays=tuple(row["stays"].removeprefix("-").split()) if row["stays"] else None,
        written_by=row["written_by"],
        number=row["number"],
        ended_ms=row["ended_ms"],
    )
