"""Hints for the coder, drawn from what a sensor sent lately. Wrong ones cost bytes, never correctness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log2
from typing import Final

from cloud_sync.wire.manifest import PERIOD_MAX_US, SKIP_MAX, TEXT, TWO_STATE

_SPREAD_MAX: Final = 6
_NOISE_BOUNDS: Final = (2, 20, 200)  # ticks
_DEFAULT_PERIOD_US: Final = 60_000_000


@dataclass(frozen=True, slots=True)
class Timing:
    """How a track keeps time; the fields mean what they mean in ``manifest.Track``."""

    event: bool
    period_us: int
    skip: int
    noise: int


def spread(form: str, values: Sequence[int | str]) -> int:
    """How far a quantity of that form moves from one reading to the next.

    By its mean step, for numbers; a guess in the middle for too short a history.
    """
    if form != "number":
        return TEXT if form == "text" else TWO_STATE
    steps = [abs(int(later) - int(earlier)) for earlier, later in pairwise(values)]
    if not steps:
        return _SPREAD_MAX // 2
    mean = _mean(steps)
    return 0 if mean < 0.1 else min(max(1 + round(log2(mean / 0.3)), 1), _SPREAD_MAX)


def timing(times_ms: Sequence[int], tick_ms: int, *, event: bool) -> Timing:
    """How the rows of one track follow each other, given their times in order.

    A sensor that advertises every 2.5 s, of which the hub keeps one a minute, has a period of
    2.5 s and skips 24; where no such lattice shows, the median gap is the period.
    """
    gaps = [later - earlier for earlier, later in pairwise(times_ms) if later > earlier]
    if event or not gaps:
        return Timing(event, _DEFAULT_PERIOD_US, 1, 0)
    median_us = round(_median(gaps) * 1000)
    period_us = min(max(_lattice_us(gaps) or median_us, 1), PERIOD_MAX_US)
    skips = [(gap * 1000 + period_us // 2) // period_us for gap in gaps]
    strays = [abs(gap - skip * period_us // 1000) / tick_ms for gap, skip in zip(gaps, skips, strict=True)]
    stray = _mean(strays)
    noise = sum(stray >= bound for bound in _NOISE_BOUNDS)
    return Timing(event, period_us, min(Counter(skips).most_common(1)[0][0], SKIP_MAX), noise)


def _lattice_us(gaps: Sequence[int]) -> int | None:
    """The advertising interval behind gaps that are many times as long, if they betray one.

    Gaps cluster at its multiples, so the least difference between two clusters is the interval.
    """
    clusters = _clusters(sorted(gaps))
    if len(clusters) < 2:
        return None
    between = [later - earlier for earlier, later in pairwise(clusters)]
    interval = _median([gap for gap in between if gap < 1.5 * min(between)])
    if interval < 200:
        return None
    multiples = [gap / round(gap / interval) for gap in gaps if round(gap / interval)]
    refined = _median(multiples)
    off = _mean([abs(gap - round(gap / refined) * refined) for gap in gaps])
    return round(refined * 1000) if off < refined / 8 else None


def _clusters(ordered: Sequence[int]) -> list[float]:
    """Centres of runs of gaps with no more than 100 ms between neighbours, lone ones left out."""
    runs: list[list[int]] = [[]]
    for gap in ordered:
        if runs[-1] and gap - runs[-1][-1] > 100:
            runs.append([])
        runs[-1].append(gap)
    return [_mean(run) for run in runs if len(run) > 2]


# The statistics module would take a hub ten times as long to import as all of this file.
def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
