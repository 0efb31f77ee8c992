"""The registry: hubs and their standing, vouchers, and every refusal the operator should see."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from typing import Any

from cloud_sync.receiver.store.audit import AuditLog
from cloud_sync.receiver.store.database import transaction
from cloud_sync.wire.batch import Stream
from zero_trust import lineage
from zero_trust.policy import Standing
from zero_trust.voucher import VoucherRow

DETAIL_MAX_CHARS = 300


@dataclass(frozen=True, slots=True)
class HubRow:
    """One enrolled hub.

    Attributes:
        hub: its id.
        home: id of the home it serves.
        identity: identity key, DER SubjectPublicKeyInfo.
        data_certificate: DER certificate of its data-signing key.
        standing: whether it may speak.
        reason: why it is not simply enrolled; empty otherwise.
        standing_at_ms: since when the standing holds, wall clock.
        enrolled_at_ms: wall clock.
    """

    hub: str
    home: str
    identity: bytes
    data_certificate: bytes
    standing: Standing
    reason: str
    standing_at_ms: int
    enrolled_at_ms: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that was refused, as the operator sees it."""

    at_ms: int
    where: str
    hub: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Urgent:
    """Urgent readings of one hub: how many, and when the first and the last of them reached us."""

    count: int
    first_ms: int
    last_ms: int


class Registry:
    """Rows of one SQLite file that the authority writes and the site's other processes read.

    Attributes:
        audit: where every change of it is written down, in the same commit.
    """

    def __init__(self, db: sqlite3.Connection, *, refusals_kept_max: int = 10_000) -> None:
        self._db = db
        self._refusals_kept_max = refusals_kept_max
        self.audit = AuditLog(db)

    def hub(self, hub: str) -> HubRow | None:
        """The row of ``hub``, or None if this site never enrolled it."""
        return self._one_hub("SELECT * FROM hub WHERE id = ?", hub)

    def hub_with_identity(self, identity: bytes) -> HubRow | None:
        """The row whose identity key (SubjectPublicKeyInfo) is ``identity``."""
        return self._one_hub("SELECT * FROM hub WHERE identity = ?", identity)

    def hubs(self) -> list[HubRow]:
        """All hubs, the first enrolled first."""
        rows = self._db.execute("SELECT * FROM hub ORDER BY enrolled_at_ms, id")
        return [_hub_row(row) for row in rows]

    def standing(self, hub: str) -> Standing | None:
        """Whether ``hub`` may speak; None if it is unknown. A point read, cheap enough for each batch."""
        row = self._db.execute("SELECT standing FROM hub WHERE id = ?", (hub,)).fetchone()
        return Standing(row["standing"]) if row else None

    def write_nothing(self) -> None:
        """Write, and change nothing: to see whether it can be done.

        Raises:
            sqlite3.Error: it cannot.
        """
        [number] = self._db.execute("PRAGMA user_version").fetchone()
        self._db.execute(f"PRAGMA user_version = {number}")

    def urgent_since(self, hub: str, since_ms: int) -> Urgent | None:
        """The urgent readings of ``hub`` that came since then; None if there are none."""
        row = self._db.execute(
            "SELECT sum(readings) AS count, min(received_ms) AS first_ms, max(received_ms) AS last_ms"
            " FROM batch WHERE hub = ? AND stream = ? AND received_ms >= ? AND readings > 0",
            (hub, Stream.URGENT.value, since_ms),
        ).fetchone()
        return Urgent(row["count"], row["first_ms"], row["last_ms"]) if row["count"] else None

    def enrol(self, hub: HubRow, voucher: VoucherRow) -> None:
        """Add ``hub`` and mark its voucher used, both or neither."""
        with transaction(self._db):
            self._db.execute(
                "INSERT INTO hub VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    hub.hub,
                    hub.home,
                    hub.identity,
                    hub.data_certificate,
                    hub.standing.value,
                    hub.reason,
                    hub.standing_at_ms,
                    hub.enrolled_at_ms,
                ),
            )
            self._write_line(hub.hub, lineage.Lineage(hub.enrolled_at_ms))
            self._update_voucher(voucher)
            identity = hashlib.sha256(hub.identity).hexdigest()
            facts = {"hub": hub.hub, "home": hub.home, "identity": identity, "voucher": voucher.id}
            self.audit.append(hub.enrolled_at_ms, "enrolled", facts)

    def stand(self, hub: str, standing: Standing, reason: str, at_ms: int) -> bool:
        """Change ``hub``'s standing; False if there is no such hub."""
        with transaction(self._db):
            return self._stand(hub, standing, reason, at_ms)

    def line(self, hub: str) -> lineage.Lineage | None:
        """The line of ``hub``'s TLS certificates; None if it is unknown."""
        row = self._db.execute("SELECT * FROM lineage WHERE hub = ?", (hub,)).fetchone()
        if row is None:
            return None
        values = {key: row[key] for key in row.keys() if key != "hub"}  # noqa: SIM118 - a Row iterates values
        return lineage.Lineage(**values | {"seen": bool(row["seen"])})

    def renewed(
        self, hub: str, line: lineage.Lineage, held: str, at_ms: int, data_certificate: bytes
    ) -> None:
        """Remember a renewal, and hold ``hub`` in quarantine if there is a reason, all or nothing."""
        with transaction(self._db):
            self._write_line(hub, line)
            self._db.execute("UPDATE hub SET data_certificate = ? WHERE id = ?", (data_certificate, hub))
            if held:
                self._stand(hub, Standing.QUARANTINED, held, at_ms)

    def used(self, hub: str, line: lineage.Lineage) -> None:
        """Remember that a certificate of ``hub`` was shown."""
        with transaction(self._db):
            self._write_line(hub, line)

    def release(self, hub: str, at_ms: int) -> None:
        """Let a held hub go: its standing is good, and its line begins anew."""
        with transaction(self._db):
            self._stand(hub, Standing.ENROLLED, "", at_ms)
            self._write_line(hub, lineage.released(at_ms))

    def bundles(self) -> dict[str, int]:
        """The version of the bundle that each hub believes, as far as it has said so."""
        return {row["hub"]: row["version"] for row in self._db.execute("SELECT * FROM hub_bundle")}

    def believes(self, hub: str, version: int, at_ms: int) -> None:
        """Remember that ``hub`` believes that version; nothing is written if that is known."""
        known = self._db.execute("SELECT version FROM hub_bundle WHERE hub = ?", (hub,)).fetchone()
        if known is None or known["version"] != version:
            with transaction(self._db):
                self._db.execute("INSERT OR REPLACE INTO hub_bundle VALUES (?, ?, ?)", (hub, version, at_ms))

    def vouchers_open(self, now_ms: int) -> int:
        """How many vouchers may still be used."""
        unused = "SELECT count(*) FROM voucher WHERE request_hash IS NULL AND expires_ms > ?"
        count: int = self._db.execute(unused, (now_ms,)).fetchone()[0]
        return count

    def voucher(self, voucher: str) -> VoucherRow | None:
        """The stored form of a voucher, or None."""
        row = self._db.execute("SELECT * FROM voucher WHERE id = ?", (voucher,)).fetchone()
        return VoucherRow(**dict(row)) if row else None

    def add_voucher(self, row: VoucherRow, at_ms: int) -> None:
        """Store a new voucher, made at ``at_ms``."""
        with transaction(self._db):
            self.audit.append(at_ms, "voucher", {"voucher": row.id, "home": row.home})
            self._db.execute(
                "INSERT INTO voucher (id, home, mac_key, expires_ms) VALUES (?, ?, ?, ?)",
                (row.id, row.home, row.mac_key, row.expires_ms),
            )

    def update_voucher(self, row: VoucherRow) -> None:
        """Store what the last attempt changed: wrong codes, lock, use."""
        with transaction(self._db):
            self._update_voucher(row)

    def refuse(self, at_ms: int, where: str, hub: str, code: str, detail: str = "") -> None:
        """Write down a refusal; beyond ``refusals_kept_max`` the oldest ones go."""
        with transaction(self._db):
            added = self._db.execute(
                "INSERT INTO refusal (at_ms, place, hub, code, detail) VALUES (?, ?, ?, ?, ?)",
                (at_ms, where, hub[:64], code, detail[:DETAIL_MAX_CHARS]),
            )
            oldest = (added.lastrowid or 0) - self._refusals_kept_max
            self._db.execute("DELETE FROM refusal WHERE number <= ?", (oldest,))
        # Whoever is not a hub of ours is one stranger: else strangers could fill the audit by new names.
        known = hub if self.standing(hub) is not None else ""
        facts = {"where": where, "hub": hub[:64], "code": code, "detail": detail[:DETAIL_MAX_CHARS]}
        self.audit.record_news(at_ms, "refused", facts, (where, known, code))

    def refusals(self, limit: int = 100) -> list[Refusal]:
        """The last ``limit`` refusals, newest first."""
        rows = self._db.execute("SELECT * FROM refusal ORDER BY number DESC LIMIT ?", (limit,))
        return [Refusal(row["at_ms"], row["place"], row["hub"], row["code"], row["detail"]) for row in rows]

    def _stand(self, hub: str, standing: Standing, reason: str, at_ms: int) -> bool:
        changed = self._db.execute(
            "UPDATE hub SET standing = ?, reason = ?, standing_at_ms = ? WHERE id = ?",
            (standing.value, reason[:DETAIL_MAX_CHARS], at_ms, hub),
        )
        if changed.rowcount:
            facts = {"hub": hub, "standing": standing.value, "reason": reason[:DETAIL_MAX_CHARS]}
            self.audit.append(at_ms, "standing", facts)
        return changed.rowcount == 1

    def _write_line(self, hub: str, line: lineage.Lineage) -> None:
        values = (line.renewed_ms, line.newest, line.key, line.certificate, line.seen, line.previous)
        self._db.execute("INSERT OR REPLACE INTO lineage VALUES (?, ?, ?, ?, ?, ?, ?)", (hub, *values))

    def _one_hub(self, query: str, value: str | bytes) -> HubRow | None:
        row = self._db.execute(query, (value,)).fetchone()
        return _hub_row(row) if row else None

    def _update_voucher(self, row: VoucherRow) -> None:
        self._db.execute(
            "UPDATE voucher SET wrong_codes = ?, locked_until_ms = ?, request_hash = ?, answer = ? WHERE id = ?",
            (row.wrong_codes, row.locked_until_ms, row.request_hash, row.answer, row.id),
        )


def _hub_row(row: Any) -> HubRow:
    return HubRow(
        hub=row["id"],
        home=row["home"],
        identity=row["identity"],
        data_certificate=row["data_certificate"],
        standing=Standing(row["standing"]),
        reason=row["reason"],
        standing_at_ms=row["standing_at_ms"],
        enrolled_at_ms=row["enrolled_at_ms"],
    )
