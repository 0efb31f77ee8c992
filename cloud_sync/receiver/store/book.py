"""What a site decides by: ``policy.toml`` and ``grants.toml`` once they are found good, and broken glass.

What is in force stands in the store, so that all processes go by the same text, also after a restart while
a file is being edited. Whoever decides next takes a changed file up, or says why not; nothing needs a signal.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud_sync.receiver.store.audit import AuditLog
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.database import transaction
from zero_trust.break_glass import Cause, Finding, Opening
from zero_trust.decision import Book
from zero_trust.errors import PolicyError
from zero_trust.grants import Grants, parse_grants
from zero_trust.reasons import Refused
from zero_trust.rules import Policy, parse_policy

_REFUSED = "book-refused"  # key in meta: hash of the texts that were last said to be bad


@dataclass(frozen=True, slots=True)
class _Texts:
    """Both files as they lie there."""

    policy: str
    grants: str

    @property
    def digest(self) -> bytes:
        """Tells one state of both files from another."""
        parts = (hashlib.sha256(text.encode()).digest() for text in (self.policy, self.grants))
        return hashlib.sha256(b"".join(parts)).digest()


class SiteBook:
    """The site's rules and agreements, in force in the store and edited in files."""

    def __init__(
        self, db: sqlite3.Connection, audit: AuditLog, batches: Batches, policy: Path, grants: Path
    ) -> None:
        self._db = db
        self._audit = audit
        self._batches = batches
        self._files = (policy, grants)
        self._seen: tuple[tuple[int, int], ...] | None = None
        self._trouble: Refused | None = None
        self._parsed: tuple[int, Policy, Grants] | None = None

    def current(self, now_ms: int) -> Book:
        """What is in force now.

        Raises:
            PolicyError: ``policy-missing``: nothing ever was.
        """
        self.take_up(now_ms)
        row = self._db.execute("SELECT * FROM book ORDER BY number DESC LIMIT 1").fetchone()
        if row is None:
            raise PolicyError("policy-missing", self._trouble.detail if self._trouble else "")
        if self._parsed is None or self._parsed[0] != row["number"]:
            names = (file.name for file in self._files)
            policy = parse_policy(row["policy"], next(names))
            self._parsed = (row["number"], policy, parse_grants(row["grants"], next(names)))
        return Book(self._parsed[1], self._parsed[2], tuple(self.openings()))

    def take_up(self, now_ms: int) -> Refused | None:
        """Put changed files in force; if they cannot be used, say why. What was in force then stays."""
        seen = tuple(_stamp(file) for file in self._files)
        if seen != self._seen:
            self._trouble = self._take(now_ms)
            self._seen = seen
        return self._trouble

    def openings(self) -> Iterator[Opening]:
        """Every time the glass was broken, the last first."""
        for row in self._db.execute("SELECT * FROM break_glass ORDER BY number DESC"):
            yield _opening(row)

    def opening(self, number: int) -> Opening | None:
        """One time the glass was broken."""
        row = self._db.execute("SELECT * FROM break_glass WHERE number = ?", (number,)).fetchone()
        return _opening(row) if row else None

    def write(self, opening: Opening) -> None:
        """Keep an opening, or what was added to it; the caller has a transaction around it."""
        finding = opening.finding.value if opening.finding else None
        self._db.execute(
            "INSERT OR REPLACE INTO break_glass VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                opening.number,
                opening.who,
                opening.home,
                opening.cause.value,
                opening.opened_ms,
                opening.until_ms,
                opening.reviewed_ms,
                opening.reviewer,
                finding,
                opening.escalated_ms,
            ),
        )

    def _take(self, now_ms: int) -> Refused | None:
        try:
            texts = _Texts(*map(_read, self._files))
        except PolicyError as error:
            return Refused(error.code, error.detail)
        try:
            policy = parse_policy(texts.policy, self._files[0].name)
            grants = parse_grants(texts.grants, self._files[1].name)
            self._install(texts, policy, grants, now_ms)
        except PolicyError as error:
            self._say_refused(texts, Refused(error.code, error.detail), now_ms)
            return Refused(error.code, error.detail)
        return None

    def _install(self, texts: _Texts, policy: Policy, grants: Grants, now_ms: int) -> None:
        """Put good texts in force, if they are others than those in force and newer."""
        with transaction(self._db):
            row = self._db.execute("SELECT * FROM book ORDER BY number DESC LIMIT 1").fetchone()
            if row is not None and (row["policy"], row["grants"]) == (texts.policy, texts.grants):
                return
            if row is not None:
                self._check_raised(row, texts, policy, grants)
            self._db.execute(
                "INSERT INTO book (policy, grants, at_ms) VALUES (?, ?, ?)",
                (texts.policy, texts.grants, now_ms),
            )
            facts = {
                "policy": policy.version,
                "grants": grants.version,
                "policy_sha256": hashlib.sha256(texts.policy.encode()).hexdigest(),
                "grants_sha256": hashlib.sha256(texts.grants.encode()).hexdigest(),
            }
            self._audit.append(now_ms, "book", facts)

    def _check_raised(self, row: sqlite3.Row, texts: _Texts, policy: Policy, grants: Grants) -> None:
        """A text that was changed says so by its version."""
        before = parse_policy(row["policy"], "policy"), parse_grants(row["grants"], "grants")
        for file, old, new, was, now in (
            (self._files[0], row["policy"], texts.policy, before[0].version, policy.version),
            (self._files[1], row["grants"], texts.grants, before[1].version, grants.version),
        ):
            if old != new and now <= was:
                raise PolicyError("policy-version-old", f"{file.name}: version {now}, in force is {was}")

    def _say_refused(self, texts: _Texts, refused: Refused, now_ms: int) -> None:
        """Once for each state of the files, whichever process found it first."""
        with transaction(self._db):
            said = self._db.execute("SELECT value FROM meta WHERE key = ?", (_REFUSED,)).fetchone()
            if said is not None and said["value"] == texts.digest:
                return
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_REFUSED, texts.digest))
            self._audit.append(now_ms, "book-refused", {"code": refused.code, "detail": refused.detail})
            self._batches.raise_incident("site", refused.code, refused.detail, now_ms)


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError("policy-file-wrong", f"{file.name}: {error}") from error


def _opening(row: Any) -> Opening:
    facts = dict(row)
    finding = Finding(facts.pop("finding")) if facts["finding"] else facts.pop("finding")
    return Opening(**{**facts, "cause": Cause(facts["cause"]), "finding": finding})
