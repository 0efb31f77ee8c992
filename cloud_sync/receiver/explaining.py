"""The watch's hindsight: when a batch comes late, says beside the ledger what it told of a time in which we were blind.

Nothing of it must be remembered: what is to be said follows from the store, so a watch that was away says it later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.hindsight import EXPLAINABLE, explain
from cloud_sync.assurance.household import Event
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.plan import Plan
from cloud_sync.assurance.watching import Stretch
from cloud_sync.receiver.store.hindsight import Hindsight

BACKLOG_MS: Final = 60 * MINUTE_MS  # so long after a blindness we expect what the hub still holds
LATE_MS: Final = BACKLOG_MS  # what is older when it comes is asked about whenever it comes
HELD_MS: Final = 15 * 1440 * MINUTE_MS  # hubs retain for 14 days


@dataclass(slots=True)
class _Expected:
    """Something may come of times after ``after_ms``; each time it did, they are looked at, at most once a minute."""

    after_ms: int
    until_ms: int
    came: bool = True
    looked_ms: int = 0


class Explaining:
    """All homes of a site."""

    def __init__(self, hindsight: Hindsight) -> None:
        self._hindsight = hindsight
        self._expected: dict[str, _Expected] = {}

    def begin(self, plan: Plan, now_ms: int) -> None:
        """A home is looked at for the first time: what came meanwhile is explained."""
        self._explain(plan, now_ms - HELD_MS, now_ms)

    def after(self, plan: Plan, stretches: Iterable[Stretch], events: Iterable[Event], now_ms: int) -> None:
        """A home was looked at: these stretches changed, these events came."""
        happened = [event.at_ms for event in events]
        late = [at_ms for at_ms in happened if at_ms < now_ms - LATE_MS]
        if late or any(_ended(one) for one in stretches):
            before = self._expected.get(plan.home)
            after_ms = min([now_ms - BACKLOG_MS, *late, *([before.after_ms] if before else [])])
            looked_ms = before.looked_ms if before else 0
            self._expected[plan.home] = _Expected(
                max(after_ms, now_ms - HELD_MS), now_ms + BACKLOG_MS, looked_ms=looked_ms
            )
        expected = self._expected.get(plan.home)
        if expected is None:
            return
        over = now_ms >= expected.until_ms
        expected.came = expected.came or over or bool(happened)
        if expected.came and now_ms - expected.looked_ms >= MINUTE_MS:
            expected.came, expected.looked_ms = False, now_ms
            self._explain(plan, expected.after_ms, now_ms)
            if over:
                del self._expected[plan.home]

    def _explain(self, plan: Plan, after_ms: int, now_ms: int) -> None:
        found = []
        for blindness in self._hindsight.blindnesses(plan.home, after_ms):
            events = self._hindsight.events(plan.home, blindness)
            listened = self._hindsight.listened(plan.home, blindness)
            now = explain(blindness, plan, events, listened, now_ms)
            before = self._hindsight.newest(plan.home, blindness)
            if now and (before is None or now.told != before.told):
                found.append(now)
        self._hindsight.add(plan.home, found)


def _ended(stretch: Stretch) -> bool:
    return stretch.state is State.BLIND and stretch.cause in EXPLAINABLE and stretch.until_ms is not None
