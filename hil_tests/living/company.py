"""Who comes: carers by the clock, family, cleaners and neighbours (who may have a key), callers at the door."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from hil_tests.living.chance import DAY_MS, HOUR_MS, MINUTE_MS, lognormal, normal, poisson, weekday
from hil_tests.living.home import Visit, VisitKind
from hil_tests.living.timeline import Doing, Place, Stay, index_at

KEY_HOLDERS = (VisitKind.CLEANER, VisitKind.NEIGHBOUR)
_CARE_MIN = (30, 30, 30, 30, 15, 45, 60)  # how long a visit is booked for
_CARE_ROOMS = (Place.KITCHEN, Place.BATHROOM, Place.BEDROOM, Place.LIVING_ROOM)
_ALL_ROOMS = (*_CARE_ROOMS, Place.HALL)


def visits(stays: Sequence[Stay], mornings: Sequence[int], rng: random.Random) -> list[Visit]:
    """Everybody who comes in or to the door, one after another, given where the resident is."""
    planned = [
        *_care(mornings, rng),
        *_family(mornings, rng),
        *_cleaning(mornings, rng),
        *_others(mornings, rng),
        *_plants(stays, rng),
    ]
    taken: list[Visit] = []
    for visit in sorted(planned, key=lambda one: one.start_ms):
        free = not taken or taken[-1].end_ms + 5 * MINUTE_MS < visit.start_ms
        inside = stays[0].start_ms < visit.start_ms and visit.end_ms < stays[-1].end_ms
        if free and inside and _comes(visit, stays, rng):
            taken.append(visit)
    return taken


def _comes(visit: Visit, stays: Sequence[Stay], rng: random.Random) -> bool:
    there = stays[index_at(stays, visit.start_ms)]
    if there.doing is Doing.AWAY:
        return visit.kind in KEY_HOLDERS and rng.random() < 0.8
    return not (visit.kind is VisitKind.CALLER and there.doing is not Doing.SITTING)


def _visit(kind: VisitKind, start_ms: int, minutes: float) -> Visit:
    return Visit(kind, start_ms, start_ms + round(max(minutes, 0.5) * MINUTE_MS))


def _care(mornings: Sequence[int], rng: random.Random) -> Iterable[Visit]:
    """None in most homes; one to four a day in the others, at their hours or not quite."""
    if rng.random() < 0.6:
        return
    hours = sorted(rng.sample((0.0, 12.4, 17.0, 20.3), rng.choice((1, 1, 2, 3, 4))))
    late_min, booked_min = rng.uniform(5, 30), rng.choice(_CARE_MIN)
    weekdays = range(7) if rng.random() < 0.7 else sorted(rng.sample(range(7), rng.randint(1, 5)))
    for rise_ms in mornings:
        if weekday(rise_ms) not in weekdays:
            continue
        for hour in hours:
            due_ms = rise_ms // DAY_MS * DAY_MS + round(hour * HOUR_MS) if hour else rise_ms + 20 * MINUTE_MS
            start_ms = due_ms + round(abs(rng.gauss(0, late_min)) * MINUTE_MS)
            yield _visit(VisitKind.CARER, start_ms, normal(rng, booked_min - 4, 6, 6, 80))


def _family(mornings: Sequence[int], rng: random.Random) -> Iterable[Visit]:
    per_day = [rng.gammavariate(0.8, 0.3) for _ in range(7)]
    hour = normal(rng, 14.5, 2, 10, 19)
    length_min = lognormal(rng, 90, 0.5, 20, 300)
    for rise_ms in mornings:
        if rng.random() < per_day[weekday(rise_ms)]:
            start_ms = rise_ms // DAY_MS * DAY_MS + round(normal(rng, hour, 1.5, 9, 21) * HOUR_MS)
            yield _visit(VisitKind.FAMILY, start_ms, lognormal(rng, length_min, 0.5, 10, 480))


def _cleaning(mornings: Sequence[int], rng: random.Random) -> Iterable[Visit]:
    if rng.random() < 0.7:
        return
    day, hour = rng.randrange(5), rng.uniform(9, 14)
    for rise_ms in mornings:
        if weekday(rise_ms) == day and rng.random() < 0.9:
            start_ms = rise_ms // DAY_MS * DAY_MS + round((hour + rng.gauss(0, 0.2)) * HOUR_MS)
            yield _visit(VisitKind.CLEANER, start_ms, normal(rng, 110, 25, 45, 200))


def _others(mornings: Sequence[int], rng: random.Random) -> Iterable[Visit]:
    neighbour, callers = rng.gammavariate(0.7, 0.15), rng.gammavariate(1.5, 0.25)
    for rise_ms in mornings:
        midnight_ms = rise_ms // DAY_MS * DAY_MS
        if rng.random() < neighbour:
            start_ms = midnight_ms + round(rng.uniform(9, 19) * HOUR_MS)
            yield _visit(VisitKind.NEIGHBOUR, start_ms, lognormal(rng, 12, 0.7, 3, 60))
        for _ in range(poisson(rng, callers)):
            start_ms = midnight_ms + round(normal(rng, 12.5, 2.5, 8, 19) * HOUR_MS)
            yield _visit(VisitKind.CALLER, start_ms, rng.uniform(0.5, 2))


def _plants(stays: Sequence[Stay], rng: random.Random) -> Iterable[Visit]:
    """A neighbour waters them while the resident is away for days."""
    chance = rng.choice((0.0, 0.3, 0.6))
    for stay in stays:
        if stay.doing is Doing.AWAY and stay.end_ms - stay.start_ms > DAY_MS:
            for midnight_ms in range(stay.start_ms // DAY_MS * DAY_MS + DAY_MS, stay.end_ms - DAY_MS, DAY_MS):
                if rng.random() < chance:
                    start_ms = midnight_ms + round(rng.uniform(8, 20) * HOUR_MS)
                    yield _visit(VisitKind.NEIGHBOUR, start_ms, lognormal(rng, 10, 0.6, 3, 40))


def receiving(visit: Visit, stays: Sequence[Stay], rng: random.Random) -> list[Stay]:
    """What the resident does while somebody is there."""
    if stays[index_at(stays, visit.start_ms)].doing is Doing.AWAY:
        return []
    match visit.kind:
        case VisitKind.CALLER:
            return [Stay(visit.start_ms, visit.end_ms, Place.HALL, Doing.BUSY)]
        case VisitKind.CARER:
            return _through(visit, (Place.BATHROOM, Place.BEDROOM, Place.KITCHEN), (4, 15), rng)
        case _:
            return [Stay(visit.start_ms, visit.end_ms, Place.LIVING_ROOM, Doing.SITTING)]


def steps(visit: Visit, rng: random.Random) -> list[Stay]:
    """Where the visitor is."""
    match visit.kind:
        case VisitKind.CALLER:
            return []
        case VisitKind.FAMILY | VisitKind.NEIGHBOUR:
            talk = _through(visit, (Place.LIVING_ROOM, Place.LIVING_ROOM, Place.KITCHEN), (10, 40), rng)
            sitting = Place.LIVING_ROOM
            return [
                Stay(
                    stay.start_ms,
                    stay.end_ms,
                    stay.place,
                    Doing.SITTING if stay.place is sitting else Doing.BUSY,
                )
                for stay in talk
            ]
        case VisitKind.CARER | VisitKind.RESCUER:
            return _through(visit, _CARE_ROOMS, (2, 10), rng)
        case _:
            return _through(visit, _ALL_ROOMS, (5, 25), rng)


def _through(
    visit: Visit, rooms: Sequence[Place], minutes: tuple[float, float], rng: random.Random
) -> list[Stay]:
    """From room to room, busy, until the visit ends."""
    stays, now_ms = [], visit.start_ms
    while now_ms < visit.end_ms:
        then_ms = min(now_ms + round(rng.uniform(*minutes) * MINUTE_MS), visit.end_ms)
        stays.append(Stay(now_ms, then_ms, rng.choice(rooms), Doing.BUSY))
        now_ms = then_ms
    return stays
