"""How long a day takes in virtual time."""

from __future__ import annotations

import time

from hil_tests.inprocess import VirtualResult, run_virtual
from hil_tests.verdict import Verdict
from tests.bench.harness import Figure, Samples, at_most
from tests.helpers.virtual_day import DAY_S, home

ROUNDS = 3
WARM_UP_S = 60.0
TARGET_S = 10.0
SEED = 1
LOOPS = 3_000_000  # of plain Python, beside: what the machine gave in the same minutes


def virtual_day() -> list[Figure]:
    """run_virtual on the wall: 24 h of 20 sensors, from the sensors' frames to stored readings and receipts.

    Climate frames once a minute, heartbeats every ten, some 90 movements a sensor; one copy of each
    periodic frame, ten of each event. Beside it, in turns: three million turns of a plain Python loop.
    """
    run_virtual(home(WARM_UP_S, copies=1), SEED)
    days, loops, results = [], [], []
    for _ in range(ROUNDS):
        loops.append(_loop_s())
        began_s = time.perf_counter()
        results.append(run_virtual(home(DAY_S, copies=1), SEED))
        days.append(time.perf_counter() - began_s)
    _check(results)
    one = results[0]
    detail = (
        f"{one.figures['adverts']} adverts heard, {one.figures['stored']} readings stored, "
        f"{one.figures['batches']} batches; {ROUNDS} runs, one hash: {one.hash[:16]}"
    )
    beside = (Samples("3 million turns of a loop", tuple(loops)),)
    return [
        Figure(Samples("T0: a day of 20 sensors", tuple(days)), "s", at_most(TARGET_S), beside, (detail,))
    ]


def _check(results: list[VirtualResult]) -> None:
    """A figure of runs that differ, or that lost something, would be of something else."""
    if len({result.hash for result in results}) != 1:
        raise ValueError("The same seed gave different runs.")
    if any(result.verdict is not Verdict.PASSED for result in results):
        raise ValueError(f"A run failed: {results[0].sentences}")


def _loop_s() -> float:
    began_s = time.perf_counter()
    sum(number * number for number in range(LOOPS))
    return time.perf_counter() - began_s
