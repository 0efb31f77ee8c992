"""Emergencies: somebody stops, or does not get up, until they are found; and what follows."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hil_tests.living.chance import DAY_MS, HOUR_MS, MINUTE_MS, instants, lognormal
from hil_tests.living.company import KEY_HOLDERS
from hil_tests.living.home import Emergency, EmergencyKind, Visit, VisitKind
from hil_tests.living.timeline import ROOMS, Doing, Place, Stay, index_at, lay_over

SETTLED_DAYS = 7  # nothing happens in a home's first week
APART_MS = 3 * DAY_MS
BUTTON_REACHED = 0.15
_UPRIGHT = (Doing.BUSY, Doing.SITTING, Doing.RESTING)


def befall(
    stays: list[Stay], visits: list[Visit], mornings: Sequence[int], per_day: float, rng: random.Random
) -> list[Emergency]:
    """Draw emergencies and lay each, with what follows it, over stays and visits, which are changed."""
    emergencies: list[Emergency] = []
    settled_ms, end_ms = stays[0].start_ms + SETTLED_DAYS * DAY_MS, stays[-1].end_ms
    free_ms = settled_ms
    for drawn_ms in instants(rng, per_day, settled_ms, max(settled_ms + 1, end_ms)):
        not_up = rng.random() < 0.3
        at_ms = _morning(stays, mornings, drawn_ms) if not_up else _upright(stays, drawn_ms)
        if at_ms is None or at_ms < free_ms or _accompanied(visits, at_ms):
            continue
        emergency = _emergency(stays, visits, at_ms, not_up=not_up, rng=rng)
        free_ms = _follow(stays, visits, emergency, rng) + APART_MS
        emergencies.append(emergency)
    return emergencies


def _upright(stays: Sequence[Stay], from_ms: int) -> int | None:
    """This moment, if the resident is at home and awake then."""
    stay = stays[index_at(stays, from_ms)]
    return from_ms if stay.doing in _UPRIGHT and stay.place in ROOMS else None


def _morning(stays: Sequence[Stay], mornings: Sequence[int], from_ms: int) -> int | None:
    """The next rising from a bed at home."""
    rise_ms = next((morning for morning in mornings if morning > from_ms), None)
    if rise_ms is None:
        return None
    last = stays[index_at(stays, rise_ms - 1)]
    return rise_ms if (last.place, last.doing) == (Place.BEDROOM, Doing.ASLEEP) else None


def _accompanied(visits: Sequence[Visit], at_ms: int) -> bool:
    return any(visit.start_ms <= at_ms < visit.end_ms for visit in visits)


def _emergency(
    stays: Sequence[Stay], visits: Sequence[Visit], at_ms: int, *, not_up: bool, rng: random.Random
) -> Emergency:
    pressed_ms = None
    found_ms = _by_day(at_ms + round(lognormal(rng, 13, 0.8, 0.75, 80) * HOUR_MS), (7, 22), rng)
    if not not_up and rng.random() < BUTTON_REACHED:
        pressed_ms = at_ms + round(rng.uniform(1, 20) * MINUTE_MS)
        found_ms = pressed_ms + round(rng.uniform(15, 60) * MINUTE_MS)
    coming = (v.start_ms for v in visits if v.start_ms > at_ms and v.kind is not VisitKind.CALLER)
    end_ms = min(found_ms, next(coming, found_ms), stays[-1].end_ms)
    if pressed_ms is not None and pressed_ms >= end_ms:
        pressed_ms = None
    crawls = rng.random() < 0.3
    kind = EmergencyKind.CRAWLING if crawls else EmergencyKind.COLLAPSE
    place = Place.BEDROOM if not_up else stays[index_at(stays, at_ms)].place
    return Emergency(EmergencyKind.NOT_UP if not_up else kind, at_ms, end_ms, place, pressed_ms)


def _by_day(at_ms: int, hours: tuple[int, int], rng: random.Random) -> int:
    """This moment, or one in the next morning's three hours: nobody comes, or is brought home, at night."""
    first_ms, last_ms = hours[0] * HOUR_MS, hours[1] * HOUR_MS
    midnight_ms, since_ms = at_ms // DAY_MS * DAY_MS, at_ms % DAY_MS
    if first_ms <= since_ms < last_ms:
        return at_ms
    morning_ms = midnight_ms + first_ms + (DAY_MS if since_ms >= last_ms else 0)
    return morning_ms + rng.randrange(3 * HOUR_MS)


def _follow(stays: list[Stay], visits: list[Visit], emergency: Emergency, rng: random.Random) -> int:
    """Lie, be found, be helped, be taken away or put to bed; return when ordinary life goes on."""
    found_ms = emergency.end_ms
    helped_ms = found_ms + round(rng.uniform(30, 90) * MINUTE_MS)
    if rng.random() < 0.6:
        on_ms = _by_day(helped_ms + round(lognormal(rng, 40, 1, 4, 200) * HOUR_MS), (10, 18), rng)
        after = Stay(helped_ms, on_ms, Place.OUT, Doing.AWAY)
    else:
        on_ms = helped_ms + round(rng.uniform(2, 10) * HOUR_MS)
        after = Stay(helped_ms, on_ms, Place.BEDROOM, Doing.RESTING)
    helped = Stay(found_ms, helped_ms, emergency.room, Doing.SITTING)
    lay_over(stays, [*_lying(emergency, rng), helped, after])
    gone = after.doing is Doing.AWAY
    visits[:] = [
        visit for visit in visits if not _called_off(visit, emergency, helped_ms, on_ms if gone else 0)
    ]
    if helped_ms < stays[-1].end_ms:
        visits.append(Visit(VisitKind.RESCUER, found_ms, helped_ms))
    visits.sort(key=lambda visit: visit.start_ms)
    return on_ms


def _called_off(visit: Visit, emergency: Emergency, helped_ms: int, away_ms: int) -> bool:
    """Nobody else comes while they lie or are helped; while they are in hospital only who has a key."""
    if visit.end_ms <= emergency.start_ms:
        return False
    if visit.start_ms <= helped_ms + 5 * MINUTE_MS:
        return True
    return visit.start_ms < away_ms and visit.kind not in KEY_HOLDERS


def _lying(emergency: Emergency, rng: random.Random) -> list[Stay]:
    start_ms, end_ms, room = emergency.start_ms, emergency.end_ms, emergency.room
    stirs = emergency.kind is EmergencyKind.CRAWLING or (
        emergency.kind is EmergencyKind.NOT_UP and rng.random() < 0.5
    )
    tired_ms = start_ms
    if stirs:
        tired_ms = min(end_ms, start_ms + round(lognormal(rng, 2, 0.8, 0.2, 24) * HOUR_MS))
    return [
        stay
        for stay in (
            Stay(start_ms, tired_ms, room, Doing.STIRRING),
            Stay(tired_ms, end_ms, room, Doing.DOWN),
        )
        if stay.start_ms < stay.end_ms
    ]
