"""One older person's habits, drawn. The package's docstring names what the spreads follow."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hil_tests.living.chance import lognormal, normal


@dataclass(frozen=True, slots=True)
class Habits:
    """What one person is like. Times of day are minutes after midnight, lengths minutes, chances 0 to 1.

    Attributes:
        rise_min: When they usually rise.
        rise_sd_min: How far a morning lies from that.
        rise_weekdays_min: Later by so much on Monday to Sunday.
        rise_summer_min: Earlier by so much in the middle of summer, later in winter.
        rise_drift_min: Later by so much with each 30 days.
        lie_in: Chance of a morning far later.
        in_bed_min: From lying down to rising.
        bed_sd_min: How far an evening lies from that.
        toilet_per_night: Visits on average.
        early_kitchen: Chance of an early trip to the kitchen, then back to bed.
        sleepless: Chance of a night with hours out of bed.
        kitchen_first: Chance that the kitchen comes before the bathroom.
        lunch_min: When.
        supper_min: When.
        evening_min: From when on they sit in the living room.
        nap: Chance on a day.
        nap_min: How long, in the middle.
        nap_in_bed: Chance that a nap is taken in bed.
        sit_min: How long one sits before getting up, in the middle.
        toilet_gap_min: Between two visits by day, in the middle.
        restless: How often something other than sitting is chosen.
        outings: Chance of leaving the home on a day.
        outing_min: How long, in the middle.
        fixture: Weekday, time and length of a regular appointment, or None.
        garden: Going out at the back on a summer's day, on average.
        away_per_day: Spells of days away, begun on a day.
        ill_per_day: Spells of illness, begun on a day.
        busy_per_min: Movements a sensor could see, of somebody up and doing.
        fidgets_per_h: The same, sitting.
        turns_per_h: The same, asleep.
    """

    rise_min: float
    rise_sd_min: float
    rise_weekdays_min: tuple[float, ...]
    rise_summer_min: float
    rise_drift_min: float
    lie_in: float
    in_bed_min: float
    bed_sd_min: float
    toilet_per_night: float
    early_kitchen: float
    sleepless: float
    kitchen_first: float
    lunch_min: float
    supper_min: float
    evening_min: float
    nap: float
    nap_min: float
    nap_in_bed: float
    sit_min: float
    toilet_gap_min: float
    restless: float
    outings: float
    outing_min: float
    fixture: tuple[int, float, float] | None
    garden: float
    away_per_day: float
    ill_per_day: float
    busy_per_min: float
    fidgets_per_h: float
    turns_per_h: float


def draw_habits(rng: random.Random) -> Habits:
    """Somebody."""
    return Habits(
        rise_min=normal(rng, 445, 60, 285, 620),
        rise_sd_min=lognormal(rng, 26, 0.45, 8, 75),
        rise_weekdays_min=_weekdays(rng),
        rise_summer_min=normal(rng, 15, 15, -10, 50),
        rise_drift_min=normal(rng, 0, 7, -20, 20),
        lie_in=rng.betavariate(1, 30),
        in_bed_min=normal(rng, 495, 55, 360, 640),
        bed_sd_min=lognormal(rng, 30, 0.45, 8, 90),
        toilet_per_night=rng.gammavariate(2.2, 0.9),
        early_kitchen=rng.betavariate(1.2, 7),
        sleepless=rng.betavariate(1, 14),
        kitchen_first=rng.random(),
        lunch_min=normal(rng, 750, 35, 660, 860),
        supper_min=normal(rng, 1060, 45, 960, 1170),
        evening_min=normal(rng, 1130, 40, 1020, 1230),
        nap=rng.betavariate(1.3, 1.7),
        nap_min=lognormal(rng, 45, 0.4, 15, 110),
        nap_in_bed=rng.choice((0.0, 0.1, 0.5, 1.0)),
        sit_min=lognormal(rng, 36, 0.4, 12, 100),
        toilet_gap_min=lognormal(rng, 165, 0.3, 70, 320),
        restless=normal(rng, 0.55, 0.15, 0.2, 0.9),
        outings=rng.betavariate(1.7, 1.2),
        outing_min=lognormal(rng, 105, 0.45, 25, 260),
        fixture=_fixture(rng),
        garden=rng.choice((0.0, rng.uniform(0.2, 2.5))),
        away_per_day=rng.gammavariate(1.2, 1 / 90),
        ill_per_day=rng.gammavariate(1.5, 1 / 90),
        busy_per_min=lognormal(rng, 3.5, 0.35, 1.2, 9),
        fidgets_per_h=lognormal(rng, 14, 0.6, 2.5, 70),
        turns_per_h=lognormal(rng, 1.6, 0.6, 0.3, 8),
    )


def _weekdays(rng: random.Random) -> tuple[float, ...]:
    workdays = [rng.gauss(0, 8) for _ in range(6)]
    return (*workdays, rng.gauss(12, 18))


def _fixture(rng: random.Random) -> tuple[int, float, float] | None:
    if rng.random() < 0.4:
        return None
    return rng.randrange(7), rng.uniform(570, 900), rng.uniform(60, 240)
