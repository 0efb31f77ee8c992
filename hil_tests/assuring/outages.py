"""Outages of ours laid over a home, from a seed: what is blind, when, and why. Pure."""

from __future__ import annotations

import enum
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cloud_sync.assurance.local_time import MINUTE_MS

DAY_MS: Final = 1440 * MINUTE_MS
SHORTEST_MS: Final = 20 * MINUTE_MS
LONGEST_MS: Final = 2 * DAY_MS


class Fault(enum.Enum):
    """What fails."""

    HUB = "hub"  # it has no power: nobody hears
    RADIO = "radio"  # it hears nothing and says so
    LINE = "line"  # it hears, and tells us afterwards
    SENSOR = "sensor"  # one sensor is dead


@dataclass(frozen=True, slots=True)
class Outage:
    """One outage, wall clock; ``sensor`` names the dead one."""

    fault: Fault
    from_ms: int
    to_ms: int
    sensor: str = ""


def draw(seed: int, from_ms: int, to_ms: int, sensors: Sequence[str]) -> tuple[Outage, ...]:
    """Some outages between two times, on average one in two days; of one kind and sensor none overlap."""
    rng = random.Random(f"outages/{seed}")
    found: list[Outage] = []
    at = float(from_ms)
    while (at := at + rng.expovariate(1 / (2 * DAY_MS))) < to_ms - SHORTEST_MS:
        length_ms = min(max(rng.lognormvariate(1.1, 1.1) * 60 * MINUTE_MS, SHORTEST_MS), LONGEST_MS)
        fault = rng.choice(list(Fault))
        sensor = rng.choice(sensors) if fault is Fault.SENSOR else ""
        outage = Outage(fault, int(at), min(int(at + length_ms), to_ms), sensor)
        if not any(_overlap(outage, other) for other in found):
            found.append(outage)
    return tuple(found)


def blind(outages: Iterable[Outage]) -> list[tuple[int, int]]:
    """When the whole home could not be seen; merged, in order."""
    return merge((o.from_ms, o.to_ms) for o in outages if o.fault is not Fault.SENSOR)


def merge(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans without those that touch or overlap, in order."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif end > start:
            merged.append((start, end))
    return merged


def _overlap(one: Outage, other: Outage) -> bool:
    same = (one.fault, one.sensor) == (other.fault, other.sensor)
    return same and one.from_ms <= other.to_ms and other.from_ms <= one.to_ms
