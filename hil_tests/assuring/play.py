"""READ FIRST (assuring): play one home through the model in virtual time, a look each minute."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

from cloud_sync.assurance.activity import Spell
from cloud_sync.assurance.coverage import Verdict, judge
from cloud_sync.assurance.home import HomeWatch
from cloud_sync.assurance.household import Event
from cloud_sync.assurance.incident import Incident
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.plan import Parameters, Plan, Question
from cloud_sync.assurance.watching import Stretch
from hil_tests.assuring.outages import Outage
from hil_tests.assuring.played_hub import PlayedHub
from hil_tests.assuring.recording import Recording


@dataclass(slots=True)
class Told:
    """What the model said.

    Attributes:
        stretches: the ledger, each stretch as it ended.
        incidents: the last state of each, in the order raised.
        proofs: spells of activity.
        sensors: every verdict on a sensor that differed from the one before, with the time of the look.
    """

    stretches: list[Stretch] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    proofs: list[Spell] = field(default_factory=list)
    sensors: list[tuple[int, str, Verdict]] = field(default_factory=list)


def play(recording: Recording, parameters: Parameters, outages: Iterable[Outage] = ()) -> Told:
    """Look at the home at each full minute from its first event to its last, and where outages end."""
    watch = HomeWatch(Plan("home", recording.sensors, parameters))
    hub = PlayedHub(recording.liveness, outages, recording.from_ms)
    arrivals = hub.arrivals(recording.events)
    verdicts: dict[str, Verdict] = {}
    told, place = Told(), 0
    raised: dict[tuple[str, int], Incident] = {}
    written: dict[tuple[Question, int], Stretch] = {}
    first_ms = recording.from_ms - recording.from_ms % MINUTE_MS + MINUTE_MS
    last_ms = recording.to_ms + MINUTE_MS
    between = [at_ms for at_ms in hub.moments() if first_ms < at_ms < last_ms and at_ms % MINUTE_MS]
    for now_ms in heapq.merge(range(first_ms, last_ms, MINUTE_MS), between):
        events: list[Event] = []
        while place < len(arrivals) and arrivals[place][0] <= now_ms:
            events.append(arrivals[place][1])
            place += 1
        for facts in hub.facts(now_ms, verdicts) if not verdicts or hub.is_news(now_ms) else ():
            verdict = judge(facts, now_ms=now_ms, evaluated_ms=now_ms)
            if verdict != facts.before:
                verdicts[facts.address] = verdict
                told.sensors.append((now_ms, facts.address, verdict))
        look = watch.look(now_ms, verdicts, events)
        written.update(((one.question, one.known_ms), one) for one in look.stretches)
        raised.update(((one.subject, one.raised_ms), one) for one in look.incidents)
        told.proofs += watch.household.take_spells()
    if watch.household.spell:
        told.proofs.append(watch.household.spell)
    told.incidents, told.stretches = list(raised.values()), list(written.values())
    return told
