"""The days of a person whom nothing disturbs: nights, mornings, meals, sitting, pottering."""

from __future__ import annotations

import random
from collections.abc import Container
from dataclasses import dataclass, field

from hil_tests.living.chance import DAY_MS, MINUTE_MS, lognormal, normal, poisson, summer, weekday
from hil_tests.living.habits import Habits
from hil_tests.living.timeline import Doing, Place, Stay

_IN_BED_LEAST_MIN = 200
_CHORES = (Place.LIVING_ROOM, Place.KITCHEN, Place.BEDROOM, Place.BATHROOM, Place.HALL)


@dataclass
class _Walk:
    """Somebody on their way through the day."""

    habits: Habits
    rng: random.Random
    now_ms: int
    stays: list[Stay] = field(default_factory=list)
    toilet_ms: int = 0

    def until(self, place: Place, end_ms: int, doing: Doing) -> None:
        """Stay there until then; nothing if that is over."""
        if end_ms > self.now_ms:
            self.stays.append(Stay(self.now_ms, end_ms, place, doing))
            self.now_ms = end_ms

    def spend(self, place: Place, minutes: float, doing: Doing = Doing.BUSY) -> None:
        """Stay there for so long."""
        self.until(place, self.now_ms + round(minutes * MINUTE_MS), doing)

    def toilet(self) -> None:
        """A visit to the bathroom."""
        self.spend(Place.BATHROOM, lognormal(self.rng, 5, 0.5, 1.5, 20))
        self.toilet_ms = self.now_ms

    def toilet_if_due(self) -> None:
        """The same, if the last one was long ago."""
        gap_min = lognormal(self.rng, self.habits.toilet_gap_min, 0.35, 30, 500)
        if self.now_ms - self.toilet_ms > gap_min * MINUTE_MS:
            self.toilet()


@dataclass(frozen=True, slots=True)
class Routine:
    """The undisturbed line, and when each day began."""

    stays: list[Stay]
    mornings: tuple[int, ...]


def live(habits: Habits, start_ms: int, days: int, ill: Container[int], rng: random.Random) -> Routine:
    """Live ``days`` days from a midnight on; of day numbers in ``ill`` most is spent in bed."""
    mornings = [_rise(habits, start_ms, day, rng) for day in range(days + 1)]
    walk = _Walk(habits, rng, start_ms)
    for day in range(days):
        _night(walk, mornings[day])
        (_ill_day if day in ill else _day)(walk, start_ms + day * DAY_MS)
        bed_ms = mornings[day + 1] - round(
            normal(rng, habits.in_bed_min, habits.bed_sd_min, _IN_BED_LEAST_MIN, 800) * MINUTE_MS
        )
        _evening(walk, bed_ms)
        walk.now_ms = min(walk.now_ms, mornings[day + 1] - _IN_BED_LEAST_MIN * MINUTE_MS)
    walk.until(Place.BEDROOM, start_ms + (days + 1) * DAY_MS, Doing.ASLEEP)
    return Routine(_without_overlap(walk.stays, start_ms + days * DAY_MS), tuple(mornings[:days]))


def _without_overlap(stays: list[Stay], end_ms: int) -> list[Stay]:
    """An evening that went on too long is cut short by the night."""
    cut = []
    following = [stay.start_ms for stay in stays[1:]] + [end_ms]
    latest_ms = end_ms
    for stay, next_ms in zip(reversed(stays), reversed(following), strict=True):
        latest_ms = min(latest_ms, next_ms)
        ends_ms = min(stay.end_ms, latest_ms)
        if stay.start_ms < ends_ms:
            cut.append(Stay(stay.start_ms, ends_ms, stay.place, stay.doing))
            latest_ms = stay.start_ms
    return cut[::-1]


def _rise(habits: Habits, start_ms: int, day: int, rng: random.Random) -> int:
    midnight_ms = start_ms + day * DAY_MS
    minute = (
        habits.rise_min
        + habits.rise_weekdays_min[weekday(midnight_ms)]
        - habits.rise_summer_min * summer(midnight_ms)
        + habits.rise_drift_min * day / 30
        + normal(rng, 0, habits.rise_sd_min, -120, 120)
    )
    if rng.random() < habits.lie_in:
        minute += rng.uniform(45, 150)
    return midnight_ms + round(min(max(minute, 240), 720) * MINUTE_MS)


def _night(walk: _Walk, rise_ms: int) -> None:
    habits, rng = walk.habits, walk.rng
    first_ms, last_ms = walk.now_ms + 40 * MINUTE_MS, rise_ms - 25 * MINUTE_MS
    trips = []
    if last_ms > first_ms:
        hours = (last_ms - first_ms) / (habits.in_bed_min * MINUTE_MS)
        toilets = poisson(rng, habits.toilet_per_night * min(hours, 1.2))
        trips += [(rng.randrange(first_ms, last_ms), _to_the_toilet) for _ in range(toilets)]
        if rng.random() < habits.early_kitchen:
            early_ms = rise_ms - round(rng.uniform(40, 180) * MINUTE_MS)
            trips.append((max(early_ms, first_ms), _to_the_kitchen))
        if rng.random() < habits.sleepless:
            trips.append((rng.randrange(first_ms, last_ms), _sit_up))
    for at_ms, trip in sorted(trips, key=lambda one: one[0]):
        if walk.now_ms <= at_ms:
            walk.until(Place.BEDROOM, at_ms, Doing.ASLEEP)
            trip(walk)
            walk.spend(Place.BEDROOM, lognormal(rng, 6, 0.8, 1, 60), Doing.RESTING)
    walk.until(Place.BEDROOM, rise_ms, Doing.ASLEEP)


def _to_the_toilet(walk: _Walk) -> None:
    walk.toilet()


def _to_the_kitchen(walk: _Walk) -> None:
    walk.spend(Place.KITCHEN, lognormal(walk.rng, 8, 0.5, 2, 30))
    if walk.rng.random() < 0.5:
        walk.toilet()


def _sit_up(walk: _Walk) -> None:
    walk.spend(Place.KITCHEN, lognormal(walk.rng, 5, 0.5, 2, 20))
    walk.spend(Place.LIVING_ROOM, walk.rng.uniform(30, 160), Doing.SITTING)


def _day(walk: _Walk, midnight_ms: int) -> None:
    habits, rng = walk.habits, walk.rng
    _morning(walk)
    _potter(walk, _around(rng, midnight_ms, habits.lunch_min, 20))
    _meal(walk)
    if rng.random() < habits.nap:
        in_bed = rng.random() < habits.nap_in_bed
        place, doing = (Place.BEDROOM, Doing.ASLEEP) if in_bed else (Place.LIVING_ROOM, Doing.DOZING)
        walk.spend(place, lognormal(rng, habits.nap_min, 0.4, 10, 180), doing)
    _potter(walk, _around(rng, midnight_ms, habits.supper_min, 20))
    _meal(walk)
    _potter(walk, _around(rng, midnight_ms, habits.evening_min, 25))


def _around(rng: random.Random, midnight_ms: int, minute: float, sd_min: float) -> int:
    return midnight_ms + round(normal(rng, minute, sd_min, minute - 90, minute + 90) * MINUTE_MS)


def _morning(walk: _Walk) -> None:
    rng = walk.rng
    if rng.random() < 0.6:
        walk.spend(Place.BEDROOM, lognormal(rng, 4, 0.6, 1, 20))
    wash = (Place.BATHROOM, lognormal(rng, 14, 0.5, 3, 50))
    eat = (Place.KITCHEN, lognormal(rng, 24, 0.4, 6, 70))
    first, then = (eat, wash) if rng.random() < walk.habits.kitchen_first else (wash, eat)
    walk.spend(*first)
    walk.spend(Place.BEDROOM, lognormal(rng, 8, 0.5, 2, 30))
    walk.spend(*then)
    walk.toilet_ms = walk.now_ms


def _meal(walk: _Walk) -> None:
    rng = walk.rng
    walk.spend(Place.KITCHEN, lognormal(rng, 18, 0.5, 4, 60))
    at_table = rng.random() < 0.5
    walk.spend(Place.KITCHEN if at_table else Place.LIVING_ROOM, rng.uniform(10, 30), Doing.SITTING)
    if rng.random() < 0.7:
        walk.spend(Place.KITCHEN, lognormal(rng, 9, 0.5, 2, 30))


def _potter(walk: _Walk, end_ms: int) -> None:
    """Sit, and get up for something, until it is time."""
    habits, rng = walk.habits, walk.rng
    while walk.now_ms < end_ms:
        if rng.random() < habits.restless:
            room = rng.choice(_CHORES)
            walk.spend(room, lognormal(rng, 7, 0.8, 1, 60))
        else:
            walk.spend(Place.LIVING_ROOM, lognormal(rng, habits.sit_min, 0.6, 3, 170), Doing.SITTING)
        walk.toilet_if_due()


def _evening(walk: _Walk, bed_ms: int) -> None:
    habits, rng = walk.habits, walk.rng
    while walk.now_ms < bed_ms:
        sat_ms = walk.now_ms + round(lognormal(rng, habits.sit_min * 1.6, 0.5, 10, 190) * MINUTE_MS)
        walk.until(Place.LIVING_ROOM, min(sat_ms, bed_ms), Doing.SITTING)
        if walk.now_ms < bed_ms and rng.random() < 0.5:
            walk.spend(Place.KITCHEN, lognormal(rng, 5, 0.5, 1, 20))
        walk.toilet_if_due()
    walk.spend(Place.BATHROOM, lognormal(rng, 8, 0.5, 2, 30))
    walk.toilet_ms = walk.now_ms
    walk.spend(Place.BEDROOM, lognormal(rng, 15, 0.7, 2, 80), Doing.RESTING)


def _ill_day(walk: _Walk, midnight_ms: int) -> None:
    """In bed but for the bathroom and something to drink."""
    rng = walk.rng
    end_ms = _around(rng, midnight_ms, walk.habits.evening_min, 60)
    while walk.now_ms < end_ms:
        walk.toilet()
        if rng.random() < 0.5:
            walk.spend(Place.KITCHEN, lognormal(rng, 7, 0.5, 2, 25))
        dozing = Doing.ASLEEP if rng.random() < 0.6 else Doing.RESTING
        walk.spend(Place.BEDROOM, lognormal(rng, 110, 0.5, 20, 300), dozing)
