"""Random outages over an ordinary life: is every blind minute told, and nothing about her that we caused? Pure.

One home lives a quiet, regular life that raises no incident by itself. Each schedule lays other outages over two of
its days, after its habits are learned; whatever the model then says about the person, our outages made it say.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cloud_sync.assurance.coverage import State, Verdict, judge
from cloud_sync.assurance.home import HomeWatch
from cloud_sync.assurance.household import Event
from cloud_sync.assurance.incident import About, Incident
from cloud_sync.assurance.local_time import MINUTE_MS, MINUTES_A_DAY
from cloud_sync.assurance.plan import Parameters, Plan, Sensor
from cloud_sync.wire.batch import Contract
from device_profiles.role import Role
from hil_tests.assuring.outages import SHORTEST_MS, Fault, Outage, merge
from hil_tests.assuring.played_hub import PlayedHub
from hil_tests.assuring.recording import Liveness
from hil_tests.assuring.score import common

DAY_MS: Final = MINUTES_A_DAY * MINUTE_MS
START_MS: Final = 1_772_409_600_000  # a Monday, 00:00 UTC
LEARNED_DAYS: Final = 10
DAYS: Final = 2
AFTERWARDS_MS: Final = (
    30 * MINUTE_MS
)  # what one outage hid behind another is known so long after the last has ended
OUTAGES_MAX: Final = 4
HUB_KNOWN_MS: Final = 180_000
LOOK_MS: Final = (
    MINUTE_MS  # here the watch looks each minute where anything is new, every two seconds in life
)
IDLE_LOOKS: Final = 5  # and else each so many minutes
SENSORS: Final = {
    "hall": Sensor("hall", "Hall", Role.PRESENCE),
    "kitchen": Sensor("kitchen", "Kitchen", Role.PRESENCE),
    "living": Sensor("living", "Living room", Role.PRESENCE),
    "bedroom": Sensor("bedroom", "Bedroom", Role.PRESENCE),
    "front": Sensor("front", "Hall", Role.ENTRANCE),
    "warmth": Sensor("warmth", "Living room", Role.CLIMATE),
    "pendant": Sensor("pendant", "Living room", Role.HELP),
}
LIVENESS: Final = {
    "hall": Liveness(Contract.HEARTBEAT, 60),
    "kitchen": Liveness(Contract.HEARTBEAT, 60),
    "living": Liveness(Contract.HEARTBEAT, 120),
    "bedroom": Liveness(Contract.HEARTBEAT, 60),
    "front": Liveness(Contract.HEARTBEAT, 120),
    "warmth": Liveness(Contract.PERIODIC, 60),
    "pendant": Liveness(Contract.HEARTBEAT, 300),
}


@dataclass(slots=True)
class Tally:
    """What came out of schedules, in milliseconds.

    Attributes:
        schedules: how many were played.
        blind_ms: how long sensors could truly not be heard, all sensors together.
        told_ms: of that, how long the verdicts call blind.
        wrongly_ms: how long it calls blind what was heard.
        green_ms: how long a sensor read as watched though it was blind for longer than there was time to know.
        about_her: incidents about the person.
    """

    schedules: int = 0
    blind_ms: int = 0
    told_ms: int = 0
    wrongly_ms: int = 0
    green_ms: int = 0
    about_her: int = 0


class Campaign:
    """One home with learned habits, to be played under many schedules."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(f"life/{seed}")
        self._from_ms = START_MS + LEARNED_DAYS * DAY_MS
        self._to_ms = self._from_ms + DAYS * DAY_MS
        self._life = list(_life(rng, LEARNED_DAYS + DAYS + 2))
        self._watch = HomeWatch(Plan("home", SENSORS, Parameters(zone="UTC")))
        hub = PlayedHub(LIVENESS, (), START_MS)
        verdicts = _judged(hub, self._from_ms, {})
        past = [event for event in self._life if event.at_ms < self._from_ms]
        self._watch.look(self._from_ms, verdicts, past)
        self._watch.household.unwatched_ms = 0

    def play(self, tally: Tally, outages: Iterable[Outage]) -> None:
        """Play two days under these outages, and on until all of them are over; count the two days."""
        outages = tuple(outages)
        end_ms = max(self._to_ms, *(outage.to_ms + AFTERWARDS_MS for outage in outages))
        watch, hub = copy.deepcopy(self._watch), PlayedHub(LIVENESS, outages, START_MS)
        arrivals = hub.arrivals([event for event in self._life if event.at_ms >= self._from_ms])
        verdicts: dict[str, Verdict] = _judged(hub, self._from_ms, {})
        told: dict[str, list[tuple[int, Verdict]]] = {
            name: [(self._from_ms, verdicts[name])] for name in SENSORS
        }
        incidents: list[Incident] = []
        place = 0
        for number, now_ms in enumerate(range(self._from_ms + LOOK_MS, end_ms + 1, LOOK_MS)):
            events = []
            while place < len(arrivals) and arrivals[place][0] <= now_ms:
                events.append(arrivals[place][1])
                place += 1
            news = hub.is_news(now_ms)
            if not (news or events or number % IDLE_LOOKS == 0):
                continue
            if news:
                now = _judged(hub, now_ms, verdicts)
                for name, verdict in now.items():
                    if verdict != verdicts[name]:
                        told[name].append((now_ms, verdict))
                verdicts = now
            incidents += watch.look(now_ms, verdicts, events).incidents
        tally.schedules += 1
        tally.about_her += sum(one.about is About.PERSON and one.closed_ms is None for one in incidents)
        for name in SENSORS:
            self._count(tally, hub.unseen(name), told[name], LIVENESS[name])

    def _count(
        self, tally: Tally, true: list[tuple[int, int]], told: list[tuple[int, Verdict]], liveness: Liveness
    ) -> None:
        allowed_ms = max(HUB_KNOWN_MS, 3 * liveness.period_s * 1000 + 60_000) + LOOK_MS
        late = merge(
            (start + allowed_ms, min(end, self._to_ms)) for start, end in true if end - start > allowed_ms
        )
        true = common(merge(true), [(self._from_ms, self._to_ms)])
        ends = [*(at_ms for at_ms, _verdict in told[1:]), self._to_ms]
        shown = [(at_ms, end_ms, verdict) for (at_ms, verdict), end_ms in zip(told, ends, strict=True)]
        blind = common(
            merge(
                (verdict.since_ms, max(at_ms, end_ms))
                for at_ms, end_ms, verdict in shown
                if verdict.state is State.BLIND
            ),
            [(self._from_ms, self._to_ms)],
        )
        green = merge((at, end) for at, end, verdict in shown if verdict.state is State.WATCHING)
        tally.blind_ms += _length(true)
        tally.told_ms += _length(common(true, blind))
        tally.wrongly_ms += _length(blind) - _length(common(true, blind))
        tally.green_ms += _length(common(late, green))


def schedule(rng: random.Random, from_ms: int) -> tuple[Outage, ...]:
    """Up to four outages in two days, of half an hour to a day."""
    found = []
    for _ in range(rng.randint(1, OUTAGES_MAX)):
        fault = rng.choice(list(Fault))
        start_ms = from_ms + rng.randrange(
            DAYS * DAY_MS - SHORTEST_MS
        )  # none that nobody can know of yet at the end
        length_ms = min(max(int(rng.lognormvariate(1.4, 1.0) * 3_600_000), SHORTEST_MS), DAY_MS)
        sensor = rng.choice(list(SENSORS)) if fault is Fault.SENSOR else ""
        found.append(Outage(fault, start_ms, start_ms + length_ms, sensor))
    return tuple(found)


def run(schedules: int, seed: int) -> Tally:
    """Play so many schedules."""
    rng, tally, campaign = random.Random(f"outages/{seed}"), Tally(), Campaign(seed)
    for _ in range(schedules):
        campaign.play(tally, schedule(rng, START_MS + LEARNED_DAYS * DAY_MS))
    return tally


def _life(rng: random.Random, days: int) -> Iterable[Event]:
    """Up at half past seven, somewhere each half hour, a walk at ten, a rest after lunch, to bed at half past ten."""
    for day in range(days):
        midnight_ms = START_MS + day * DAY_MS
        for minute in (*range(450, 600, 30), *range(690, 810, 30), *range(930, 1350, 30), 130, 290):
            room = rng.choice(("kitchen", "living")) if minute >= 450 else "bedroom"
            yield from _walk(midnight_ms + (minute + rng.randrange(12)) * MINUTE_MS, "hall", room)
        out_ms = midnight_ms + 600 * MINUTE_MS
        yield from _walk(out_ms, "hall", "front")
        yield from _walk(out_ms + 75 * MINUTE_MS, "front", "hall", "kitchen", "living", "kitchen")


def _walk(at_ms: int, *sensors: str) -> Iterable[Event]:
    for number, name in enumerate(sensors):
        kind = "door" if name == "front" else "motion"
        yield Event(at_ms + number * 40_000, name, kind, 1)
        yield Event(at_ms + number * 40_000 + 5_000, name, kind, 0)


def _judged(hub: PlayedHub, now_ms: int, before: dict[str, Verdict]) -> dict[str, Verdict]:
    return {
        facts.address: judge(facts, now_ms=now_ms, evaluated_ms=now_ms) for facts in hub.facts(now_ms, before)
    }


def _length(spans: Iterable[tuple[int, int]]) -> int:
    return sum(end - start for start, end in spans)
