"""The watch as a process: looks at all sensors every two seconds and asks each home's questions every minute.

What it finds is decided in ``cloud_sync/assurance``; here rows come and go. A home is asked again at once when
something of it came in or changed, so a pressed button does not wait for its minute.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from cloud_sync.assurance import incident, pausing
from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import Verdict, judge, stale
from cloud_sync.assurance.habits import DAYS
from cloud_sync.assurance.home import HomeWatch
from cloud_sync.assurance.household import Event, Household
from cloud_sync.assurance.incident import REST_MS, Incident
from cloud_sync.assurance.learning import learn
from cloud_sync.assurance.life_events import in_force
from cloud_sync.assurance.local_time import MINUTE_MS, MINUTES_A_DAY
from cloud_sync.assurance.notice import Notice, due
from cloud_sync.assurance.plan import Parameters, ParametersError, Plan, Question, Sensor
from cloud_sync.assurance.response import CALLERS
from cloud_sync.assurance.watching import unasked
from cloud_sync.receiver.config import ReceiverConfig
from cloud_sync.receiver.explaining import Explaining
from cloud_sync.receiver.parameters import load_parameters
from cloud_sync.receiver.pausing import Pausing
from cloud_sync.receiver.remembering import Remembering
from cloud_sync.receiver.store.agreements import Agreements
from cloud_sync.receiver.store.assured import Assured
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.hindsight import Hindsight
from cloud_sync.receiver.store.homes import Homes, Judged
from cloud_sync.receiver.store.memories import Memories
from cloud_sync.receiver.store.responses import Responses, Said

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
        watch = Watch(db, config.paths.homes, consent_needed=config.consent.needed)
        while True:
            await loop.run_in_executor(worker, _look, watch)
            await asyncio.sleep(LOOK_PERIOD_S)


@dataclass(frozen=True, slots=True)
class _News:
    """What came of one home since the last look: verdicts as they are, events after ``before_id``, what people said."""

    verdicts: dict[str, Verdict]
    events: list[Event]
    said: list[Said]
    before_id: int


class Watch:
    """All homes of a site."""

    def __init__(self, db: sqlite3.Connection, parameters_dir: Path, *, consent_needed: bool) -> None:
        self._homes = Homes(db)
        self._assured = Assured(db)
        self._responses = Responses(db)
        self._pausing = Pausing(db, Agreements(db, needed=consent_needed))
        self._explaining = Explaining(Hindsight(db))
        self._remembering = Remembering(Memories(db))
        self._parameters_dir = parameters_dir
        self._read_id = (
            self._assured.newest_event()
        )  # what came before is read when a home is first looked at
        self._watches: dict[str, tuple[Plan, HomeWatch]] = {}
        self._asked_ms: dict[str, int] = {}
        self._tidied_ms = 0

    def look(self, clock_ms: Callable[[], int]) -> list[Judged]:
        """Judge every sensor, then ask the homes that are due; returns the verdicts that changed.

        Raises:
            sqlite3.Error: the store is busy or full. What was not written was not told: homes begin anew from what was.
        """
        try:
            return self._look(clock_ms)
        except sqlite3.Error:
            self._watches.clear()
            self._asked_ms.clear()
            raise

    def _look(self, clock_ms: Callable[[], int]) -> list[Judged]:
        looked_ms = self._homes.evaluated_ms()
        for home in self._remembering.forgotten():
            self._watches.pop(home, None)
        changed = look(self._homes, clock_ms)
        before_id = self._read_id
        self._read_id, events = self._assured.events(before_id, EVENTS_AT_ONCE_MAX)
        said = self._responses.waiting()
        verdicts = self._homes.verdicts()
        now_ms = clock_ms()
        news = {found.home for found in changed} | events.keys() | said.keys() | self._pausing.look(now_ms)
        for home, sensors in self._assured.sensors().items():
            if home in news or now_ms - self._asked_ms.get(home, 0) >= MINUTE_MS:
                told = _News(verdicts.get(home, {}), events.get(home, []), said.get(home, []), before_id)
                self._ask(home, sensors, told, looked_ms, now_ms)
        self._remembering.keep(self._watches, self._read_id, now_ms)
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
        news: _News,
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
            news = replace(news, events=[], before_id=self._read_id)  # they are part of its history
        watch = self._watches[home][1]
        answered = [self._respond(watch, said, news.before_id, now_ms) for said in news.said]
        agreed = self._pausing.agreed(home)
        closed = pausing.closed(agreed, self._pausing.told(home), now_ms)
        notes = pausing.notes(agreed, watch.findings, now_ms, watch.household.zone)
        found = watch.look(now_ms, news.verdicts, news.events, closed, notes)
        watch.household.take_spells()  # nobody asks for them here
        found = replace(found, incidents=(*filter(None, answered), *found.incidents))
        taken_up = [said.number for said in news.said]
        told = _notices(plan, (*found.incidents, *watch.incidents.values()), now_ms)
        self._assured.write(home, found, watch.findings, now_ms, self._read_id, taken_up, told)
        self._explaining.after(plan, found.stretches, news.events, now_ms)
        for one in found.incidents:
            _log.info("watch.incident", home=home, subject=one.subject, closed=one.closed_ms is not None)

    def _respond(self, watch: HomeWatch, said: Said, until_id: int, now_ms: int) -> Incident | None:
        """What became of the incident; calls that were not known to whoever closed it are heard again."""
        since = self._assured.since(said.home, said.heard, until_id)
        return watch.respond(said.response, now_ms, since)

    def _parameters(self, home: str, now_ms: int) -> Parameters:
        """Of its file, as a life event leaves them."""
        written = load_parameters(self._parameters_dir, home)
        return in_force(written, self._pausing.agreed(home).pauses, now_ms)

    def _begin(self, plan: Plan, looked_ms: int | None, now_ms: int) -> HomeWatch:
        """A home as it is remembered, or learned anew from what is stored, going on from what was written of it."""
        watch = HomeWatch(plan)
        watch.household = self._remembering.recall(plan, self._read_id, now_ms) or self._learn(plan, now_ms)
        for subject, heard in self._responses.answered(plan.home).items():
            if (role := CALLERS.get(subject)) is not None:
                watch.household.answer(role, self._assured.since(plan.home, heard, self._read_id))
        asked = {one.question for one in plan.asked()}
        open_ones = self._assured.open_incidents(plan.home)
        before = self._assured.lasting(plan.home)
        kept = [stretch for stretch in before if stretch.question in asked]
        dropped = [replace(stretch, until_ms=now_ms) for stretch in before if stretch.question not in asked]
        gap = unasked(kept, looked_ms, now_ms) if looked_ms and stale(looked_ms, now_ms) else []
        over = incident.dropped(open_ones, {question.value for question in asked}, now_ms)
        self._assured.note(plan.home, [*gap, *dropped], over, _notices(plan, over, now_ms))
        watch.resume(
            self._assured.lasting(plan.home),
            self._assured.open_incidents(plan.home),
            [one for one in self._assured.closed_incidents(plan.home, now_ms - REST_MS) if one.closed_by],
        )
        self._explaining.begin(plan, now_ms)
        return watch

    def _learn(self, plan: Plan, now_ms: int) -> Household:
        after_ms = now_ms - DAYS * DAY_MS
        events = self._assured.history(plan.home, after_ms, self._read_id)
        return learn(plan, events, self._assured.ledger(plan.home, after_ms, now_ms))


def _notices(plan: Plan, incidents: Iterable[Incident], now_ms: int) -> list[Notice]:
    zone = plan.parameters.clock
    return [notice for one in incidents for notice in due(plan.home, one, zone, now_ms)]


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
