"""Nights that go wrong: somebody walks through the home, or leaves it; both far more often than in life."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hil_tests.living.chance import DAY_MS, MINUTE_MS, instants, lognormal
from hil_tests.living.home import Label, Span
from hil_tests.living.mishaps import SETTLED_DAYS
from hil_tests.living.timeline import ROOMS, Doing, Place, Stay, index_at, lay_over

LEAVES = 0.3  # the part of them who go out
_ASLEEP_MS = 60 * MINUTE_MS  # so long before, and again after it


def disturb(stays: list[Stay], per_day: float, rng: random.Random) -> list[Span]:
    """Draw such nights and lay them over ``stays``, which is changed.

    Args:
        stays: the undisturbed line.
        per_day: how often one is tried, from the eighth day on.
        rng: a source of its own.

    Returns:
        ``WANDERING`` and ``LEFT``, in order of time.
    """
    spans: list[Span] = []
    settled_ms, end_ms = stays[0].start_ms + SETTLED_DAYS * DAY_MS, stays[-1].end_ms
    for drawn_ms in instants(rng, per_day, settled_ms, max(settled_ms + 1, end_ms)):
        leaves = rng.random() < LEAVES
        at_ms = drawn_ms // DAY_MS * DAY_MS + rng.randrange(5 * 60) * MINUTE_MS  # midnight to five
        walk = _leave(at_ms, rng) if leaves else _wander(at_ms, rng)
        if not _asleep(stays, at_ms, walk[-1].end_ms):
            continue
        lay_over(stays, walk)
        out = [stay for stay in walk if stay.doing is Doing.AWAY]
        spans.append(
            Span(out[0].start_ms, out[0].end_ms, Label.LEFT)
            if out
            else Span(at_ms, walk[-1].end_ms, Label.WANDERING)
        )
    return spans


def _asleep(stays: Sequence[Stay], from_ms: int, to_ms: int) -> bool:
    """Whether the resident sleeps in bed then, and well before and after."""
    stay = stays[index_at(stays, from_ms)]
    around = stay.start_ms + _ASLEEP_MS <= from_ms and to_ms + _ASLEEP_MS <= stay.end_ms
    return around and (stay.place, stay.doing) == (Place.BEDROOM, Doing.ASLEEP)


def _wander(at_ms: int, rng: random.Random) -> list[Stay]:
    """From room to room, a few minutes in each."""
    end_ms = at_ms + round(lognormal(rng, 70, 0.5, 30, 240) * MINUTE_MS)
    stays: list[Stay] = []
    while at_ms < end_ms:
        then_ms = min(at_ms + round(lognormal(rng, 4, 0.7, 0.5, 25) * MINUTE_MS), end_ms)
        elsewhere = [room for room in ROOMS if not stays or room is not stays[-1].place]
        stays.append(Stay(at_ms, then_ms, rng.choice(elsewhere), Doing.BUSY))
        at_ms = then_ms
    return stays


def _leave(at_ms: int, rng: random.Random) -> list[Stay]:
    """Up, out at the front door, and back after a while."""
    minutes = [
        (Place.BEDROOM, Doing.BUSY, lognormal(rng, 4, 0.6, 1, 20)),
        (Place.HALL, Doing.BUSY, lognormal(rng, 2, 0.6, 0.5, 10)),
        (Place.OUT, Doing.AWAY, lognormal(rng, 25, 0.9, 3, 180)),
        (Place.HALL, Doing.BUSY, lognormal(rng, 2, 0.6, 0.5, 10)),
        (Place.BEDROOM, Doing.RESTING, lognormal(rng, 10, 0.6, 2, 40)),
    ]
    stays: list[Stay] = []
    for place, doing, length_min in minutes:
        end_ms = at_ms + round(length_min * MINUTE_MS)
        stays.append(Stay(at_ms, end_ms, place, doing))
        at_ms = end_ms
    return stays
