"""Random fault schedules in virtual time; what breaks a promise is cut down to the faults that matter."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from hil_tests.faults import Fault
from hil_tests.faults.hub import HubKill, HubRestart
from hil_tests.faults.line import LinePartition
from hil_tests.faults.radio import RadioCut, RadioLoss
from hil_tests.faults.sensor import SensorDead, SensorGhost, SensorReset
from hil_tests.inprocess import VirtualResult, run_virtual
from hil_tests.scenario import Scenario, load_scenario
from hil_tests.verdict import Verdict

HOME = Path(__file__).with_name("scenarios") / "fuzz.toml"
FAULTS_MAX = 5
RECOVERY_S = 6.0  # until a hub that was started again hears and is online

Schedule = list[Fault]
Run = Callable[[Scenario, int], VirtualResult]


@dataclass(slots=True)
class Campaign:
    """What came of it; ``found`` is the smallest schedule that fails, with its run."""

    played: int = 0
    fired: int = 0
    found: VirtualResult | None = None


class _Broken(Exception):  # noqa: N818 - Hypothesis cuts down what raises it
    """A promise is broken."""


def fuzz(
    schedules: int, number: int, told: Callable[[int], None] = lambda _played: None, run: Run = run_virtual
) -> Campaign:
    """Play so many schedules, drawn by seed ``number``, or until one fails; ``told`` is given the count so far."""
    home, campaign = load_scenario(HOME), Campaign()

    @seed(number)
    @settings(
        max_examples=schedules,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(faults=_schedules(home), chance=st.integers(1, 10_000))
    def play(faults: Schedule, chance: int) -> None:
        result = run(msgspec.structs.replace(home, faults=tuple(faults)), chance)
        campaign.played += 1
        campaign.fired += sum(one.fired for one in result.evidence)
        told(campaign.played)
        if result.verdict is Verdict.FAILED:
            campaign.found = result
            raise _Broken

    with contextlib.suppress(_Broken):
        play()
    return campaign


def as_toml(scenario: Scenario) -> str:
    """The home's file with this schedule and seed: a scenario that shows what was found."""
    text = HOME.read_text("utf-8").replace("seed = 1\n", f"seed = {scenario.seed}\n", 1)
    return "\n".join([text.rstrip(), *(_table(fault) for fault in scenario.faults)]) + "\n"


def _table(fault: Fault) -> str:
    facts = msgspec.to_builtins(fault)
    return "\n".join(["", "[[faults]]", *(f"{name} = {_plain(value)}" for name, value in facts.items())])


def _plain(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _apart(faults: Iterable[Fault]) -> Schedule:
    """Without those that come while another of their kind still works: what they would undo is each other."""
    free_at_s: dict[object, float] = {}
    apart = []
    for fault in sorted(faults, key=lambda one: one.at_s):
        family = _family(fault)
        if fault.at_s >= free_at_s.get(family, 0.0):
            apart.append(fault)
            free_at_s[family] = fault.at_s + fault.for_s + RECOVERY_S
    return apart


def _family(fault: Fault) -> object:
    for family in ((HubKill, HubRestart), (RadioCut, RadioLoss)):
        if isinstance(fault, family):
            return family
    return type(fault), getattr(fault, "on", None)


def _schedules(home: Scenario) -> st.SearchStrategy[Schedule]:
    """A few faults, each within the story."""
    names = [plan.name for plan in home.sensors]
    clear = [plan.name for plan in home.sensors if plan.key is None]
    last_s = home.duration_s
    spells = st.floats(0.5, last_s / 4).map(lambda value: round(value, 1))
    moments = st.floats(0, last_s * 0.7).map(lambda value: round(value, 1))

    def lasting(kind: type[Fault], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Fault]:
        return st.builds(kind, at_s=moments, for_s=spells, **more)

    return st.lists(
        st.one_of(
            lasting(HubKill),
            lasting(HubRestart),
            lasting(LinePartition),
            lasting(RadioCut, on=st.sampled_from(["all", *names])),
            lasting(RadioLoss, part=st.sampled_from([0.3, 0.7, 0.95])),
            lasting(SensorDead, on=st.sampled_from(names)),
            st.builds(SensorReset, at_s=moments, on=st.sampled_from(clear)),
            st.builds(SensorGhost, at_s=moments, on=st.just("hall-motion")),
        ),
        max_size=FAULTS_MAX,
    ).map(_apart)
