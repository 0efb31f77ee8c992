"""Faults of what stands around the hub: for each one a case that fired and a case that did not.

The line is the real one, without a port; disk, clock and BlueZ are fakes that give the rig's own evidence.
"""

from __future__ import annotations

import errno
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from hil_tests.faults import Fault
from hil_tests.faults.bluez import (
    BluezBusKilled,
    BluezCrash,
    BluezEmptyAdverts,
    BluezInProgress,
    BluezPowerOff,
)
from hil_tests.faults.clock import ClockDrift, ClockJump, ClockSet
from hil_tests.faults.disk import DiskFull, DiskLying, DiskPowerCut, DiskReadOnly, DiskRot, DiskWornOut
from hil_tests.faults.line import (
    LineHalfOpen,
    LineIntercepted,
    LineLossy,
    LineNameless,
    LinePartition,
    LinePortal,
    LineRefused,
    LineReset,
    LineSlow,
    LineThin,
)
from hil_tests.rig.bluez.evidence import Seen
from hil_tests.rig.disk import PAGE_BYTES, Filled
from hil_tests.rig.durability import Lost
from hil_tests.rig.line import Way
from hil_tests.rig.resolver import Mood
from tests.helpers.fault_bench import AT_ONCE, EQUIPMENT_VERBS, LASTING, Act, Case, FakeBench, played

WRITTEN, ZEROS = b"lum" * PAGE_BYTES, bytes(3 * PAGE_BYTES)  # three pages each
NO_BUS, NO_SERVICE = Seen(), Seen(bus=True)
OFF, ON = Seen(bus=True, owned=True, adapter=True), Seen(bus=True, owned=True, adapter=True, powered=True)
IN_1970 = datetime(1970, 1, 1, 0, 0, 10, tzinfo=UTC)
UNKNOWN_CA = "TLSV1_ALERT_UNKNOWN_CA"


def _meets(**what: Any) -> Act:
    """The line, as it is then, sees this."""

    def act(bench: FakeBench) -> None:
        for name, value in what.items():
            setattr(bench.equipment.line._spell, name, value)

    return act


def _waits(way: Way) -> Act:
    """Something is to pass on the one connection that stands."""

    def act(bench: FakeBench) -> None:
        (crossing,) = bench.equipment.line._crossings
        crossing.in_hand[way] = 20

    return act


FIRED = [
    Case(LinePartition(**LASTING), "the line saw knocks 2", meanwhile=_meets(knocked={4001, 4002})),
    Case(LinePartition(**LASTING), "the line saw held_bytes 20", {"standing": 1}, _waits(Way.DOWN)),
    Case(LineHalfOpen(**LASTING), "the line saw held_bytes 20", {"standing": 1}, _waits(Way.UP)),
    Case(LineRefused(**LASTING), "the line saw resets 2", {"standing": 2}),
    Case(
        LineRefused(**LASTING),
        "the line saw connections 3, resets 3",
        meanwhile=_meets(connections=3, resets=3),
    ),
    Case(LineSlow(**LASTING), "the line saw slowed_bytes 30", meanwhile=_meets(slowed_bytes=30)),
    Case(LineLossy(**LASTING), "the line saw slowed_bytes 30", meanwhile=_meets(slowed_bytes=30)),
    Case(LineThin(**LASTING), "the line saw slowed_bytes 30", meanwhile=_meets(slowed_bytes=30)),
    Case(
        LineReset(**LASTING, byte=900),
        "the line saw connections 1, passed_bytes 900, resets 1",
        {"standing": 1},
        _meets(connections=1, passed_bytes=900, resets=1),
    ),
    Case(
        LinePortal(**LASTING),
        "the line saw connections 1, portal_pages 1",
        meanwhile=_meets(connections=1, portal_pages=1),
    ),
    Case(
        LineIntercepted(**LASTING),
        f"the line saw connections 1, alerts ('{UNKNOWN_CA}',)",
        meanwhile=_meets(connections=1, alerts=[UNKNOWN_CA]),
    ),
    Case(
        LineIntercepted(**LASTING),
        "the line saw connections 1, believed 1",
        meanwhile=_meets(connections=1, believed=1),
    ),
    Case(LineNameless(**LASTING), "it was asked 2 times in vain", {"asked": 2}),
    Case(DiskReadOnly(**LASTING), "3 calls got EROFS", {"calls": 3}),
    Case(DiskWornOut(**LASTING), "3 calls got EIO", {"calls": 3}),
    Case(DiskFull(**LASTING), "0 bytes were free"),
    Case(
        DiskPowerCut(**LASTING),
        "512 bytes of 1 files were never synced",
        {"lost": Lost(512, ("outbox.db",), ())},
    ),
    Case(DiskPowerCut(**LASTING), "0 bytes of 0 files were never synced", {"lost": Lost(0, (), ("new",))}),
    Case(
        DiskLying(**LASTING),
        "it had confirmed 5 syncs and kept none; 2 readings were newer than what it kept",
        {"lost": Lost(512, ("outbox.db",), (), 5), "newer": 2},
    ),
    Case(DiskRot(**LASTING), "pages 0, 1, 2 are zeros", {"outbox": WRITTEN}),
    Case(ClockJump(**LASTING, seconds=-60), "the hub's clock was -60 s from the truth"),
    Case(
        ClockJump(**AT_ONCE, seconds=60),
        "the hub's clock was +160 s from the truth",
        {"clock_ahead_s": 100.0},
    ),
    Case(ClockSet(**LASTING, to=IN_1970), "the hub's clock was -1767225590 s from the truth"),
    Case(ClockDrift(**LASTING, parts_per_million=1_000_000), "the hub's clock was +10 s from the truth"),
    Case(BluezCrash(**LASTING), "the service ended with 1 scans and 2 devices", {"after": NO_SERVICE}),
    Case(BluezBusKilled(**LASTING), "process 4711 ended with -9", {"exit_status": -signal.SIGKILL}),
    Case(BluezPowerOff(**LASTING), "the adapter was switched off under 1 scans", {"after": OFF}),
    Case(BluezInProgress(**LASTING), "4 scans were refused", {"scans_refused": 4}),
    Case(BluezEmptyAdverts(**LASTING), "5 adverts were reported empty", {"adverts_emptied": 5}),
]
NOT_FIRED = [
    Case(LinePartition(**LASTING), "the line saw nobody", {"standing": 1}),  # and nobody had anything to say
    Case(LineHalfOpen(**LASTING), "the line saw nobody", {"standing": 1}, _waits(Way.DOWN)),
    Case(LineRefused(**LASTING), "the line saw nobody"),
    Case(LineSlow(**LASTING), "the line saw passed_bytes 30", meanwhile=_meets(passed_bytes=30)),
    Case(LineLossy(**LASTING), "the line saw passed_bytes 30", meanwhile=_meets(passed_bytes=30)),
    Case(LineThin(**LASTING), "the line saw nobody"),
    Case(
        LineReset(**LASTING, byte=900), "the line saw nobody", {"standing": 1}
    ),  # what stood was reset, no more
    Case(
        LineReset(**LASTING, byte=900),
        "the line saw connections 1, passed_bytes 30",
        meanwhile=_meets(connections=1, passed_bytes=30),
    ),  # its byte never came
    Case(LinePortal(**LASTING), "the line saw resets 1", {"standing": 1}),
    Case(LineIntercepted(**LASTING), "the line saw resets 1", {"standing": 1}),
    Case(LineIntercepted(**LASTING), "the line saw connections 1", meanwhile=_meets(connections=1)),
    Case(LineNameless(**LASTING), "it was asked 0 times in vain"),
    Case(DiskReadOnly(**LASTING), "0 calls got EROFS"),
    Case(
        DiskReadOnly(**LASTING), "3 calls got EIO", {"calls": 3, "error": errno.EIO}
    ),  # another fault of the disk came in between
    Case(DiskWornOut(**LASTING), "0 calls got EIO"),
    Case(DiskWornOut(**LASTING), "3 calls got EROFS", {"calls": 3, "error": errno.EROFS}),
    Case(DiskFull(**LASTING), "4096 bytes were free", {"filled": Filled(8192, 4096, errno.ENOSPC)}),
    Case(DiskFull(**LASTING), "0 bytes were free", {"filled": Filled(8192, 0, errno.EIO)}),
    Case(DiskPowerCut(**LASTING), "0 bytes of 0 files were never synced"),
    Case(
        DiskLying(**LASTING),
        "it had confirmed 0 syncs and kept none; 2 readings were newer than what it kept",
        {"lost": Lost(512, ("outbox.db",), ()), "newer": 2},
    ),
    Case(
        DiskLying(**LASTING),
        "it had confirmed 5 syncs and kept none; 0 readings were newer than what it kept",
        {"lost": Lost(512, ("outbox.db",), (), 5)},
    ),
    Case(DiskRot(**LASTING), "pages 0, 1, 2 are zeros", {"outbox": ZEROS}),  # as they were before
    Case(ClockJump(**LASTING, seconds=-60), "the hub's clock was +0 s from the truth", {"hub_says_s": 0.0}),
    Case(ClockJump(**LASTING, seconds=1), "the hub's clock was +1 s from the truth"),  # less than can be told
    Case(
        ClockJump(**AT_ONCE, seconds=0.5),
        "the hub's clock was +100 s from the truth",
        {"clock_ahead_s": 99.5},
    ),  # it was wrong before
    Case(ClockSet(**LASTING, to=IN_1970), "the hub's clock was +0 s from the truth", {"hub_says_s": 0.0}),
    Case(ClockDrift(**LASTING, parts_per_million=0), "the hub's clock was +0 s from the truth"),
    Case(
        ClockDrift(**LASTING, parts_per_million=0),
        "the hub's clock was +100 s from the truth",
        {"clock_ahead_s": 100.0},
    ),  # wrong before, and no wronger
    Case(
        ClockDrift(**LASTING, parts_per_million=1_000_000),
        "the hub's clock was +0 s from the truth",
        {"hub_says_s": 0.0},
    ),
    Case(BluezCrash(**LASTING), "the service ended with 1 scans and 2 devices", {"after": ON}),
    Case(BluezCrash(**LASTING), "the service ended with 1 scans and 2 devices"),  # the bus is gone too
    Case(BluezBusKilled(**LASTING), "process 4711 ended with 0"),
    Case(
        BluezBusKilled(**LASTING),
        "process 4711 ended with -9",
        {"exit_status": -signal.SIGKILL, "after": NO_SERVICE},
    ),  # another bus took its place
    Case(BluezPowerOff(**LASTING), "the adapter was switched off under 1 scans", {"after": ON}),
    Case(
        BluezPowerOff(**LASTING), "the adapter was switched off under 1 scans", {"before": OFF, "after": OFF}
    ),
    Case(BluezInProgress(**LASTING), "0 scans were refused"),
    Case(BluezEmptyAdverts(**LASTING), "0 adverts were reported empty"),
]


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
    assert {case.fault.verb for case in cases} == EQUIPMENT_VERBS


@pytest.mark.parametrize("fault", [case.fault for case in FIRED if case.fault.needs == "line"], ids=str)
def test_a_line_is_good_again(fault: Fault) -> None:
    """As soon as the fault is over; it was not good meanwhile."""
    bench, seen = FakeBench(), []
    played(Case(fault, "", meanwhile=lambda b: seen.append(b.equipment.line._spell.condition.verb)), bench)
    assert seen != ["pass_through"]
    assert bench.equipment.line._spell.condition.verb == "pass_through"


@pytest.mark.parametrize("how", ["silent", "denying"])
def test_names_are_known_again(how: Literal["silent", "denying"]) -> None:
    """As soon as the fault is over."""
    bench = FakeBench()
    played(Case(LineNameless(**LASTING, how=how), ""), bench)
    assert bench.moods == [Mood(how), Mood.ANSWERING]


def test_a_stranger_that_was_believed_is_a_fact() -> None:
    """By it the verdict fails the run; one that nobody believed is none."""
    believed = played(Case(LineIntercepted(**LASTING), "", meanwhile=_meets(believed=2)), FakeBench())
    refused = played(Case(LineIntercepted(**LASTING), "", meanwhile=_meets(alerts=["HUNG_UP"])), FakeBench())
    assert believed.facts["believed"] == 2
    assert "believed" not in refused.facts


@pytest.mark.parametrize(("for_s", "ahead_s"), [(10.0, 0.0), (0.0, -60.0)])
def test_a_clock_comes_right_after_its_time(for_s: float, ahead_s: float) -> None:
    """One that has no time stays wrong."""
    bench = FakeBench()
    played(Case(ClockJump(at_s=1, for_s=for_s, seconds=-60), ""), bench)
    assert bench.clock.ahead_s == ahead_s


@pytest.mark.parametrize(
    ("fault", "orders"),
    [
        (BluezCrash(**LASTING), ["crash", "restart"]),
        (BluezBusKilled(**LASTING), ["kill_bus", "restart"]),
        (BluezPowerOff(**LASTING), ["power_off", "power_on"]),
        (BluezInProgress(**LASTING), ["stick", "crash", "restart", "unstick"]),
        (BluezEmptyAdverts(**LASTING), ["empty", "fill"]),
    ],
)
def test_a_hub_without_its_service_is_blind_until_that_is_back(fault: Fault, orders: list[str]) -> None:
    """And each fault is undone."""
    bench, blind = FakeBench(), []
    played(Case(fault, "", meanwhile=lambda b: blind.extend(b.blind_for)), bench)
    assert (len(blind), bench.blind_for) == (1, [])
    assert bench.bluez.orders == orders
