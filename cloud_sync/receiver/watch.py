"""The watch as a process: looks at all homes every two seconds and writes down what it finds.

What it finds is decided in ``cloud_sync/assurance/coverage.py``; here rows come and go.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import structlog

from cloud_sync.assurance.coverage import judge
from cloud_sync.receiver.config import ReceiverConfig
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.homes import Homes, Judged

LOOK_PERIOD_S = 2.0

_log = structlog.get_logger()


async def run(config: ReceiverConfig) -> None:
    """Look until cancelled.

    Raises:
        sqlite3.Error: the store cannot be opened or is damaged.
    """
    loop = asyncio.get_running_loop()
    # Left in reverse: the thread ends its look before the store is closed under it.
    with closing(open_database(config.paths.store)) as db, ThreadPoolExecutor(1, "watch") as worker:
        homes = Homes(db)
        while True:
            await loop.run_in_executor(worker, _look, homes)
            await asyncio.sleep(LOOK_PERIOD_S)


def look(homes: Homes, clock_ms: Callable[[], int]) -> list[Judged]:
    """Judge every sensor of every home once, store what changed and when; returns what changed."""
    evaluated_ms, facts = homes.evaluated_ms(), homes.facts()
    now_ms = clock_ms()  # after reading: nothing that was read can lie in the future
    judged = [
        (
            sensor.before,
            Judged(home.home, sensor.address, judge(sensor, now_ms=now_ms, evaluated_ms=evaluated_ms)),
        )
        for home in facts
        for sensor in home.sensors
    ]
    changed = [found for before, found in judged if found.verdict != before]
    homes.write(changed, now_ms)
    return changed


def _look(homes: Homes) -> None:
    try:
        changed = look(homes, _wall_clock_ms)
    except sqlite3.OperationalError as error:
        # A store that is busy or full now may be well again in two seconds; until then pages say we are blind.
        _log.error("watch.store", error=str(error))
        return
    for found in changed:
        verdict = found.verdict
        _log.info(
            "watch.verdict",
            home=found.home,
            sensor=found.address,
            state=verdict.state.value,
            cause=verdict.cause.value,
            since_ms=verdict.since_ms,
        )


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
