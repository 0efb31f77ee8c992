"""The watch as a process: looks at all sensors every two seconds and asks each home's questions every minute.

What it finds is decided in ``cloud_sync/assurance``; here rows come and go. A home is asked again at once when
something of it came in or changed, so a pressed button does not wait for its minute.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from cloud_sync.assurance import pausing
from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import Verdict, judge, stale
from cloud_sync.assurance.habits import DAYS
from cloud_sync.assurance.home import HomeWatch
from cloud_sync.assurance.household import Event
from cloud_sync.assurance.life_events import in_force
from cloud_sync.assurance.local_time import MINUTE_MS, MINUTES_A_DAY
from cloud_sync.assurance.plan import Parameters, ParametersError, Plan, Question, Sensor
from cloud_sync.assurance.watching import unasked
from cloud_sync.receiver.config import ReceiverConfig
from cloud_sync.receiver.parameters import load_parameters
from cloud_sync.receiver.pausing import Pausing
from cloud_sync.receiver.store.agreements import Agreements
from cloud_sync.receiver.store.assured import Assured
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.homes import Homes, Judged

LOOK_PERIOD_S = 2.0
DAY_MS: Final = MINUTES_A_DAY * MINUTE_MS
EVENTS_AT_ONCE_MAX: Final = 50_000

_log = structlog.get_logger()


async def run(config: ReceiverConfig) -> None:
    """Look until cancelled.

    Raises:
        sqlite3.Error: the store cannot be opened or is damaged.
    """
    loop = asyncio.get_running_loop()
    # Left in reverse: the thread ends its look before the store is closed under it.
    with closing(open_database(config.paths.store)) as db, ThreadPoolExecutor(1, "watch") as worker:
        agreements = Agreements(db, needed=config.consent.needed)
        watch = Watch(Homes(db), Assured(db), config.paths.homes, Pausing(db, agreements))
        while True:
            await loop.run_in_executor(worker, _look, watch)
            await asyncio.sleep(LOOK_PERIOD_S)


class Watch:
    """All homes of a site."""

    def __init__(self, homes: Homes, assured: Assured, parameters_dir: Path, pausing: Pausing) -> None:
        self._pausing = pausing
        self._homes = homes
        self._assured = assured
        self._parameters_dir = parameters_dir
        self._read_id = assured.newest_event()  # what came before is read when a home is first looked at
        self._watches: dict[str, tuple[Plan, HomeWatch]] = {}
        self._asked_ms: dict[str, int] = {}
        self._tidied_ms = 0

    def look(self, clock_ms: Callable[[], int]) -> list[Judged]:
        """Judge every sensor, then ask the homes that are due; returns the verdicts that changed."""
        looked_ms = self._homes.evaluated_ms()
        changed = look(self._homes, clock_ms)
        self._read_id, events = self._assured.events(self._read_id, EVENTS_AT_ONCE_MAX)
        verdicts = self._homes.verdicts()
        now_ms = clock_ms()
        news = {found.home for found in changed} | events.keys() | self._pausing.look(now_ms)
        for home, sensors in self._assured.sensors().items():
            if home in news or now_ms - self._asked_ms.get(home, 0) >= MINUTE_MS:
                self._ask(home, sensors, verdicts.get(home, {}), events.get(home, []), looked_ms, now_ms)
        if now_ms - self._tidied_ms >= DAY_MS:
            self._assured.forget_events(now_ms - (DAYS + 1) * DAY_MS)
            self._tidied_ms = now_ms
        return changed

    def asked(self, home: str) -> tuple[Question, ...]:
        """What is asked of a home; nothing if its parameters cannot be used."""
        return tuple(self._watches[home][1].findings) if home in self._watches else ()

    def _ask(
        self,
        home: str,
        sensors: dict[str, Sensor],
        verdicts: dict[str, Verdict],
        events: list[Event],
        looked_ms: int | None,
        now_ms: int,
    ) -> None:
        self._asked_ms[home] = now_ms
        try:
            plan = Plan(home, sensors, self._parameters(home, now_ms))
        except ParametersError as error:
            # The last good ones hold; without any, nothing is asked, and nothing reads as watched.
            _log.error("watch.parameters", home=home, error=str(error), hint=error.hint)
            if home not in self._watches:
                lasting = self._assured.lasting(home)
                self._assured.note(home, unasked(lasting, now_ms, now_ms, Cause.NOT_JUDGED))
                return
            plan = self._watches[home][0]
        if home not in self._watches or self._watches[home][0] != plan:
            self._watches[home] = plan, self._begin(plan, looked_ms, now_ms)
            events = []  # they are part of its history
        watch = self._watches[home][1]
        agreed = self._pausing.agreed(home)
        closed = pausing.closed(agreed, self._pausing.told(home), now_ms)
        notes = pausing.notes(agreed, watch.findings, now_ms, watch.household.zone)
        found = watch.look(now_ms, verdicts, events, closed, notes)
        self._assured.write(home, found, watch.findings, now_ms)
        for incident in found.incidents:
            _log.info(
                "watch.incident", home=home, subject=incident.subject, closed=incident.closed_ms is not None
            )

    def _parameters(self, home: str, now_ms: int) -> Parameters:
        """Of its file, as a life event leaves them."""
        written = load_parameters(self._parameters_dir, home)
        return in_force(written, self._pausing.agreed(home).pauses, now_ms)

    def _begin(self, plan: Plan, looked_ms: int | None, now_ms: int) -> HomeWatch:
        """A home with its habits learned from what is stored, going on from what was written of it."""
        watch, from_ms = HomeWatch(plan), now_ms - DAYS * DAY_MS
        history = self._assured.history(plan.home, from_ms, self._read_id)
        watch.learn(history, self._assured.ledger(plan.home, from_ms, now_ms))
        asked = {one.question for one in plan.asked()}
        before = self._assured.lasting(plan.home)
        kept = [stretch for stretch in before if stretch.question in asked]
        dropped = [replace(stretch, until_ms=now_ms) for stretch in before if stretch.question not in asked]
        gap = unasked(kept, looked_ms, now_ms) if looked_ms and stale(looked_ms, now_ms) else []
        self._assured.note(plan.home, [*gap, *dropped])
        watch.resume(self._assured.lasting(plan.home), self._assured.open_incidents(plan.home))
        return watch


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


def _look(watch: Watch) -> None:
    try:
        changed = watch.look(_wall_clock_ms)
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
