"""What homes agreed to and asked for, as the watch goes by it: wanted of their hubs, and told by them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.pausing import Agreed, wanted
from cloud_sync.receiver.store.agreements import Agreements
from cloud_sync.receiver.store.database import transaction
from cloud_sync.receiver.store.settings import NONE, Settings
from cloud_sync.wire.setting import Pause

WANTED_PERIOD_MS: Final = (
    MINUTE_MS  # a pause that ended, or an agreement that begins, need no word of anybody
)


class Pausing:
    """All homes of a site."""

    def __init__(self, db: sqlite3.Connection, agreements: Agreements) -> None:
        self._db = db
        self._agreements = agreements
        self._settings = Settings(db)
        self._agreed: dict[str, Agreed] = {}
        self._changes: int | None = None
        self._hubs: Mapping[str, list[str]] = {}
        self._told: dict[str, list[tuple[Pause, ...]]] = {}
        self._wanted_ms = 0

    def agreed(self, home: str) -> Agreed:
        """What a home agreed to and asked for."""
        if home not in self._agreed:
            self._agreed[home] = self._agreements.of(home)
        return self._agreed[home]

    def told(self, home: str) -> list[tuple[Pause, ...]]:
        """What each hub of a home says that it leaves out."""
        return self._told.get(home, [])

    def look(self, now_ms: int) -> set[str]:
        """Want of each hub what its home agreed to; the homes of which something is new."""
        changes, hubs = self._agreements.changes(), self._homes_hubs()
        news: set[str] = set()
        if changes != self._changes or hubs != self._hubs or now_ms - self._wanted_ms >= WANTED_PERIOD_MS:
            news |= {home for home in hubs if self._renewed(home)}
            self._changes, self._hubs, self._wanted_ms = changes, hubs, now_ms
            self._want(now_ms)
        stands = self._settings.all()
        told = {home: [stands.get(hub, NONE).pauses for hub in of] for home, of in hubs.items()}
        news |= {home for home, pauses in told.items() if pauses != self._told.get(home)}
        self._told = told
        return news

    def _renewed(self, home: str) -> bool:
        before = self._agreed.pop(home, None)
        return self.agreed(home) != before

    def _want(self, now_ms: int) -> None:
        stands = self._settings.all()
        due = [
            (hub, pauses)
            for home, hubs in self._hubs.items()
            for pauses in [wanted(self.agreed(home), now_ms)]
            for hub in hubs
            if stands.get(hub, NONE).wanted != pauses
        ]
        if due:
            with transaction(self._db):
                for hub, pauses in due:
                    self._settings.want(hub, pauses)

    def _homes_hubs(self) -> dict[str, list[str]]:
        """The hubs that may speak for each home."""
        hubs: dict[str, list[str]] = {}
        for row in self._db.execute("SELECT id, home FROM hub WHERE standing <> 'revoked' ORDER BY home, id"):
            hubs.setdefault(row["home"], []).append(row["id"])
        return hubs
