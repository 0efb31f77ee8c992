"""The watch's memory: what it learned of homes is written now and then, and taken up again when it starts.

A home without a snapshot that fits is learned anew from four weeks of events: right, but slow. A few homes are written
at each look, those first whose snapshot is oldest, so that the work is bounded whatever their number.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Final

import structlog

from cloud_sync.assurance.habits import DAYS
from cloud_sync.assurance.home import HomeWatch
from cloud_sync.assurance.household import Household
from cloud_sync.assurance.local_time import MINUTE_MS, MINUTES_A_DAY
from cloud_sync.assurance.plan import Plan
from cloud_sync.assurance.snapshot import Snapshot, restore, take
from cloud_sync.receiver.store.memories import Memories

SNAPSHOT_AGE_MIN_MS: Final = 6 * 60 * MINUTE_MS
SNAPSHOT_AGE_MAX_MS: Final = (
    DAYS * MINUTES_A_DAY * MINUTE_MS
)  # older ones lack events that are no longer held
HOMES_A_LOOK_MAX: Final = 8

_log = structlog.get_logger()


class Remembering:
    """All homes of a site."""

    def __init__(self, memories: Memories) -> None:
        self._memories = memories
        self._written_ms: dict[str, int] = {}  # when each home was last written; 0: never
        self._due: list[tuple[int, str]] = []  # the same as a heap; what differs from it is of the past
        self._forgotten, _homes = memories.forgotten(0)

    def forgotten(self) -> set[str]:
        """The homes that were forgotten since this was last asked: what is held of them in memory must go, too."""
        self._forgotten, homes = self._memories.forgotten(self._forgotten)
        return homes

    def recall(self, plan: Plan, until_id: int, now_ms: int) -> Household | None:
        """A home as it was remembered, with the events up to a number; None if it must be learned anew."""
        snapshot = self._memories.of(plan.home)
        household = None
        if snapshot and snapshot.event <= until_id and now_ms - snapshot.taken_ms < SNAPSHOT_AGE_MAX_MS:
            household = restore(snapshot, plan)
        if snapshot is None or household is None:
            _log.info("watch.habits", home=plan.home, snapshot=snapshot is not None)
            self._next(plan.home, 0)
            return None
        for event in self._memories.since(plan.home, snapshot.event, until_id):
            household.hear(event)
        self._next(plan.home, snapshot.taken_ms)
        return household

    def keep(self, watches: Mapping[str, tuple[Plan, HomeWatch]], event: int, now_ms: int) -> None:
        """Write the few homes that were written longest ago; all of them know the events up to this number."""
        taken: list[Snapshot] = []
        while self._due and len(taken) < HOMES_A_LOOK_MAX and now_ms - self._due[0][0] >= SNAPSHOT_AGE_MIN_MS:
            written_ms, home = heapq.heappop(self._due)
            if home in watches and self._written_ms[home] == written_ms:
                plan, watch = watches[home]
                taken.append(take(watch.household, plan, event, now_ms))
                self._written_ms[home] = now_ms
        if taken:
            self._memories.keep(taken, self._forgotten)
        for snapshot in taken:
            self._next(snapshot.home, now_ms)

    def _next(self, home: str, written_ms: int) -> None:
        self._written_ms[home] = written_ms
        heapq.heappush(self._due, (written_ms, home))
