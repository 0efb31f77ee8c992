"""Random fault schedules, in virtual time or over processes; what breaks a promise is cut down to the faults that matter."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st

from hil_tests.faults import Fault
from hil_tests.faults.hub import HubFreeze, HubKill, HubRestart
from hil_tests.faults.line import LineHalfOpen, LinePartition, LineRefused, LineSlow
from hil_tests.faults.radio import RadioCut, RadioLoss, RadioUnplug
from hil_tests.faults.sensor import SensorDead, SensorGhost, SensorReset
from hil_tests.faults.site import SiteFreeze, SiteKill
from hil_tests.inprocess import run_virtual
from hil_tests.inprocess.hub import STOP_GRACE_S
from hil_tests.runner import Result
from hil_tests.runner import run as run_processes
from hil_tests.scenario import Scenario, load_scenario
from hil_tests.verdict import Verdict

HOME = Path(__file__).with_name("scenarios") / "fuzz.toml"
FAULTS_MAX = 5
RECOVERY_S = 6.0  # until a hub that was started again hears and is online
SHOWS_S = 6.5  # in so long every sensor of the home speaks, and the hub sends: something meets the fault
COUNTED_S = 14.0  # by then every sensor has spoken twice
FROZEN_MAX_S = 3.0  # a hub stamps what it heard meanwhile when it goes on: ledger.py, LATE_MAX_S
FAMILIES: tuple[tuple[type[Fault], ...], ...] = (  # what works on the same thing: one at a time
    (HubKill, HubRestart, HubFreeze),
    (RadioCut, RadioLoss, RadioUnplug),
    (LinePartition, LineRefused, LineHalfOpen, LineSlow),
    (SiteKill, SiteFreeze),
)

Schedule = list[Fault]
Drawn = st.SearchStrategy[Fault]
Run = Callable[[Scenario, int], Result]


@dataclass(frozen=True, slots=True)
class Tier:
    """How a schedule is played, and which faults are drawn for it."""

    run: Run
    faults: Callable[[Scenario], list[Drawn]]


@dataclass(slots=True)
class Campaign:
    """What came of it; ``found`` is the smallest schedule that fails, with its run.

    Those that are ``invalid`` prove nothing and are not among the ``played``: one fault kept another from
    firing, and others are drawn in their place.
    """

    played: int = 0
    invalid: int = 0
    fired: int = 0
    found: Result | None = None


class _Broken(Exception):  # noqa: N818 - Hypothesis cuts down what raises it
    """A promise is broken."""


def played_for_real(scenario: Scenario, number: int) -> Result:
    """Over processes: the unmodified hub, its radio an HCI socket, and a whole site; a minute and more."""
    return asyncio.run(run_processes(msgspec.structs.replace(scenario, seed=number), str(HOME)))


def fuzz(
    schedules: int,
    number: int,
    told: Callable[[int], None] = lambda _played: None,
    *,
    tier: Tier | None = None,
) -> Campaign:
    """Play so many schedules, drawn by seed ``number``, or until one fails; ``told`` is given the count so far.

    Without a ``tier`` they are played in virtual time. Fewer are played only if nearly all drawn were invalid.
    """
    home, campaign, tier = load_scenario(HOME), Campaign(), tier or VIRTUAL

    @seed(number)
    @settings(
        max_examples=schedules,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        faults=st.lists(st.one_of(tier.faults(home)), max_size=FAULTS_MAX).map(_apart),
        chance=st.integers(1, 10_000),
    )
    def play(faults: Schedule, chance: int) -> None:
        result = tier.run(msgspec.structs.replace(home, faults=tuple(faults)), chance)
        proves_nothing = result.verdict is Verdict.INVALID
        campaign.invalid += proves_nothing
        assume(not proves_nothing)
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
            stopping_s = STOP_GRACE_S if isinstance(fault, HubRestart) else 0.0
            free_at_s[family] = fault.at_s + stopping_s + fault.for_s + RECOVERY_S
    return apart


def _family(fault: Fault) -> object:
    for family in FAMILIES:
        if isinstance(fault, family):
            return family
    return type(fault), getattr(fault, "on", None)


def _between(least: float, most: float) -> st.SearchStrategy[float]:
    """Seconds, to a tenth."""
    return st.floats(least, most).map(lambda value: round(value, 1))


def _spells(home: Scenario) -> st.SearchStrategy[float]:
    """How long something lasts that shows at once."""
    return _between(0.5, home.duration_s / 4)


def _long_spells(home: Scenario) -> st.SearchStrategy[float]:
    """How long something lasts that shows only once somebody speaks."""
    return _between(SHOWS_S, home.duration_s / 4)


def _moments(home: Scenario, earliest_s: float = 0.0) -> st.SearchStrategy[float]:
    return _between(earliest_s, home.duration_s * 0.7)


def _in_any_tier(home: Scenario) -> list[Drawn]:
    """What can be played in virtual time, too."""
    names = [plan.name for plan in home.sensors]
    clear = [plan.name for plan in home.sensors if plan.key is None]
    moments, long = _moments(home), _long_spells(home)

    def lasting(kind: type[Fault], spells: st.SearchStrategy[float], **more: st.SearchStrategy[Any]) -> Drawn:
        return st.builds(kind, at_s=moments, for_s=spells, **more)

    return [
        lasting(HubKill, _spells(home)),
        lasting(HubRestart, _spells(home)),
        lasting(LinePartition, long),
        lasting(RadioCut, long, on=st.sampled_from(["all", *names])),
        lasting(RadioLoss, long, part=st.sampled_from([0.3, 0.7, 0.95])),
        lasting(SensorDead, long, on=st.sampled_from(names)),
        st.builds(SensorReset, at_s=_moments(home, COUNTED_S), on=st.sampled_from(clear)),
        st.builds(SensorGhost, at_s=moments, on=st.just("hall-motion")),
    ]


def _of_processes(home: Scenario) -> list[Drawn]:
    """What needs processes, sockets, or a dongle."""
    moments, spells, long = _moments(home), _spells(home), _long_spells(home)
    served = st.sampled_from(["broker", "intake", "authority"])
    of_line: tuple[type[Fault], ...] = (LineRefused, LineHalfOpen, LineSlow)
    return [
        *(st.builds(kind, at_s=moments, for_s=long) for kind in of_line),
        st.builds(RadioUnplug, at_s=moments, for_s=spells),
        st.builds(HubFreeze, at_s=moments, for_s=_between(0.5, FROZEN_MAX_S)),
        st.builds(SiteKill, at_s=moments, on=served),
        st.builds(SiteFreeze, at_s=moments, for_s=spells, on=served),
    ]


VIRTUAL = Tier(run_virtual, _in_any_tier)
REAL = Tier(played_for_real, lambda home: [*_in_any_tier(home), *_of_processes(home)])
