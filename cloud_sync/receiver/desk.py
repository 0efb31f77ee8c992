"""The desk: every look at a home's data is asked for here, decided, and written down before it is taken.

What is decided stands in ``zero_trust/decision.py``; here the book is fetched and the row is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cloud_sync.receiver.config import ReceiverConfig
from cloud_sync.receiver.store.audit import AuditLog
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.book import SiteBook
from cloud_sync.receiver.store.database import transaction
from zero_trust.audit import Row
from zero_trust.break_glass import OPEN_MS, Cause, Finding, Opening
from zero_trust.decision import Book, Ruling, decide, decide_classes
from zero_trust.errors import PolicyError
from zero_trust.reasons import Refused
from zero_trust.request import Action, DataClass, Proof, Request, Subject

PROOF_AGE_MS = 60_000  # an account of the machine, or the admin socket, proves anew with each call
EVERY_CLASS = tuple(data for data in DataClass if data is not DataClass.ALL)


@dataclass(frozen=True, slots=True)
class Look:
    """What was decided on a look, class by class.

    Attributes:
        number: of the audit row; ``lum-trust why`` tells more.
        classes: the classes that may be looked at.
        refused: None if there are some; else why there are none.
    """

    number: int
    classes: frozenset[DataClass]
    refused: Refused | None


class Desk:
    """Decides, and writes down; one for each process, over a connection that may write."""

    def __init__(self, db: sqlite3.Connection, config: ReceiverConfig, clock_ms: Callable[[], int]) -> None:
        self.db = db
        self.now_ms = clock_ms
        self._batches = Batches(db)
        self.audit = AuditLog(db)
        self.book = SiteBook(db, self.audit, self._batches, config.paths.policy, config.paths.grants)

    def look(self, request: Request, classes: Iterable[DataClass] = EVERY_CLASS) -> Look:
        """Decide on each of ``classes``; it is on record when this returns.

        Raises:
            sqlite3.Error: it could not be written down, so nobody may look.
        """
        request = _timed(request, self.now_ms())
        rulings, book = self._rulings(request, tuple(classes))
        allowed = frozenset(data for data, ruling in rulings.items() if ruling.allow)
        first = next(iter(rulings.values()))
        refused = None if allowed else first.refused
        facts = _facts(request, rulings, allowed, refused, book)
        key = (request.subject, request.home, request.action, request.purpose, allowed, refused)
        number = self.audit.record_news(request.now_ms or 0, "decision", facts, key)
        return Look(number, allowed, refused)

    def what_if(self, request: Request, data: DataClass, at_ms: int | None = None) -> Ruling:
        """Decide without doing or writing anything, at ``at_ms`` (None: now)."""
        now_ms = self.now_ms()
        request = replace(_timed(request, now_ms if at_ms is None else at_ms), data=data)
        try:
            return decide(request, self.book.current(now_ms))
        except PolicyError as error:
            return Ruling("", Refused(error.code, error.detail))

    def in_force(self) -> dict[str, Any]:
        """Versions in force, and code and detail of what keeps the files from it."""
        now_ms = self.now_ms()
        trouble = self.book.take_up(now_ms) or Refused("")
        try:
            book = self.book.current(now_ms)
        except PolicyError as error:
            return {"policy": 0, "grants": 0, "code": error.code, "detail": error.detail}
        versions = {"policy": book.policy.version, "grants": book.grants.version}
        return {**versions, "code": trouble.code, "detail": trouble.detail}

    def why(self, number: int) -> dict[str, Any] | Refused:
        """A decision of the audit, with the words of its code."""
        row = self.audit.row(number)
        if row is None or row.kind != "decision":
            return Refused("decision-unknown", str(number))
        return told(row)

    def break_glass(self, subject: Subject, home: str, cause: str) -> Opening | Refused:
        """Let staff on duty look into one home at once, for an hour, on record."""
        now_ms = self.now_ms()
        known = {one.value: one for one in Cause}
        if cause not in known:
            return Refused("glass-cause-missing", cause[:32])
        request = _timed(by(subject, Proof.ADMIN, home, Action.BREAK_GLASS, "emergency"), now_ms)
        rulings, book = self._rulings(request, (DataClass.ALL,))
        ruling = rulings[DataClass.ALL]
        facts = _facts(
            request, rulings, frozenset(rulings) if ruling.allow else frozenset(), ruling.refused, book
        )
        with transaction(self.db):
            number = self.audit.append(now_ms, "decision", {**facts, "cause": cause})
            if ruling.refused:
                return ruling.refused
            opening = Opening(number, str(subject), home, known[cause], now_ms, now_ms + OPEN_MS)
            self.book.write(opening)
        return opening

    def review(self, number: int, subject: Subject, finding: Finding) -> Opening | Refused:
        """Write down what the review of a broken glass came to."""
        now_ms = self.now_ms()
        opening = self.book.opening(number)
        if opening is None:
            return Refused("glass-unknown", str(number))
        request = by(subject, Proof.ADMIN, opening.home, Action.REVIEW, "review")
        look = self.look(request, (DataClass.ALL,))
        if look.refused:
            return look.refused
        if code := opening.review_refusal(str(subject)):
            return Refused(code, str(number))
        reviewed = replace(opening, reviewed_ms=now_ms, reviewer=str(subject), finding=finding)
        with transaction(self.db):
            self.book.write(reviewed)
            facts = {"opening": number, "who": str(subject), "home": opening.home, "finding": finding.value}
            self.audit.append(now_ms, "reviewed", facts)
        return reviewed

    def escalate(self) -> list[Opening]:
        """Say of each broken glass, once, that its review is overdue."""
        now_ms = self.now_ms()
        overdue = [one for one in self.book.openings() if one.overdue(now_ms) and one.escalated_ms is None]
        for opening in overdue:
            detail = f"number {opening.number}, by {opening.who}, cause {opening.cause.value}"
            with transaction(self.db):
                self.book.write(replace(opening, escalated_ms=now_ms))
                self.audit.append(now_ms, "escalated", {"opening": opening.number, "home": opening.home})
                self._batches.raise_incident(f"home {opening.home}", "glass-unreviewed", detail, now_ms)
        return overdue

    def _rulings(
        self, request: Request, classes: tuple[DataClass, ...]
    ) -> tuple[Mapping[DataClass, Ruling], Book | None]:
        try:
            book = self.book.current(request.now_ms or 0)
        except PolicyError as error:
            none = Ruling("", Refused(error.code, error.detail))
            return dict.fromkeys(classes, none), None
        return decide_classes(request, classes, book), book


def by(subject: Subject, proof: Proof, home: str, action: Action, purpose: str) -> Request:
    """What somebody asks for; class and time are left open."""
    return Request(
        role=subject.role,
        group=subject.group,
        person=subject.person,
        proof=proof,
        home=home,
        action=action,
        purpose=purpose,
    )


def _timed(request: Request, now_ms: int) -> Request:
    """The request now; an account or the admin socket has proven who asks a moment ago, a link says how long."""
    ends_ms = request.proof_ends_ms
    if ends_ms is None and request.proof in {Proof.CONSOLE, Proof.ADMIN}:
        ends_ms = now_ms + PROOF_AGE_MS
    return replace(request, now_ms=now_ms, proof_ends_ms=ends_ms)


def told(row: Row) -> dict[str, Any]:
    """A decision as facts with its words, for operators."""
    facts = row.facts
    words = words_of(facts["code"]) if facts["code"] else {}
    return {"number": row.number, "at_ms": row.at_ms, "allow": not facts["code"], **facts, **words}


def words_of(code: str) -> dict[str, str]:
    """The words of a code beside facts of which ``who`` is somebody else."""
    words = Refused(code).words
    return {"fixer": words.pop("who"), **words}


def _facts(
    request: Request,
    rulings: Mapping[DataClass, Ruling],
    allowed: frozenset[DataClass],
    refused: Refused | None,
    book: Book | None,
) -> dict[str, Any]:
    return {
        "who": request.subject,
        "proof": request.proof.value if request.proof else "",
        "home": request.home or "",
        "action": request.action.value if request.action else "",
        "purpose": request.purpose or "",
        "classes": sorted(data.value for data in allowed),
        "withheld": {data.value: one.refused.code for data, one in rulings.items() if one.refused},
        "rule": next((one.rule for one in rulings.values() if one.rule), ""),
        "code": refused.code if refused else "",
        "detail": refused.detail if refused else "",
        "policy": book.policy.version if book else 0,
        "grants": book.grants.version if book else 0,
    }
