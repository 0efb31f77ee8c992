"""What is usual in a home."""

from __future__ import annotations

import pytest

from cloud_sync.assurance.habits import DAYS, EXTRA_FEW_DAYS_MIN, EXTRA_MIN, ROOM_TIMES_MIN, Habits
from cloud_sync.assurance.local_time import Local

DAY = 700_000


def extra(days: int) -> float:
    """The patience beyond what was seen."""
    return EXTRA_MIN + EXTRA_FEW_DAYS_MIN / days


def test_patience_is_what_was_seen_at_that_hour_and_a_little_more() -> None:
    """Two hours around; at noon nothing is known of the night."""
    habits = Habits()
    habits.silence(Local(DAY, 23 * 60), "Bedroom", 480)
    habits.silence(Local(DAY, 12 * 60), "Living room", 100)
    assert habits.patience_min(Local(DAY, 1 * 60), "Bedroom") == 480 + extra(1)
    assert habits.patience_min(Local(DAY, 14 * 60), "Kitchen") == 100 + extra(1)
    assert habits.patience_min(Local(DAY, 18 * 60), "Kitchen") is None


def test_patience_shrinks_as_days_are_known() -> None:
    """What eight days have not seen, the ninth may bring."""
    habits, found = Habits(), []
    for day in range(DAY, DAY + DAYS):
        habits.silence(Local(day, 720), "Living room", 90)
        found.append(habits.patience_min(Local(day, 720), "Kitchen"))
    assert found == [90 + extra(days) for days in range(1, DAYS + 1)]


@pytest.mark.parametrize(("times", "known"), [(ROOM_TIMES_MIN - 1, False), (ROOM_TIMES_MIN, True)])
def test_a_room_is_known_once_it_was_often_still_there(times: int, known: bool) -> None:
    """Until then the hour decides: the hall may have been the last room seen before she slept."""
    habits = Habits()
    habits.silence(Local(DAY, 120), "Bedroom", 300)
    for _ in range(times):
        habits.silence(Local(DAY, 120), "Hall", 15)
    assert habits.patience_min(Local(DAY, 120), "Hall") == (15 if known else 300) + extra(1)


def test_what_is_older_than_four_weeks_is_forgotten() -> None:
    """Of the hours, and of the rooms."""
    habits = Habits()
    habits.silence(Local(DAY, 720), "Kitchen", 400)
    for day in range(DAY + 1, DAY + DAYS + 8):
        habits.silence(Local(day, 720), "Kitchen", 20)
    assert habits.patience_min(Local(DAY + DAYS + 8, 720), "Kitchen") == 20 + extra(DAYS)
    assert habits.patience_min(Local(DAY + DAYS + 8, 720), "Hall") == 20 + extra(DAYS)
