"""Erases what is too old, or all of a home, in small steps that each commit (SQLite).

:data:`AGED` and :data:`FORGOTTEN` say, table by table, what goes; :data:`KEPT` what stays and why. Batches are
emptied, not deleted: the ledger goes on from their keys and digests, and knows them again when a hub resends them.
"""

# ruff: noqa: S608 - the parts of statements are constants of this file

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cloud_sync.receiver.store.database import transaction
from cloud_sync.receiver.store.deletions import Order, append, batch_key

STEP_ROWS: Final = 500  # a step holds the write lock for some milliseconds

_OF_HOME = "hub IN (SELECT id FROM hub WHERE home = :home)"
_ENROLLED = "hub IN (SELECT id FROM hub WHERE standing <> 'revoked')"
_PRESENT_BOOT = (
    "EXISTS (SELECT 1 FROM session WHERE session.hub = anchor.hub AND session.boot_id = anchor.boot_id)"
)
# What a living hub may still lean on: the newest manifest of each stream of its epoch, and those of batches we hold.
_IDLE_MANIFEST = (
    "NOT EXISTS (SELECT 1 FROM batch WHERE batch.hub = manifest.hub AND batch.epoch = manifest.epoch"
    " AND batch.stream = manifest.stream AND batch.manifest_seq = manifest.seq AND batch.erased IS NULL)"
    f" AND NOT ({_ENROLLED} AND epoch = (SELECT epoch FROM epoch WHERE epoch.hub = manifest.hub"
    " ORDER BY opened_ms DESC, epoch.rowid DESC LIMIT 1)"
    " AND seq = (SELECT max(seq) FROM manifest AS newer WHERE newer.hub = manifest.hub"
    " AND newer.epoch = manifest.epoch AND newer.stream = manifest.stream))"
)
_EMPTY_BATCH = (
    "UPDATE batch SET signed = x'', readings = 0, message_bytes = 0, received_ms = 0, offset_ms = 0, quality = 0,"
    " erased = ? WHERE id = ?"
)
_EMPTY_FORK = "signed = x'', received_ms = 0"
_EMPTY_GONE = "signed = x'', readings = 0, from_ms = 0, to_ms = 0, received_ms = 0"


@dataclass(frozen=True, slots=True)
class Portion:
    """Rows of a table that go: deleted, or only ``emptied`` where their key must stay."""

    table: str
    where: str  # :before (ms) and :home are known
    emptied: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One committed step: how many batches with how many readings were emptied, how many other rows went."""

    what: str
    batches: int = 0
    readings: int = 0
    rows: int = 0


_OLD_BATCHES: Final = "erased IS NULL AND received_ms < :before"
_HOMES_BATCHES: Final = f"erased IS NULL AND {_OF_HOME} AND received_ms <= :before"

AGED: Final[Mapping[str, tuple[Portion, ...]]] = {
    "readings": (
        Portion("fork", "length(signed) > 0 AND received_ms < :before", _EMPTY_FORK),
        Portion("manifest", _IDLE_MANIFEST),
    ),
    "derived": (
        Portion("span", "to_ms < :before"),
        Portion("last", "received_ms < :before"),
        Portion("anchor", f"wall_ms < :before AND NOT {_PRESENT_BOOT}"),
        Portion(
            "sensor", "hub IN (SELECT id FROM hub WHERE standing = 'revoked' AND standing_at_ms < :before)"
        ),
        Portion("coverage", "(home, address) NOT IN (SELECT home, address FROM sensor)"),
        Portion("event", "happened_ms < :before"),
        Portion("stretch", "until_ms < :before"),
        Portion("home_incident", "closed_ms < :before"),
        Portion("explanation", "until_ms < :before"),
        Portion("habit", "home NOT IN (SELECT home FROM sensor)"),
        Portion("response", "known_ms < :before"),
        Portion("notice", "known_ms < :before"),
        Portion("answer", "home NOT IN (SELECT home FROM sensor)"),
        Portion(
            "setting", "hub IN (SELECT id FROM hub WHERE standing = 'revoked' AND standing_at_ms < :before)"
        ),
        Portion(
            "session", "hub IN (SELECT id FROM hub WHERE standing = 'revoked' AND standing_at_ms < :before)"
        ),
    ),
    "evidence": (
        Portion("incident", "raised_ms < :before"),
        Portion("refusal", "at_ms < :before"),
        Portion("consent", "coalesce(ended_ms, until_ms) < :before"),
        Portion("pause", "coalesce(ended_ms, until_ms) < :before"),
        Portion("gone", "length(signed) > 0 AND received_ms < :before", _EMPTY_GONE),
    ),
}

FORGOTTEN: Final = (
    Portion("fork", f"length(signed) > 0 AND {_OF_HOME}", _EMPTY_FORK),
    Portion("gone", f"length(signed) > 0 AND {_OF_HOME}", _EMPTY_GONE),
    Portion("manifest", f"{_OF_HOME} AND {_IDLE_MANIFEST}"),
    Portion("last", "home = :home AND received_ms <= :before"),
    Portion("span", _OF_HOME),
    Portion("coverage", "home = :home"),
    Portion("event", "home = :home"),
    Portion("stretch", "home = :home"),
    Portion("answer", "home = :home"),
    Portion("home_incident", "home = :home"),
    Portion("explanation", "home = :home"),
    Portion("habit", "home = :home"),  # after the events that it was learned from
    Portion("response", "home = :home"),
    Portion("notice", "home = :home"),
    Portion("asked", "home = :home"),
    Portion("sensor", f"home = :home AND NOT {_ENROLLED}"),
    Portion("session", f"{_OF_HOME} AND NOT {_ENROLLED}"),
    Portion("setting", f"{_OF_HOME} AND NOT {_ENROLLED}"),
    Portion("consent", "home = :home"),
    Portion("pause", "home = :home"),
    Portion("anchor", f"{_OF_HOME} AND NOT ({_ENROLLED} AND {_PRESENT_BOOT})"),
    Portion("incident", _OF_HOME),
    Portion("refusal", _OF_HOME),
)

KEPT: Final[Mapping[str, str]] = {
    "hub": "who was enrolled where, with which keys: without it no record could be checked",
    "lineage": "which certificates followed which, so that a copy of the hub is still found out",
    "break_glass": "who looked in an emergency, and how it was judged; the audit holds the same",
    "voucher": "who was given the right to enrol",
    "batch": "emptied: its key and digest remain",
    "account": "how far each stream was held, as a hash",
    "epoch": "when a hub began to count anew, in numbers",
    "recut": "keys and digests alone",
    "deletion": "what was erased, when, by whom and why",
}


def empty_again(db: sqlite3.Connection, id_: int, at_ms: int) -> None:
    """A hub numbered anew what was erased before: it stays erased. The caller has a transaction around it."""
    row = db.execute("SELECT * FROM batch WHERE id = ?", (id_,)).fetchone()
    order = Order(at_ms, "site", "the same content was erased under another number")
    number = append(db, order, "readings", batches=[batch_key(row)])
    db.execute(_EMPTY_BATCH, (number, id_))


class Erasure:
    """What may be erased of one store; every method that erases is a generator that commits at each step."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def due(self, before_ms: Mapping[str, int]) -> dict[str, Step]:
        """How much the policy would erase now, by kind (``readings``, ``derived``, ``evidence``)."""
        query = f"SELECT count(*) AS batches, coalesce(sum(readings), 0) AS readings FROM batch WHERE {_OLD_BATCHES}"
        old = self._db.execute(query, {"before": before_ms["readings"]}).fetchone()
        rows = {
            what: sum(self._count(portion, {"before": before_ms[what]}) for portion in portions)
            for what, portions in AGED.items()
        }
        return {what: Step(what, rows=count) for what, count in rows.items()} | {
            "readings": Step("readings", old["batches"], old["readings"], rows["readings"])
        }

    def retain(self, before_ms: Mapping[str, int], order: Order) -> Iterator[Step]:
        """Erase what reached us before the given moments, by kind."""
        yield from self._empty(_OLD_BATCHES, {"before": before_ms["readings"]}, order, "readings")
        for what, portions in AGED.items():
            for portion in portions:
                yield from self._erase(portion, {"before": before_ms[what]}, order, what)

    def forget(self, home: str, order: Order) -> Iterator[Step]:
        """Erase all that is held of a home; what reaches us after the order was given is new."""
        bounds = {"home": home, "before": order.at_ms}
        yield from self._empty(_HOMES_BATCHES, bounds, order, "home")
        for portion in FORGOTTEN:
            yield from self._erase(portion, bounds, order, "home")

    def _empty(self, where: str, bounds: Mapping[str, Any], order: Order, what: str) -> Iterator[Step]:
        query = f"SELECT * FROM batch WHERE {where} LIMIT {STEP_ROWS}"
        home = bounds.get("home", "")
        while True:
            with transaction(self._db):
                found = self._db.execute(query, bounds).fetchall()
                if not found:
                    return
                number = append(self._db, order, what, home=home, batches=[batch_key(row) for row in found])
                self._db.executemany(_EMPTY_BATCH, [(number, row["id"]) for row in found])
            yield Step(what, len(found), sum(row["readings"] * row["counted"] for row in found))

    def _erase(self, portion: Portion, bounds: Mapping[str, Any], order: Order, what: str) -> Iterator[Step]:
        query = f"SELECT rowid AS number FROM {portion.table} WHERE {portion.where} LIMIT {STEP_ROWS}"
        act = (
            f"UPDATE {portion.table} SET {portion.emptied}"
            if portion.emptied
            else f"DELETE FROM {portion.table}"
        )
        act += f" WHERE rowid IN (SELECT value FROM json_each(:found)) AND {portion.where}"
        home = bounds.get("home", "")
        # Looked for without the lock, since that may take a while; what has changed meanwhile is left alone.
        while found := [row["number"] for row in self._db.execute(query, bounds)]:
            with transaction(self._db):
                rows = self._db.execute(act, {**bounds, "found": json.dumps(found)}).rowcount
                if rows:
                    append(self._db, order, what, home=home, rows=rows)
            yield Step(what, rows=rows)

    def _count(self, portion: Portion, bounds: Mapping[str, Any]) -> int:
        query = f"SELECT count(*) AS rows FROM {portion.table} WHERE {portion.where}"
        return int(self._db.execute(query, bounds).fetchone()["rows"])
