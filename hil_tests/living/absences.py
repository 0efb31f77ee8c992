"""Leaving the home: outings, the garden, a weekly appointment, days away; and days of illness."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hil_tests.living.chance import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    instants,
    lognormal,
    normal,
    poisson,
    summer,
    weekday,
)
from hil_tests.living.habits import Habits
from hil_tests.living.timeline import Doing, Place, Stay

SUNDAY = 6


def ill_days(habits: Habits, days: int, rng: random.Random) -> frozenset[int]:
    """Numbers of the days that are spent in bed; a spell takes one to five."""
    begun = [at_ms // DAY_MS for at_ms in instants(rng, habits.ill_per_day, 0, days * DAY_MS)]
    return frozenset(day for first in begun for day in range(first, first + 1 + min(poisson(rng, 1.3), 4)))


def absences(habits: Habits, mornings: Sequence[int], ill: frozenset[int], rng: random.Random) -> list[Stay]:
    """All that is to be laid over the routine, in this order."""
    stays: list[Stay] = []
    for day, rise_ms in enumerate(mornings):
        if day not in ill:
            stays += _outings(habits, rise_ms, rng)
            stays += _garden(habits, rise_ms, rng)
    stays += _spells(habits, mornings, rng)
    return stays


def _outings(habits: Habits, rise_ms: int, rng: random.Random) -> list[Stay]:
    midnight_ms = rise_ms // DAY_MS * DAY_MS
    ready_ms = rise_ms + HOUR_MS
    chance = habits.outings * (1 + 0.15 * summer(rise_ms)) * (0.7 if weekday(rise_ms) == SUNDAY else 1)
    outings = []
    if habits.fixture and habits.fixture[0] == weekday(rise_ms) and rng.random() < 0.85:
        _, minute, length_min = habits.fixture
        outings.append((minute + rng.gauss(0, 8), length_min + rng.gauss(0, 15)))
    if rng.random() < chance:
        for _ in range(1 + poisson(rng, 0.4)):
            minute = normal(rng, 800, 150, 480, 1230)
            outings.append((minute, lognormal(rng, habits.outing_min, 0.7, 8, 600)))
    if rng.random() < 0.15:  # the bins, the post
        outings.append((normal(rng, 780, 200, 420, 1290), lognormal(rng, 4, 0.6, 1, 15)))
    starts = ((midnight_ms + round(minute * MINUTE_MS), length) for minute, length in outings)
    return [_out(max(at_ms, ready_ms), round(length * MINUTE_MS)) for at_ms, length in starts]


def _out(start_ms: int, length_ms: int) -> Stay:
    return Stay(start_ms, start_ms + max(length_ms, MINUTE_MS), Place.OUT, Doing.AWAY)


def _garden(habits: Habits, rise_ms: int, rng: random.Random) -> list[Stay]:
    warm = max(0.1, 0.5 + 0.5 * summer(rise_ms))
    midnight_ms = rise_ms // DAY_MS * DAY_MS
    stays = []
    for _ in range(poisson(rng, habits.garden * warm)):
        start_ms = midnight_ms + round(normal(rng, 860, 140, 540, 1200) * MINUTE_MS)
        length_ms = round(lognormal(rng, 15, 0.8, 2, 120) * MINUTE_MS)
        if start_ms > rise_ms + HOUR_MS:
            stays.append(Stay(start_ms, start_ms + length_ms, Place.GARDEN, Doing.AWAY))
    return stays


def _spells(habits: Habits, mornings: Sequence[int], rng: random.Random) -> list[Stay]:
    """Holidays, hospital, a stay with family: one to a dozen nights."""
    stays = []
    for rise_ms in mornings:
        if rng.random() >= habits.away_per_day:
            continue
        nights = 1 + min(poisson(rng, rng.gammavariate(1.2, 2)), 12)
        start_ms = rise_ms + round(rng.uniform(1, 6) * HOUR_MS)
        back_ms = rise_ms // DAY_MS * DAY_MS + nights * DAY_MS + round(rng.uniform(11, 20) * HOUR_MS)
        stays.append(Stay(start_ms, back_ms, Place.OUT, Doing.AWAY))
    return stays
