"""From whereabouts to what motion sensors, door contacts, a bed sensor and a button say."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hil_tests.living.chance import HOUR_MS, MINUTE_MS, SECOND_MS, instants, lognormal
from hil_tests.living.equipment import BACK_DOOR, BED, BUTTON, FRIDGE, FRONT_DOOR, Equipment, motion_id
from hil_tests.living.habits import Habits
from hil_tests.living.home import Cause, Emergency, EmergencyKind, Fault, FaultKind, Row, Visit, VisitKind
from hil_tests.living.timeline import OUTSIDE, ROOMS, Doing, Place, Stay, union

_BURSTY = 0.6  # Weibull shape of the gaps between movements: many short, a few very long
_MEAN_OF_UNIT = 1.5046  # of a Weibull draw of that shape and scale 1
_STIRRING_PER_H = 6.0
_BED_SLOW_MS = 9 * SECOND_MS
_SEEN_PAST_OBSTACLE = 0.15
_VISITOR_BUSY_PER_MIN = 5.0
_VISITOR_FIDGETS_PER_H = 40.0
_DOOR_TO = {Place.OUT: FRONT_DOOR, Place.GARDEN: BACK_DOOR}

Trigger = tuple[int, Cause]


@dataclass(frozen=True, slots=True)
class Mover:
    """How often a sensor could see somebody move, per minute, by what they do."""

    cause: Cause
    per_min: dict[Doing, float]


def resident(habits: Habits, sees_bed: float) -> Mover:
    """Who lives there."""
    turns = habits.turns_per_h / 60
    return Mover(
        Cause.RESIDENT,
        {
            Doing.ASLEEP: turns * sees_bed,
            Doing.RESTING: turns * sees_bed * 4,
            Doing.DOZING: turns,
            Doing.SITTING: habits.fidgets_per_h / 60,
            Doing.BUSY: habits.busy_per_min,
            Doing.STIRRING: _STIRRING_PER_H / 60,
        },
    )


VISITOR = Mover(
    Cause.VISITOR, {Doing.SITTING: _VISITOR_FIDGETS_PER_H / 60, Doing.BUSY: _VISITOR_BUSY_PER_MIN}
)


def movements(
    stays: Sequence[Stay], mover: Mover, equipment: Equipment, rng: random.Random
) -> Iterator[tuple[Place, Trigger]]:
    """What the motion sensors of the rooms see of one person, not in order."""
    for stay in stays:
        if stay.place in OUTSIDE:
            continue
        cause = Cause.LYING if stay.doing is Doing.STIRRING else mover.cause
        per_min = mover.per_min.get(stay.doing, 0.0) * equipment.sees[stay.place]
        for at_ms in _bursts(stay, per_min, rng):
            yield stay.place, (at_ms, cause)
    for before, after in pairwise(stays):
        yield from _passing(before, after, mover.cause, equipment, rng)


def _bursts(stay: Stay, per_min: float, rng: random.Random) -> Iterator[int]:
    if per_min <= 0:
        return
    scale_ms = MINUTE_MS / per_min / _MEAN_OF_UNIT
    draw = rng.weibullvariate
    at_ms = stay.start_ms + draw(scale_ms, _BURSTY)
    while at_ms < stay.end_ms:
        yield int(at_ms)
        at_ms += draw(scale_ms, _BURSTY)


def _passing(
    before: Stay, after: Stay, cause: Cause, equipment: Equipment, rng: random.Random
) -> Iterator[tuple[Place, Trigger]]:
    """Getting up, through the hall, and sitting down; nobody passes who lies there."""
    if before.place is after.place or Doing.DOWN in {before.doing, after.doing}:
        return
    if before.end_ms != after.start_ms or Doing.STIRRING in {before.doing, after.doing}:
        return
    at_ms = after.start_ms
    if before.place in ROOMS and rng.random() < equipment.sees[before.place]:
        yield before.place, (max(at_ms - rng.randrange(1, 4 * SECOND_MS), before.start_ms), cause)
    if Place.GARDEN not in {before.place, after.place} and rng.random() < equipment.sees[Place.HALL]:
        within = (
            after if after.place in ROOMS else before
        )  # nobody is seen indoors before coming or after going
        hall_ms = at_ms + (
            rng.randrange(4 * SECOND_MS) if within is after else -rng.randrange(1, 4 * SECOND_MS)
        )
        yield Place.HALL, (min(max(hall_ms, within.start_ms), within.end_ms - 1), cause)
    if after.place in ROOMS and rng.random() < equipment.sees[after.place]:
        yield after.place, (min(at_ms + rng.randrange(3 * SECOND_MS, 8 * SECOND_MS), after.end_ms - 1), cause)


def ghosts(
    equipment: Equipment, start_ms: int, end_ms: int, rng: random.Random
) -> Iterator[tuple[Place, Trigger]]:
    """Pulses that nobody made."""
    for room in ROOMS:
        for at_ms in instants(rng, equipment.ghosts_per_day[room], start_ms, end_ms):
            yield room, (at_ms, Cause.GHOST)


def motion_rows(
    seen: Iterable[tuple[Place, Trigger]],
    equipment: Equipment,
    defects: Sequence[Fault],
    end_ms: int,
    rng: random.Random,
) -> Iterator[Row]:
    """On with the first movement, off a hold after the last; a pulse that would outlast the end is left out."""
    by_room: dict[Place, list[Trigger]] = {room: [] for room in ROOMS}
    for room, trigger in seen:
        by_room[room].append(trigger)
    for room, moved in by_room.items():
        sensor_id = motion_id(room)
        mine = [fault for fault in defects if fault.sensor_id == sensor_id]
        triggers = _unobstructed(moved, mine, rng)
        triggers += [(at_ms, Cause.SENSOR) for at_ms in _held_on(mine, equipment.hold_ms)]
        triggers.sort(key=lambda trigger: trigger[0])
        for on, off in _pulses(triggers, equipment.hold_ms):
            if off[0] < end_ms:
                yield Row(on[0], sensor_id, "motion", 1, on[1])
                yield Row(off[0], sensor_id, "motion", 0, off[1])


def _unobstructed(moved: list[Trigger], defects: Sequence[Fault], rng: random.Random) -> list[Trigger]:
    """Of what happens behind an obstacle little is seen."""
    for fault in defects:
        if fault.kind is FaultKind.OBSTRUCTED:
            moved = [
                trigger
                for trigger in moved
                if not fault.start_ms <= trigger[0] < fault.end_ms or rng.random() < _SEEN_PAST_OBSTACLE
            ]
    return moved


def _held_on(defects: Sequence[Fault], hold_ms: int) -> Iterator[int]:
    """A stuck motion sensor says "on" until it is mended."""
    for fault in defects:
        if fault.kind is FaultKind.STUCK:
            yield from range(fault.start_ms, fault.end_ms, hold_ms)


def _pulses(triggers: Sequence[Trigger], hold_ms: int) -> Iterator[tuple[Trigger, Trigger]]:
    if not triggers:
        return
    first = last = triggers[0]
    for trigger in triggers[1:]:
        if trigger[0] > last[0] + hold_ms:
            yield first, (last[0] + hold_ms, last[1])
            first = trigger
        last = trigger
    yield first, (last[0] + hold_ms, last[1])


def openings(
    stays: Sequence[Stay], visits: Sequence[Visit], rng: random.Random
) -> Iterator[tuple[str, int, Cause]]:
    """Which outer door is opened when, and by whom."""
    for before, after in pairwise(stays):
        if (before.place in OUTSIDE) != (after.place in OUTSIDE):
            outside = before.place if before.place in OUTSIDE else after.place
            step_ms = -1 if after.place in OUTSIDE else 0  # opened from inside, then gone
            at_ms = after.start_ms + step_ms * rng.randrange(200, 3 * SECOND_MS)
            yield _DOOR_TO[outside], at_ms, Cause.RESIDENT
    for visit in visits:
        yield FRONT_DOOR, visit.start_ms, Cause.VISITOR
        if visit.kind is not VisitKind.CALLER:
            yield FRONT_DOOR, visit.end_ms, Cause.VISITOR


def fridge(stays: Iterable[Stay], cause: Cause, rng: random.Random) -> Iterator[tuple[str, int, Cause]]:
    """Opened now and then by whoever is busy in the kitchen."""
    for stay in stays:
        if stay.place is Place.KITCHEN and stay.doing is Doing.BUSY:
            for at_ms in instants(rng, 200, stay.start_ms, stay.end_ms):
                yield FRIDGE, at_ms, cause


def door_rows(
    opened: Iterable[tuple[str, int, Cause]],
    equipment: Equipment,
    defects: Sequence[Fault],
    end_ms: int,
    rng: random.Random,
) -> Iterator[Row]:
    """Open, and closed some seconds later; now and then left ajar, missed, or told twice."""
    shut_ms: dict[str, int] = {}
    stuck = [fault for fault in defects if fault.kind is FaultKind.STUCK]
    for door, at_ms, cause in sorted(opened, key=lambda one: one[:2]):
        ajar = rng.random() < 0.02
        length_ms = round(lognormal(rng, 300 if ajar else 5, 0.6, 1, 3600) * SECOND_MS)
        bounces = rng.random() < equipment.door_bounces
        missed = rng.random() < equipment.door_missed or any(
            fault.sensor_id == door and fault.start_ms <= at_ms < fault.end_ms for fault in stuck
        )
        still_open = at_ms <= shut_ms.get(door, at_ms - 1)
        if missed or still_open or not equipment.has(door) or at_ms + length_ms >= end_ms:
            continue
        shut_ms[door] = at_ms + length_ms
        opened_ms = (at_ms, at_ms + 60, at_ms + 140) if bounces else (at_ms,)
        for number, moment_ms in enumerate((*opened_ms, at_ms + length_ms)):
            yield Row(moment_ms, door, "door", 1 - number % 2, cause)


def bed_rows(
    stays: Iterable[Stay], emergencies: Iterable[Emergency], equipment: Equipment, rng: random.Random
) -> Iterator[Row]:
    """Somebody in bed, or not; told with a delay of some seconds."""
    if not equipment.has(BED):
        return
    in_bed = [
        (stay.start_ms, stay.end_ms)
        for stay in stays
        if stay.place is Place.BEDROOM and stay.doing in {Doing.ASLEEP, Doing.RESTING}
    ]
    in_bed += [(one.start_ms, one.end_ms) for one in emergencies if one.kind is EmergencyKind.NOT_UP]
    for start_ms, end_ms in union((start_ms, end_ms + _BED_SLOW_MS) for start_ms, end_ms in in_bed):
        if end_ms - start_ms > MINUTE_MS:
            yield Row(start_ms + rng.randrange(_BED_SLOW_MS), BED, "occupancy", 1, Cause.RESIDENT)
            yield Row(end_ms - rng.randrange(_BED_SLOW_MS), BED, "occupancy", 0, Cause.RESIDENT)


def button_rows(
    stays: Sequence[Stay], emergencies: Iterable[Emergency], equipment: Equipment, rng: random.Random
) -> Iterator[Row]:
    """Pressed in need, and by mistake about once in two months at home."""
    if not equipment.has(BUTTON):
        return
    for emergency in emergencies:
        if emergency.pressed_ms is not None:
            yield Row(emergency.pressed_ms, BUTTON, "button", 1, Cause.LYING)
    for stay in stays:
        if stay.doing is Doing.BUSY:
            for at_ms in instants(rng, 24 * HOUR_MS / (60 * 5 * HOUR_MS), stay.start_ms, stay.end_ms):
                yield Row(at_ms, BUTTON, "button", 1, Cause.RESIDENT)
