"""A person's whereabouts as a line of stays without gaps; what changes them is laid over."""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


class Place(enum.Enum):
    """The rooms of a small home, each off the hall, and where one is when not in it."""

    HALL = "Hall"
    LIVING_ROOM = "Living room"
    KITCHEN = "Kitchen"
    BEDROOM = "Bedroom"
    BATHROOM = "Bathroom"
    OUT = "Out"  # by the front door
    GARDEN = "Garden"  # by the back door, which may have no contact


ROOMS = (Place.HALL, Place.LIVING_ROOM, Place.KITCHEN, Place.BEDROOM, Place.BATHROOM)
OUTSIDE = (Place.OUT, Place.GARDEN)


class Doing(enum.Enum):
    """How much of a person a motion sensor would see."""

    ASLEEP = "asleep"  # in bed
    DOZING = "dozing"  # asleep in a chair
    RESTING = "resting"  # awake in bed
    SITTING = "sitting"
    BUSY = "busy"
    AWAY = "away"
    DOWN = "down"
    STIRRING = "stirring"  # down, and still moving a little


@dataclass(frozen=True, slots=True)
class Stay:
    """One place for one while."""

    start_ms: int
    end_ms: int
    place: Place
    doing: Doing


def index_at(stays: Sequence[Stay], ms: int) -> int:
    """Which stay holds this moment."""
    return bisect_right(stays, ms, key=lambda stay: stay.start_ms) - 1


def lay_over(stays: list[Stay], patch: Sequence[Stay]) -> None:
    """Replace what was between the patch's first and last moment; what lies beyond the line is cut off."""
    began_ms, ended_ms = stays[0].start_ms, stays[-1].end_ms
    fitting = [
        replace(stay, start_ms=max(stay.start_ms, began_ms), end_ms=min(stay.end_ms, ended_ms))
        for stay in patch
        if stay.start_ms < ended_ms and stay.end_ms > began_ms and stay.start_ms < stay.end_ms
    ]
    if not fitting:
        return
    start_ms, end_ms = fitting[0].start_ms, fitting[-1].end_ms
    first, last = index_at(stays, start_ms), index_at(stays, end_ms - 1)
    head = replace(stays[first], end_ms=start_ms)
    tail = replace(stays[last], start_ms=end_ms)
    stays[first : last + 1] = [stay for stay in (head, *fitting, tail) if stay.start_ms < stay.end_ms]


def union(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same moments as spans in order that neither overlap nor touch."""
    joined: list[tuple[int, int]] = []
    for start_ms, end_ms in sorted(spans):
        if joined and start_ms <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end_ms, joined[-1][1]))
        elif start_ms < end_ms:
            joined.append((start_ms, end_ms))
    return joined
