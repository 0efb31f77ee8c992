"""Whole runs in virtual time: the same to the bit for one seed, balanced whatever goes wrong, and not blind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sync.sync.sender import Item
from cloud_sync.uplink import Uplink
from cloud_sync.wire.batch import Stream
from edge_agent.adapters.outbox import Outbox
from edge_agent.core.coverage import Coverage
from edge_agent.core.freshness import Guard
from edge_agent.hub import Hub
from hil_tests.faults import Fault
from hil_tests.faults.hub import HubImage, HubKill, HubRestart
from hil_tests.faults.line import LineRefused
from hil_tests.faults.radio import RadioCut, RadioDeaf, RadioLoss
from hil_tests.faults.sensor import SensorDead, SensorReset
from hil_tests.inprocess import VirtualResult, run_file, run_virtual
from hil_tests.rig.beacons import Beacon
from hil_tests.rig.errors import RigError
from hil_tests.rig.sensors import Frame
from hil_tests.scenario import Event, Home, HubPlan, Scenario, SensorPlan
from hil_tests.verdict import Verdict

ROOT = Path(__file__).parents[2]
STORY_S = 900.0
DOOR = SensorPlan(
    name="door",
    room="Hall",
    address="C0:20:00:00:00:01",
    behaviour="door",
    period_s=120,
    rate_per_min=0.5,
)
SENSORS = (
    DOOR,
    SensorPlan(
        name="air", room="Hall", address="C0:20:00:00:00:02", behaviour="climate", period_s=20, key="derived"
    ),
    SensorPlan(
        name="hall",
        room="Hall",
        address="C0:20:00:00:00:03",
        behaviour="motion",
        period_s=120,
        rate_per_min=1,
        loss=0.1,
    ),
)
EVERY_FAULT = (
    RadioLoss(at_s=20, for_s=60, part=0.7),
    RadioCut(at_s=100, for_s=50, on="air"),
    SensorDead(at_s=200, for_s=100, on="air"),
    SensorReset(at_s=320, on="air"),
    HubKill(at_s=400, for_s=5),
    LineRefused(at_s=500, for_s=120),
    HubKill(at_s=560, for_s=5),
    HubRestart(at_s=700, for_s=1),
)
FRESH = """
from tests.integration.test_inprocess import EVERY_FAULT, story
from hil_tests.inprocess import run_virtual
print(run_virtual(story(EVERY_FAULT), {seed}).hash)
"""


def story(faults: tuple[Fault, ...] = (), events: tuple[Event, ...] = ()) -> Scenario:
    """A quarter of an hour in a home of three sensors."""
    timing = HubPlan(commit_window_max_s=15, batch_age_max_s=60)
    scenario = Scenario("Test", 1, STORY_S, Home("home"), SENSORS, events, hub=timing)
    return msgspec.structs.replace(scenario, faults=faults)


def balanced(result: VirtualResult) -> bool:
    """Whether everything delivered is stored once, or excused by name."""
    return result.balance is not None and result.balance.balanced


def test_every_fault_fires_and_all_balances() -> None:
    """Each leaves its evidence; nothing is lost, nothing is twice."""
    result = run_virtual(story(EVERY_FAULT), 5)
    assert (result.verdict, result.sentences) == (Verdict.PASSED, [])
    assert [one.fault for one in sorted(result.evidence, key=lambda one: one.at)] == [
        fault.verb for fault in EVERY_FAULT
    ]
    assert all(one.fired for one in result.evidence)
    assert result.figures["lives"] == 4


def test_one_seed_gives_one_run_in_any_process() -> None:
    """Bit by bit, with other hashes of strings; another seed gives another."""
    here = [run_virtual(story(EVERY_FAULT), seed).hash for seed in (5, 6)]
    assert here[0] != here[1]
    for salt in ("1", "2"):
        fresh = subprocess.run(
            [sys.executable, "-c", FRESH.format(seed=5)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": salt},
            capture_output=True,
            text=True,
            check=True,
        )
        assert fresh.stdout.strip() == here[0]


@pytest.mark.parametrize("name", ["p1_power_cut_door", "p1_two_power_cuts", "p1_lossy_radio", "p1_update"])
def test_scenario_files_are_played_as_they_are(name: str) -> None:
    """The very files that are run over processes."""
    result = run_file(ROOT / "hil_tests" / "scenarios" / f"{name}.toml")
    assert (result.verdict, result.sentences) == (Verdict.PASSED, [])


def test_what_needs_processes_is_refused_before_anything_runs() -> None:
    """A fault that could not fire must not look like one that did no harm."""
    with pytest.raises(RigError, match="needs real processes"):
        run_virtual(story((HubImage(at_s=10, for_s=60),)), 1)


moments = st.floats(10, 700, allow_nan=False).map(lambda value: round(value, 1))
spells = st.floats(1, 150, allow_nan=False).map(lambda value: round(value, 1))
schedules = st.lists(
    st.one_of(
        st.builds(RadioLoss, at_s=moments, for_s=spells, part=st.sampled_from([0.3, 0.9])),
        st.builds(RadioCut, at_s=moments, for_s=spells, on=st.sampled_from(["all", "hall"])),
        st.builds(SensorDead, at_s=moments, for_s=spells, on=st.just("air")),
        st.builds(SensorReset, at_s=moments, on=st.just("door")),
        st.builds(LineRefused, at_s=moments, for_s=spells),
    ),
    max_size=4,
)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(schedule=schedules, kill=st.builds(HubKill, at_s=moments, for_s=st.just(3.0)), seed=st.integers(1, 99))
def test_whatever_goes_wrong_it_balances(schedule: list[Fault], kill: HubKill, seed: int) -> None:
    """Any few faults at any time, and one kill among them."""
    result = run_virtual(story((*schedule, kill)), seed)
    assert result.balance is not None, result.sentences
    assert balanced(result), (result.balance.lost, result.balance.duplicated)


# Planted defects: what the runs above are worth.

LEFT_AT_S = 300.0
LEAVING = story(
    (LineRefused(at_s=LEFT_AT_S, for_s=60),),
    (Event(LEFT_AT_S - 20, "door", "close"), Event(LEFT_AT_S - 0.01, "door", "open")),
)


def test_forgetting_without_a_signed_receipt_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that takes "sent" for "delivered" loses what was under way when the network went."""
    monkeypatch.setattr("hil_tests.inprocess.loop.BLOCKED_MAX_S", 1e-6)  # sent before it goes
    assert balanced(run_virtual(LEAVING, 1))
    send = Uplink._send

    async def send_and_forget(self: Uplink, session: object, stream: Stream, item: Item) -> None:
        await send(self, session, stream, item)  # type: ignore[arg-type]  # only handed on
        lane = self._sender._lanes[stream]
        lane.waiting.pop(item.head.seq, None)
        lane.head = item.head
        await self._shelf.receipted(stream, item.head)

    def believe(self: object, heads: object, generation: bytes) -> dict[Stream, object]:  # noqa: ARG001
        self._generation = generation  # type: ignore[attr-defined]
        return {}

    monkeypatch.setattr(Uplink, "_send", send_and_forget)
    monkeypatch.setattr("cloud_sync.sync.sender.Sender.cursor", believe)
    spoilt = run_virtual(LEAVING, 1)
    assert not balanced(spoilt)
    assert spoilt.balance is not None
    assert spoilt.balance.lost
    assert spoilt.verdict is Verdict.FAILED


def test_forgetting_what_was_heard_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that starts without its repeat guards stores the rest of a burst a second time."""
    killed = story(
        (HubKill(at_s=300, for_s=0.5),), (Event(280, "door", "close"), Event(299.5, "door", "open"))
    )
    assert balanced(run_virtual(killed, 1))

    def nothing(self: Outbox) -> dict[str, Guard]:  # noqa: ARG001 - as the method it stands for
        return {}

    monkeypatch.setattr(Outbox, "guards", nothing)
    spoilt = run_virtual(killed, 1)
    assert spoilt.balance is not None
    assert spoilt.balance.duplicated
    assert spoilt.verdict is Verdict.FAILED


CARD_S = 2.0  # a slow one
OPENED_AND_CLOSED = (Event(39.0, "door", "open"), Event(39.5, "door", "close"))


def test_a_hub_that_is_stopped_while_its_card_writes_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The door was closed as its opening was being written: both are kept, in this order."""

    async def slowly(_: Hub, call: Callable[..., object], *args: object) -> object:
        done = call(*args)
        await asyncio.sleep(CARD_S)
        return done

    monkeypatch.setattr(Hub, "on_disk", slowly)
    result = run_virtual(story((HubRestart(at_s=40, for_s=1),), OPENED_AND_CLOSED), 1)
    assert (result.verdict, result.sentences) == (Verdict.PASSED, [])


# What the hub claims to have heard of.

DEAF = story((RadioDeaf(at_s=300, for_s=400),))


def test_no_listening_is_claimed_while_the_radio_was_deaf() -> None:
    """Six minutes of nothing: the spans end before them, and begin after them."""
    result = run_virtual(DEAF, 1)
    assert result.sentences == []


def test_a_span_that_ends_at_now_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that takes "it scans" for "it hears" claims the silence too."""

    def until_now(self: Coverage, at_ms: int) -> None:
        self._running = (self._running[0] if self._running else at_ms, at_ms)
        self.last_frame_ms = at_ms

    monkeypatch.setattr(Coverage, "frame", until_now)
    assert any("claims to have listened" in sentence for sentence in run_virtual(DEAF, 1).sentences)


# What goes wrong in the rig itself.


def test_a_sensor_that_breaks_in_the_rig_makes_the_run_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop only logs it; what the others said still balances, and that is not what was to be proven."""
    sound = Beacon._transmit_all

    def breaks(self: Beacon, frames: list[Frame]) -> None:
        if self._sensor.plan.name == "door":
            raise RuntimeError("out of paint")
        sound(self, frames)

    monkeypatch.setattr(Beacon, "_transmit_all", breaks)
    result = run_virtual(story(), 1)
    assert balanced(result)
    assert result.verdict is Verdict.INVALID
    assert result.sentences[0] == "The rig failed: RuntimeError in a callback: out of paint"
