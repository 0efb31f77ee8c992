"""How long ten thousand homes' minute takes, and what a home weighs in memory."""

from __future__ import annotations

import copy
import gc
import random
import time
import tracemalloc

from cloud_sync.assurance.coverage import HubFacts, SensorFacts, Verdict, judge
from cloud_sync.assurance.home import HomeWatch
from cloud_sync.assurance.household import Event
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.plan import Parameters, Plan, Sensor
from cloud_sync.wire.batch import Contract
from device_profiles.role import Role
from tests.bench.harness import Figure, Samples, at_most

HOMES = 10_000
ROUNDS = 5
TARGET_S = 5.0
SEED = 1
LEARNED_DAYS = 28
WEIGHED = 50
SHARED = 10
LEARNED = 50  # different homes, each of which stands for many with the same habits
LOOPS = 3_000_000
START_MS = 1_772_409_600_000  # a Monday, 00:00 UTC
NOON_MS = START_MS + (LEARNED_DAYS * 1440 + 720) * MINUTE_MS
ROOMS = ("Hall", "Kitchen", "Living room", "Bedroom", "Bathroom", "Spare room")
SENSORS = {
    **{f"pir-{room}": Sensor(f"pir-{room}", room, Role.PRESENCE) for room in ROOMS},
    "front": Sensor("front", "Hall", Role.ENTRANCE),
    "fridge": Sensor("fridge", "Kitchen", Role.INNER_DOOR),
    "warmth": Sensor("warmth", "Living room", Role.CLIMATE),
    "pendant": Sensor("pendant", "Living room", Role.HELP),
    "smoke": Sensor("smoke", "Kitchen", Role.HAZARD),
    "bed": Sensor("bed", "Bedroom", Role.BED),
}


class _Home:
    """One home with four weeks of habits, and its verdicts."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.watch = HomeWatch(Plan(f"h-{seed}", SENSORS, _PARAMETERS))
        self.verdicts: dict[str, Verdict] = {}
        for day in range(LEARNED_DAYS):
            for minute in range(420, 1380, 60):
                at_ms = START_MS + (day * 1440 + minute + self.rng.randrange(40)) * MINUTE_MS
                for event in self.walk(at_ms):
                    self.watch.household.hear(event)
        self.watch.household.take_spells()

    def walk(self, at_ms: int) -> list[Event]:
        """Somebody goes from one room to another."""
        first, second = self.rng.sample(ROOMS, 2)
        return [
            Event(at_ms, f"pir-{first}", "motion", 1),
            Event(at_ms + 2_000, f"pir-{first}", "motion", 0),
            Event(at_ms + 9_000, f"pir-{second}", "motion", 1),
            Event(at_ms + 11_000, f"pir-{second}", "motion", 0),
        ]

    def minute(self, now_ms: int) -> None:
        """What the watch does for this home in one minute: judge each sensor, take in what came, ask."""
        hub = HubFacts(START_MS, None, now_ms - 20_000, 3)
        for address in SENSORS:
            before = self.verdicts.get(address)
            facts = SensorFacts(
                address, Contract.PERIODIC, now_ms - 30_000, kept=True, told_ms=now_ms, hub=hub, before=before
            )
            verdict = judge(facts, now_ms=now_ms, evaluated_ms=now_ms - 2_000)
            if verdict != before:
                self.verdicts[address] = verdict
        self.watch.look(now_ms, self.verdicts, self.walk(now_ms - 30_000))
        self.watch.household.take_spells()


_PARAMETERS = Parameters()


def assurance() -> list[Figure]:
    """The watch's minute: twelve sensors and eight questions a home, somebody moving in every one of them.

    All homes have four weeks of habits. Beside it, in turns: three million turns of a plain Python loop. Memory is
    what Python holds for a home once its habits are learned, over 50 homes.
    """
    weight_kb = _weight_kb()
    learned = [_Home(seed) for seed in range(LEARNED)]
    homes: list[_Home] = [copy.deepcopy(learned[number % LEARNED]) for number in range(HOMES)]
    minutes, loops = [], []
    for number in range(1 + ROUNDS):
        loops.append(_loop_s())
        began_s = time.process_time()
        for home in homes:
            home.minute(NOON_MS + number * MINUTE_MS)
        minutes.append(time.process_time() - began_s)
    detail = f"{HOMES:,} homes, {len(SENSORS)} sensors each; {weight_kb:.1f} kB of memory a home"
    return [
        Figure(
            Samples("assurance: 10,000 homes' minute", tuple(minutes[1:])),
            "s",
            at_most(TARGET_S),
            (Samples("3 million turns of a loop", tuple(loops[1:])),),
            (detail,),
        )
    ]


def _weight_kb() -> float:
    for seed in range(SHARED):  # what all homes share is not counted
        _Home(seed).minute(NOON_MS)
    gc.collect()
    tracemalloc.start()
    before, _peak = tracemalloc.get_traced_memory()
    homes = [_Home(seed) for seed in range(WEIGHED)]
    for home in homes:
        home.minute(NOON_MS)
    after, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(homes) / 1000


def _loop_s() -> float:
    began_s = time.process_time()
    total = 0
    for number in range(LOOPS):
        total += number
    assert total
    return time.process_time() - began_s
