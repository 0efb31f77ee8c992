"""A home's memory, learned anew from its events and its ledger. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cloud_sync.assurance.home import NOTHING_MISSED, SEEN
from cloud_sync.assurance.household import Event, Household
from cloud_sync.assurance.plan import Plan, Question
from cloud_sync.assurance.watching import Stretch


def learn(plan: Plan, events: Iterable[Event], stretches: Iterable[Stretch]) -> Household:
    """The home after all of it; nothing is learned from a time in which we did not see, and nobody is presumed at home after it.

    Args:
        plan: of the home.
        events: in the order in which they happened.
        stretches: of its ledger.
    """
    household = Household(plan)
    ends = sorted(one.until_ms for one in stretches if _missed(one) and one.until_ms is not None)
    place = 0
    for event in events:
        while place < len(ends) and ends[place] <= event.at_ms:
            household.lose_track(ends[place])
            place += 1
        household.hear(event)
    for until_ms in ends[place:]:
        household.lose_track(until_ms)
    return household


def _missed(stretch: Stretch) -> bool:
    """Whether we missed who came and went."""
    unseen = stretch.question is Question.MOVING and stretch.state not in SEEN
    return unseen and stretch.cause not in NOTHING_MISSED
