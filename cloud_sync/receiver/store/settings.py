"""What each hub shall leave out, and what it says that it does (SQLite). The watch wants, the intake sends."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloud_sync.wire.setting import Pause, Taken, pack_pauses, unpack_pauses


@dataclass(frozen=True, slots=True)
class Stand:
    """How a hub stands with its setting.

    Attributes:
        number: of the setting that we want it to go by; 0: there never was one.
        wanted: its pauses.
        taken: number of the setting that it goes by.
        pauses: those it goes by, by its own signed word; its own are among them.
        own: those asked for at the hub.
        since_ms: since when it has gone by just these, wall clock; None: it never gave account.
        refused: code of what kept it from going by a later one; empty: nothing.
    """

    number: int = 0
    wanted: tuple[Pause, ...] = ()
    taken: int = 0
    pauses: tuple[Pause, ...] = ()
    own: tuple[Pause, ...] = ()
    since_ms: int | None = None
    refused: str = ""

    @property
    def confirmed(self) -> bool:
        """Whether it goes by what we want."""
        return self.taken == self.number


NONE = Stand()
_CHANGES = "settings"
_COUNT_BYTES = 8


class Settings:
    """Rows of one SQLite file; whoever writes has a transaction around it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def stand(self, hub: str) -> Stand:
        """How one hub stands."""
        row = self._db.execute("SELECT * FROM setting WHERE hub = ?", (hub,)).fetchone()
        return _stand(row) if row else NONE

    def all(self) -> Mapping[str, Stand]:
        """How every hub stands of which there is something to say."""
        return {row["hub"]: _stand(row) for row in self._db.execute("SELECT * FROM setting")}

    def due(self, number_after: int) -> tuple[int, list[str]]:
        """Hubs whose setting was changed since change ``number_after`` and is not confirmed; and the newest change."""
        newest = changes(self._db, _CHANGES)
        if newest == number_after:
            return newest, []
        found = self._db.execute("SELECT hub FROM setting WHERE number <> taken")
        return newest, [row["hub"] for row in found]

    def want(self, hub: str, pauses: Sequence[Pause]) -> bool:
        """Want a hub to go by these pauses; False if it is so already."""
        stand = self.stand(hub)
        if stand.wanted == tuple(pauses):
            return False
        number = max(stand.number, stand.taken) + 1
        self._db.execute(
            "INSERT INTO setting (hub, number, wanted) VALUES (?1, ?2, ?3)"
            " ON CONFLICT DO UPDATE SET number = ?2, wanted = ?3",
            (hub, number, pack_pauses(pauses)),
        )
        note_change(self._db, _CHANGES)
        return True

    def last_account(self, hub: str) -> tuple[bytes, int]:
        """Session and counter of a hub's last account; empty and 0 if it never gave one."""
        row = self._db.execute("SELECT session, counter FROM setting WHERE hub = ?", (hub,)).fetchone()
        return (row["session"], row["counter"]) if row else (b"", 0)

    def take(self, taken: Taken, signed: bytes, now_ms: int) -> Stand:
        """Write down a hub's believed account; gives how it stood before."""
        before = self.stand(taken.hub)
        same = (taken.number, (*taken.pauses, *taken.own)) == (before.taken, before.pauses)
        since_ms = before.since_ms if same and before.since_ms is not None else now_ms
        ahead = taken.number > before.number
        self._db.execute(
            "INSERT OR REPLACE INTO setting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                taken.hub,
                taken.number if ahead else before.number,
                pack_pauses(taken.pauses if ahead else before.wanted),
                taken.session,
                taken.counter,
                taken.number,
                pack_pauses(taken.pauses),
                pack_pauses(taken.own),
                taken.refused,
                since_ms,
                signed,
            ),
        )
        return before

    def adopt(self, home: str, pauses: Sequence[Pause], now_ms: int) -> None:
        """Keep pauses that a hub names and this store does not know of, since it was restored from a backup."""
        self._db.executemany(
            "INSERT INTO pause (home, event, questions, stays, asked_by, from_ms, until_ms, written_by, written_ms)"
            " VALUES (?, '', '', ?, 'hub', ?, ?, 'site', ?)",
            [(home, " ".join(pause.stays) or "-", pause.from_ms, pause.until_ms, now_ms) for pause in pauses],
        )


def changes(db: sqlite3.Connection, what: str) -> int:
    """How often something was changed: a cheap look whether there is news."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (what,)).fetchone()
    return int.from_bytes(row["value"]) if row else 0


def note_change(db: sqlite3.Connection, what: str) -> None:
    """Count one more; the caller has a transaction around it."""
    counted = (changes(db, what) + 1).to_bytes(_COUNT_BYTES)
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (what, counted))


def _stand(row: sqlite3.Row) -> Stand:
    own = unpack_pauses(row["own"])
    return Stand(
        row["number"],
        unpack_pauses(row["wanted"]),
        row["taken"],
        (*unpack_pauses(row["pauses"]), *own),
        own,
        row["since_ms"],
        row["refused"],
    )
