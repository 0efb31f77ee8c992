"""The heartbeat of the watch, as whoever guards it reads it: over a connection of its own that cannot write (SQLite)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from cloud_sync.assurance.guarding import OVERDUE_MS, Heartbeat
from cloud_sync.receiver.store.homes import Homes
from cloud_sync.receiver.store.notices import Notices

_WAIT_S: Final = 5.0


def heartbeat(store: Path, now_ms: int) -> Heartbeat:
    """What the store says at ``now_ms``.

    Raises:
        sqlite3.Error: it is not there, is damaged, or nobody lets us read it.
    """
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", timeout=_WAIT_S, uri=True)) as db:
        db.row_factory = sqlite3.Row
        looked_ms = Homes(db).evaluated_ms()
        rows = db.execute("SELECT DISTINCT sensor.home, at_ms FROM sensor LEFT JOIN asked USING (home)")
        asked = {row["home"]: row["at_ms"] for row in rows}
        return Heartbeat(looked_ms, asked, Notices(db).overdue(now_ms - OVERDUE_MS))
