"""A fault that had no effect says so itself: for each one a case that fired and a case that did not.

A fault is played in virtual time on a bench that holds only what faults use. Those of the equipment
around the hub (line, disk, clock, BlueZ) are in ``test_faults_equipment.py``, those of certificates and
receipts in ``test_faults_trust.py``.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hil_tests.faults import FAULTS, Fault
from hil_tests.faults.home import HomePaused
from hil_tests.faults.hub import (
    HubFreeze,
    HubImage,
    HubKill,
    HubKillAtSync,
    HubKillAtWrite,
    HubRestart,
    HubSlow,
)
from hil_tests.faults.radio import RadioCut, RadioDeaf, RadioLoss, RadioUnplug, RadioWeak
from hil_tests.faults.sensor import (
    SensorDead,
    SensorForged,
    SensorGhost,
    SensorPowerCut,
    SensorReplayed,
    SensorReset,
    SensorSpoofed,
    SensorStuck,
)
from hil_tests.faults.site import SiteFreeze, SiteKill, SiteRestart, SiteSlow, StoreRestore
from hil_tests.rig.air import Link
from hil_tests.rig.pace import Paced
from hil_tests.rig.wrapping import Wrapping
from tests.helpers.fault_bench import (
    AT_ONCE,
    DOOR,
    EQUIPMENT_VERBS,
    LASTING,
    PID,
    ROW,
    TRUST_VERBS,
    Act,
    Case,
    FakeBench,
    played,
)

DIED = "7 fdatasync(5) = ?\n7 +++ killed by SIGKILL +++\n"  # as strace tells it
SYNCED = "7 fdatasync(5) = 0\n"
DIED_WRITING = "7 pwrite64(5, ..., 4096, 0) = ?\n7 +++ killed by SIGKILL +++\n"


@dataclass
class Held:
    """A process that is held back; how it went is what the case says."""

    paced: Paced
    back: bool = True

    def evidence(self) -> Paced:
        """As of the real one."""
        return self.paced


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


def _traced(text: str) -> Act:
    """What strace has written of the hub."""

    def act(bench: FakeBench) -> None:
        (bench.directory / "calls-1").write_text(text)

    return act


def _held(bench: FakeBench) -> Held:
    (held,) = (note for note in bench.notes.values() if isinstance(note, Held))
    return held


def _goes_on(**how: float) -> Act:
    """A process that is held back goes on so."""

    def act(bench: FakeBench) -> None:
        held = _held(bench)
        held.paced = replace(held.paced, **how)  # type: ignore[arg-type]

    return act


def _opens_again(bench: FakeBench) -> None:
    bench.equipment.hci.attached += 1


DOOR_LASTING: dict[str, Any] = {**LASTING, "on": "door"}
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
    Case(HomePaused(**LASTING), "the hub left out 3 adverts of paused sensors", meanwhile=_counts("paused")),
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
    Case(
        SensorForged(**DOOR_LASTING),
        "the hub refused 3 forged frames",
        meanwhile=_counts("wrong_key_or_corrupt:wrong-key"),
    ),
    Case(HubKill(**LASTING), "process 4711 ended with -9", {"exit_status": -signal.SIGKILL}),
    Case(HubRestart(**LASTING), "it ended with 0"),
    Case(HubFreeze(**LASTING), "its status moved by 200 ms in 10 s", meanwhile=_status(written_ms=1_200)),
    Case(
        HubSlow(**LASTING),
        "it used 1.9 s of processor in 10.0 s, stopped 90 times",
        meanwhile=_goes_on(stops=90, wall_s=10.0, cpu_s=1.9),
    ),
    Case(HubKillAtSync(**LASTING, nth=2), "it died in call 2 of fdatasync", meanwhile=_traced(SYNCED + DIED)),
    Case(HubKillAtWrite(**LASTING, nth=1), "it died in call 1 of pwrite64", meanwhile=_traced(DIED_WRITING)),
    Case(HubImage(**LASTING), "2 readings were newer than the card", {"newer": 2}),
    Case(SiteKill(**AT_ONCE, on="broker"), "broker 4711 was killed, 4712 took its place"),
    Case(SiteRestart(**AT_ONCE, on="intake"), "intake 4711 was asked to stop, 4712 took its place"),
    Case(
        SiteSlow(**LASTING, on="intake"),
        "intake stood still for 9.0 of 10.0 s, in 90 pieces",
        meanwhile=_goes_on(stops=90, wall_s=10.0, stopped_s=9.0, cpu_s=0.9),
    ),
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
    Case(HomePaused(**LASTING), "the hub left out 0 adverts of paused sensors"),
    Case(SensorReplayed(**DOOR_LASTING), "the hub doubted 0 of its readings", meanwhile=_counts("repeats")),
    Case(SensorSpoofed(**DOOR_LASTING), "the hub refused 0 forged frames", meanwhile=_counts("strangers")),
    Case(
        SensorForged(**DOOR_LASTING),
        "the hub refused 0 forged frames",
        meanwhile=_counts("rejected:not-encrypted"),
    ),
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
    Case(
        HubSlow(**LASTING),
        "it used 2.1 s of processor in 10.0 s, stopped 90 times",
        meanwhile=_goes_on(stops=90, wall_s=10.0, cpu_s=2.1),
    ),  # more than its share
    Case(HubSlow(**LASTING), "it used 0.0 s of processor in 0.0 s, stopped 0 times"),
    Case(HubKillAtSync(**LASTING, nth=2), "it died in call 0 of none"),
    Case(HubKillAtSync(**LASTING, nth=2), "it died in call 2 of none", meanwhile=_traced(SYNCED * 2)),
    Case(
        HubKillAtSync(**LASTING, nth=2), "it died in call 1 of none", meanwhile=_traced(DIED)
    ),  # by somebody else's hand, in a call before
    Case(HubKillAtWrite(**LASTING, nth=2), "it died in call 1 of none", meanwhile=_traced(DIED_WRITING)),
    Case(HubImage(**LASTING), "0 readings were newer than the card"),
    Case(SiteKill(**AT_ONCE, on="broker"), "broker None was killed, 4712 took its place", {"pid": None}),
    Case(
        SiteRestart(**AT_ONCE, on="intake"),
        "intake None was asked to stop, 4712 took its place",
        {"pid": None},
    ),
    Case(
        SiteSlow(**LASTING, on="intake"),
        "intake stood still for 9.0 of 10.0 s, in 90 pieces",
        meanwhile=_goes_on(stops=90, wall_s=10.0, stopped_s=9.0, cpu_s=1.1),
    ),  # more than its share
    Case(SiteSlow(**LASTING, on="intake"), "intake stood still for 0.0 of 0.0 s, in 0 pieces"),
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


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """No strace need be there, and nothing is really held back."""
    monkeypatch.setattr("hil_tests.rig.injection.shutil", SimpleNamespace(which=lambda _tool: "strace"))
    monkeypatch.setattr("hil_tests.faults.hub.slow", _slow)
    monkeypatch.setattr("hil_tests.faults.site.slow", _slow)


@contextlib.asynccontextmanager
async def _slow(pid: int, share: float) -> AsyncIterator[Held]:
    held = Held(Paced(pid, share, 0, 0.0, 0.0, 0.0))
    yield held
    held.back = False


@pytest.mark.parametrize("case", FIRED, ids=str)
def test_a_fault_that_had_its_effect_fired(tmp_path: Path, case: Case) -> None:
    """And says by what that was seen."""
    evidence = played(case, FakeBench(directory=tmp_path, **case.bench))
    assert (evidence.fault, evidence.fired, evidence.sentence) == (case.fault.verb, True, case.says)
    assert evidence.at <= evidence.until


@pytest.mark.parametrize("case", NOT_FIRED, ids=str)
def test_a_fault_without_its_effect_did_not_fire(tmp_path: Path, case: Case) -> None:
    """The most important property of the rig: what did not happen is no pass."""
    evidence = played(case, FakeBench(directory=tmp_path, **case.bench))
    assert (evidence.fault, evidence.fired, evidence.sentence) == (case.fault.verb, False, case.says)


@pytest.mark.parametrize("cases", [FIRED, NOT_FIRED])
def test_every_fault_has_a_case(cases: list[Case]) -> None:
    """A new fault must show here when it did not fire."""
    assert {case.fault.verb for case in cases} == set(FAULTS) - EQUIPMENT_VERBS - TRUST_VERBS


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
    played(Case(fault, "", meanwhile=lambda b: seen.append(b.air.link_between(DOOR.address, "hub"))), bench)
    assert seen == [during]
    assert bench.air.link_between(DOOR.address, "hub") == before


def test_a_deaf_controller_hears_again() -> None:
    """As soon as the fault is over."""
    bench, seen = FakeBench(), []
    played(Case(RadioDeaf(**LASTING), "", meanwhile=lambda b: seen.append(set(b.air.deaf))), bench)
    assert (seen, bench.air.deaf) == ([{"hub"}], set())


def test_a_frozen_hub_is_blind_and_goes_on(signals: list[tuple[int, int]]) -> None:
    """And nothing else is done to its process."""
    bench, blind = FakeBench(), []
    played(Case(HubFreeze(**LASTING), "", meanwhile=lambda b: blind.extend(b.blind_for)), bench)
    assert signals == [(PID, signal.SIGSTOP), (PID, signal.SIGCONT)]
    assert (blind, bench.blind_for) == (["frozen"], [])


def test_a_slow_hub_is_let_run_again() -> None:
    """As soon as the fault is over; it gets no more than was asked for until then."""
    bench, seen = FakeBench(), []
    case = Case(HubSlow(**LASTING, share=0.3), "", meanwhile=lambda b: seen.append(replace(_held(b))))
    played(case, bench)
    assert [(held.paced.pid, held.paced.share, held.back) for held in seen] == [(PID, 0.3, True)]
    assert not _held(bench).back


def test_a_life_that_ends_at_a_sync_is_followed_by_an_ordinary_one() -> None:
    """Only that one life is traced; a process is killed by strace alone."""
    bench = FakeBench()
    played(Case(HubKillAtSync(**LASTING, nth=7), ""), bench)
    deadly, ordinary = bench.wrappings
    assert "inject=fdatasync:signal=SIGKILL:when=7" in deadly.prefix
    assert bench.killed_mid_write
    assert ordinary == Wrapping()


def test_a_restore_is_handed_on_with_what_it_lacks() -> None:
    """At the end of the run the readings it lacked must be there again."""
    bench = FakeBench(stored=[[ROW, ROW, ROW], [ROW]])
    played(Case(StoreRestore(**LASTING), ""), bench)
    (restore,) = bench.restores
    assert restore.forgotten.total() == 2
