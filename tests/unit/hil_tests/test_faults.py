"""A fault that had no effect says so itself: for each one a case that fired and a case that did not.

A fault is played in virtual time on a bench that holds only what faults use.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from device_profiles.encode import reading
from hil_tests.evidence import Evidence
from hil_tests.faults import FAULTS, Fault
from hil_tests.faults.hub import HubFreeze, HubImage, HubKill, HubRestart, HubRevoked
from hil_tests.faults.radio import RadioCut, RadioDeaf, RadioLoss, RadioUnplug, RadioWeak
from hil_tests.faults.sensor import (
    SensorDead,
    SensorGhost,
    SensorPowerCut,
    SensorReplayed,
    SensorReset,
    SensorSpoofed,
    SensorStuck,
)
from hil_tests.faults.site import SiteFreeze, SiteKill, StoreRestore
from hil_tests.rig.air import Air, Link
from hil_tests.rig.beacons import Transmission
from hil_tests.rig.virtual_loop import run_virtually
from hil_tests.scenario import SensorPlan

DOOR = SensorPlan(
    name="door", room="Hall", address="C0:00:00:00:00:01", behaviour="door", key="derived", period_s=4
)
PID = 4711
FOR_S = 10.0
ROW = {"stream": "s", "seq": 1, "sensor": DOOR.address, "kind": "door", "value": 1}


@dataclass
class FakeBench:
    """A home with one door; each attribute is what a part of the real bench would say or has been told."""

    air: Air = field(default_factory=lambda: Air(1))
    notes: dict[Any, Any] = field(default_factory=dict)
    directory: Path = Path("bench")
    delivered: int = 0  # adverts of the door
    sent: int = 0  # its transmissions
    counts: Counter[str] = field(default_factory=Counter)  # the hub's
    exit_status: int = 0
    status: dict[str, Any] = field(default_factory=lambda: {"written_ms": 1_000})
    stuck: bool = False
    counter: int = 1  # the sensor's
    pulses: int = 0
    pid: int | None = PID
    state: str = "sleeping"
    stored: list[list[dict[str, Any]]] = field(default_factory=lambda: [[ROW], [ROW]])  # at each question
    newer: int = 0  # readings, than the card
    answer: str = ""  # of the registry
    restores: list[Any] = field(default_factory=list)
    blind_for: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        answers = iter(self.stored)
        pids = itertools.count(PID + 1)
        self.radio = SimpleNamespace(attached=1, absent=_nothing, present=_nothing)
        self.ledger = SimpleNamespace(replayed=lambda _one: None)
        self.hub = SimpleNamespace(process=SimpleNamespace(pid=PID), status=lambda: self.status)
        self.site = SimpleNamespace(
            kill=lambda _role: self.pid,
            pid=lambda _role: next(pids),
            signal=lambda _role, _number: self.pid,
            state=lambda _role: self.state,
            backup=_nothing,
            restore=_nothing,
            readings=lambda: _gives(next(answers)),
        )
        beacon = SimpleNamespace(
            start=lambda: None,
            stop=lambda: None,
            stick=lambda: None,
            stuck=self.stuck,
            restart_counters=lambda: self.counter,
        )
        outage = SimpleNamespace(
            pid=PID, exit_status=self.exit_status, last_number=5, fired=lambda: self.exit_status < 0
        )
        node = SimpleNamespace(last_number=self.counter, lose_power=lambda: _gives(outage), start=_nothing)
        self.nodes = SimpleNamespace(node=lambda _name: node)
        self.home = SimpleNamespace(beacon=lambda _name: beacon, do=self._do)

    def plan(self, _name: str) -> SensorPlan:
        """There is one sensor."""
        return DOOR

    def address(self, _name: str) -> str:
        """Of the one sensor."""
        return DOOR.address

    def addresses(self, _name: str) -> list[str]:
        """Of the one sensor."""
        return [DOOR.address]

    def delivered_from(self, _address: str) -> int:
        """So many adverts."""
        return self.delivered

    def transmissions_of(self, _address: str) -> int:
        """So many transmissions."""
        return self.sent

    def first_event_of(self, address: str) -> Transmission:
        """It opened."""
        return Transmission(address, 1, (reading(DOOR.model, "door", 1),), 0.0, b"recorded")

    def counted(self, reason: str) -> int:
        """What the hub counted."""
        return self.counts[reason]

    async def until(self, _condition: Callable[[], bool], _what: str) -> None:
        """Wait in vain: the real one then ends the run, and what the fault says of itself is not even asked."""

    def blind(self, why: str) -> None:
        """It cannot hear."""
        self.blind_for.append(why)

    def sighted(self, why: str) -> None:
        """It can again."""
        self.blind_for.remove(why)

    async def kill_hub(self) -> int:
        """It ends with whatever status the case says."""
        return self.exit_status

    async def stop_hub(self) -> int:
        """It ends with whatever status the case says."""
        return self.exit_status

    async def start_hub(self) -> None:
        """Nothing is to be started."""

    async def copy_card(self) -> None:
        """There is no card."""

    async def put_back_card(self) -> int:
        """So many readings were newer."""
        return self.newer

    async def revoke_hub(self) -> str:
        """What the registry answers."""
        return self.answer

    def _do(self, _name: str, _action: str) -> None:
        self.sent += self.pulses


async def _nothing(*_arguments: object) -> None:
    pass


async def _gives(answer: Any) -> Any:
    return answer


Act = Callable[[FakeBench], None]


@dataclass(frozen=True)
class Case:
    """A fault, what the bench is like, what happens while it lasts, what must then be said."""

    fault: Fault
    says: str
    bench: dict[str, Any] = field(default_factory=dict)
    meanwhile: Act = lambda _bench: None

    def __str__(self) -> str:
        return f"{self.fault.verb}: {self.says}"


def _air(**more: int) -> Act:
    """So many adverts more had each fate."""

    def act(bench: FakeBench) -> None:
        for fate, count in more.items():
            setattr(bench.air.counts, fate, getattr(bench.air.counts, fate) + count)
        bench.delivered += more.get("delivered", 0)

    return act


def _counts(reason: str) -> Act:
    return lambda bench: bench.counts.update({reason: 3})


def _status(**status: Any) -> Act:
    return lambda bench: setattr(bench, "status", status)


def _opens_again(bench: FakeBench) -> None:
    bench.radio.attached += 1


LASTING: dict[str, Any] = {"at_s": 1, "for_s": FOR_S}
DOOR_LASTING: dict[str, Any] = {**LASTING, "on": "door"}
AT_ONCE: dict[str, Any] = {"at_s": 1}
DOOR_AT_ONCE: dict[str, Any] = {**AT_ONCE, "on": "door"}

FIRED = [
    Case(RadioLoss(**LASTING, part=0.5), "2 adverts were lost", meanwhile=_air(lost=2, delivered=2)),
    Case(RadioCut(**LASTING), "0 adverts came through meanwhile, 3 were lost", meanwhile=_air(lost=3)),
    Case(RadioWeak(**LASTING), "2 adverts came through at -95 dBm", meanwhile=_air(delivered=2)),
    Case(RadioUnplug(**LASTING), "the hub opened the dongle 1 times anew", meanwhile=_opens_again),
    Case(
        RadioDeaf(**LASTING),
        "0 adverts were delivered meanwhile, 3 were not heard",
        meanwhile=_air(not_taken=3),
    ),
    Case(SensorDead(**DOOR_LASTING), "0 adverts of it meanwhile, and 2 times it was due to say something"),
    Case(
        SensorPowerCut(**DOOR_LASTING),
        "process 4711 ended with -9; it counted on from 5 to 6",
        {"exit_status": -signal.SIGKILL, "counter": 6},
    ),
    Case(SensorReset(**DOOR_AT_ONCE), "it had counted to 2", {"counter": 2}),
    Case(SensorStuck(**DOOR_AT_ONCE), "it is stuck", {"stuck": True}),
    Case(SensorGhost(**DOOR_AT_ONCE), "1 pulses were sent", {"pulses": 1}),
    Case(
        SensorReplayed(**DOOR_LASTING),
        "the hub doubted 3 of its readings",
        meanwhile=_counts("flag:counter-reset"),
    ),
    Case(
        SensorSpoofed(**DOOR_LASTING),
        "the hub refused 3 forged frames",
        meanwhile=_counts("rejected:not-encrypted"),
    ),
    Case(HubKill(**LASTING), "process 4711 ended with -9", {"exit_status": -signal.SIGKILL}),
    Case(HubRestart(**LASTING), "it ended with 0"),
    Case(HubFreeze(**LASTING), "its status moved by 200 ms in 10 s", meanwhile=_status(written_ms=1_200)),
    Case(HubImage(**LASTING), "2 readings were newer than the card", {"newer": 2}),
    Case(HubRevoked(**AT_ONCE), "Hub a is revoked.", {"answer": "Hub a is revoked."}),
    Case(SiteKill(**AT_ONCE, on="broker"), "broker 4711 was killed, 4712 took its place"),
    Case(SiteFreeze(**LASTING, on="intake"), "intake was stopped", {"state": "stopped"}),
    Case(StoreRestore(**LASTING), "the restored store lacked 1 readings", {"stored": [[ROW, ROW], [ROW]]}),
]
NOT_FIRED = [
    Case(RadioLoss(**LASTING, part=0.5), "0 adverts were lost", meanwhile=_air(delivered=4)),
    Case(
        RadioCut(**LASTING),
        "1 adverts came through meanwhile, 3 were lost",
        meanwhile=_air(delivered=1, lost=3),
    ),
    Case(RadioCut(**LASTING), "0 adverts came through meanwhile, 0 were lost"),  # nobody said anything
    Case(RadioCut(**AT_ONCE), "0 adverts came through meanwhile, 0 were lost"),  # it did not last
    Case(RadioWeak(**LASTING), "0 adverts came through at -95 dBm"),
    Case(RadioUnplug(**LASTING), "the hub opened the dongle 0 times anew"),
    Case(
        RadioDeaf(**LASTING),
        "1 adverts were delivered meanwhile, 3 were not heard",
        meanwhile=_air(delivered=1, not_taken=3),
    ),
    Case(RadioDeaf(**LASTING), "0 adverts were delivered meanwhile, 0 were not heard"),
    Case(
        SensorDead(**DOOR_LASTING),
        "1 adverts of it meanwhile, and 2 times it was due to say something",
        meanwhile=_air(delivered=1),
    ),
    Case(SensorDead(**DOOR_AT_ONCE), "0 adverts of it meanwhile, and 0 times it was due to say something"),
    Case(
        SensorPowerCut(**DOOR_LASTING),
        "process 4711 ended with -9; it counted on from 5 to 5",
        {"exit_status": -signal.SIGKILL, "counter": 5},
    ),  # it never spoke again
    Case(
        SensorPowerCut(**DOOR_LASTING),
        "process 4711 ended with 0; it counted on from 5 to 6",
        {"counter": 6},
    ),
    Case(SensorReset(**DOOR_AT_ONCE), "it had counted to 1", {"counter": 1}),
    Case(SensorReset(**DOOR_AT_ONCE), "it had counted to 0", {"counter": 0}),
    Case(SensorStuck(**DOOR_AT_ONCE), "it has no value to be stuck at"),
    Case(SensorGhost(**DOOR_AT_ONCE), "0 pulses were sent"),
    Case(SensorReplayed(**DOOR_LASTING), "the hub doubted 0 of its readings", meanwhile=_counts("repeats")),
    Case(SensorSpoofed(**DOOR_LASTING), "the hub refused 0 forged frames", meanwhile=_counts("strangers")),
    Case(HubKill(**LASTING), "process 4711 ended with 0"),
    Case(HubKill(**LASTING), "process 4711 ended with -15", {"exit_status": -signal.SIGTERM}),
    Case(HubRestart(**LASTING), "it ended with -9", {"exit_status": -signal.SIGKILL}),
    Case(HubFreeze(**LASTING), "its status moved by 9000 ms in 10 s", meanwhile=_status(written_ms=10_000)),
    Case(
        HubFreeze(**LASTING), "it had said nothing of itself that could have stood still", {"status": {}}
    ),  # not running
    Case(
        HubFreeze(**LASTING),
        "it had said nothing of itself that could have stood still",
        meanwhile=_status(),
    ),  # it died meanwhile
    Case(HubImage(**LASTING), "0 readings were newer than the card"),
    Case(HubRevoked(**AT_ONCE), "No hub is called so.", {"answer": "No hub is called so."}),
    Case(SiteKill(**AT_ONCE, on="broker"), "broker None was killed, 4712 took its place", {"pid": None}),
    Case(SiteFreeze(**LASTING, on="intake"), "intake was sleeping"),
    Case(SiteFreeze(**LASTING, on="intake"), "intake was ", {"state": ""}),  # there is none
    Case(StoreRestore(**LASTING), "the restored store lacked 0 readings"),
    Case(StoreRestore(**LASTING), "the restored store lacked 0 readings", {"stored": [[], [ROW]]}),
]


@pytest.fixture(autouse=True)
def signals(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Signals that were sent to the hub's process; none really is."""
    sent: list[tuple[int, int]] = []
    recorder = SimpleNamespace(kill=lambda pid, number: sent.append((pid, number)))
    monkeypatch.setattr("hil_tests.faults.hub.os", recorder)
    return sent


def _played(case: Case, bench: FakeBench) -> Evidence:
    async def main() -> Evidence:
        asyncio.get_running_loop().call_later(case.fault.for_s / 2, case.meanwhile, bench)
        return await case.fault.play(cast("Any", bench))

    return run_virtually(main())


@pytest.mark.parametrize("case", FIRED, ids=str)
def test_a_fault_that_had_its_effect_fired(case: Case) -> None:
    """And says by what that was seen."""
    evidence = _played(case, FakeBench(**case.bench))
    assert (evidence.fault, evidence.fired, evidence.sentence) == (case.fault.verb, True, case.says)
    assert evidence.at <= evidence.until


@pytest.mark.parametrize("case", NOT_FIRED, ids=str)
def test_a_fault_without_its_effect_did_not_fire(case: Case) -> None:
    """The most important property of the rig: what did not happen is no pass."""
    evidence = _played(case, FakeBench(**case.bench))
    assert (evidence.fault, evidence.fired, evidence.sentence) == (case.fault.verb, False, case.says)


@pytest.mark.parametrize("cases", [FIRED, NOT_FIRED])
def test_every_fault_has_a_case(cases: list[Case]) -> None:
    """A new fault must show here when it did not fire."""
    assert {case.fault.verb for case in cases} == set(FAULTS)


@pytest.mark.parametrize(
    ("fault", "during"),
    [
        (RadioLoss(**LASTING, part=0.5), Link(loss=0.5, signal_dbm=-70, sigma_db=2)),
        (RadioCut(**LASTING), Link(loss=0.1, signal_dbm=-70, sigma_db=2, cut=True)),
        (RadioWeak(**LASTING, signal_dbm=-99), Link(loss=0.1, signal_dbm=-99, sigma_db=0)),
    ],
)
def test_a_link_is_put_back_as_it_was(fault: Fault, during: Link) -> None:
    """Also what the scenario itself had arranged."""
    bench, before, seen = FakeBench(), Link(loss=0.1, signal_dbm=-70, sigma_db=2), []
    bench.air.arrange(DOOR.address, "hub", before)
    _played(Case(fault, "", meanwhile=lambda b: seen.append(b.air.link_between(DOOR.address, "hub"))), bench)
    assert seen == [during]
    assert bench.air.link_between(DOOR.address, "hub") == before


def test_a_deaf_controller_hears_again() -> None:
    """As soon as the fault is over."""
    bench, seen = FakeBench(), []
    _played(Case(RadioDeaf(**LASTING), "", meanwhile=lambda b: seen.append(set(b.air.deaf))), bench)
    assert (seen, bench.air.deaf) == ([{"hub"}], set())


def test_a_frozen_hub_is_blind_and_goes_on(signals: list[tuple[int, int]]) -> None:
    """And nothing else is done to its process."""
    bench, blind = FakeBench(), []
    _played(Case(HubFreeze(**LASTING), "", meanwhile=lambda b: blind.extend(b.blind_for)), bench)
    assert signals == [(PID, signal.SIGSTOP), (PID, signal.SIGCONT)]
    assert (blind, bench.blind_for) == (["frozen"], [])


def test_a_restore_is_handed_on_with_what_it_lacks() -> None:
    """At the end of the run the readings it lacked must be there again."""
    bench = FakeBench(stored=[[ROW, ROW, ROW], [ROW]])
    _played(Case(StoreRestore(**LASTING), ""), bench)
    (restore,) = bench.restores
    assert restore.forgotten.total() == 2
