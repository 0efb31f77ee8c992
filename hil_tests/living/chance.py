"""Draws from a seeded source, and the calendar. Times are milliseconds since the epoch; a home lives by UTC."""

from __future__ import annotations

import math
import random

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

_DAYS_IN_YEAR = 365.2425
_MIDSUMMER_DAY = 196  # of the year: the warmest
_FIRST_WEEKDAY = 3  # 1970-01-01 was a Thursday


def source(seed: int, of: str) -> random.Random:
    """A source of its own for each part of a home, so that no part disturbs another's draws."""
    return random.Random(f"{seed}:{of}")


def normal(rng: random.Random, mean: float, sd: float, low: float, high: float) -> float:
    """A normal draw, cut at both ends."""
    return min(max(rng.gauss(mean, sd), low), high)


def lognormal(rng: random.Random, median: float, sigma: float, low: float, high: float) -> float:
    """A draw whose logarithm is normal, cut at both ends."""
    return min(max(rng.lognormvariate(math.log(median), sigma), low), high)


def poisson(rng: random.Random, mean: float) -> int:
    """How many, if they come independently."""
    threshold, product, count = math.exp(-mean), rng.random(), 0
    while product > threshold:
        product *= rng.random()
        count += 1
    return count


def instants(rng: random.Random, per_day: float, start_ms: int, end_ms: int) -> list[int]:
    """When, in order, if they come independently at so many a day."""
    count = poisson(rng, per_day * (end_ms - start_ms) / DAY_MS)
    return sorted(rng.randrange(start_ms, end_ms) for _ in range(count))


def weekday(ms: int) -> int:
    """0 is Monday."""
    return (ms // DAY_MS + _FIRST_WEEKDAY) % 7


def summer(ms: int) -> float:
    """1 in the middle of summer, -1 in the middle of winter."""
    day_of_year = (ms / DAY_MS) % _DAYS_IN_YEAR
    return math.cos(2 * math.pi * (day_of_year - _MIDSUMMER_DAY) / _DAYS_IN_YEAR)
