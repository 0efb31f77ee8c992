"""Random schedules: drawn within the rules, cut down when one fails, kept as a scenario that loads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hil_tests.evidence import Evidence
from hil_tests.faults.hub import HubKill
from hil_tests.fuzz import REAL, VIRTUAL, Run, Tier, as_toml, fuzz
from hil_tests.inprocess import VirtualResult
from hil_tests.scenario import Scenario, load_scenario
from hil_tests.verdict import Verdict

KILLED = Evidence("hub.kill", 1, 2, fired=True, sentence="it was killed")


def _cannot_stand_kills(scenario: Scenario, seed: int) -> VirtualResult:
    """A hub that breaks whenever it is killed."""
    killed = any(isinstance(fault, HubKill) for fault in scenario.faults)
    verdict = Verdict.FAILED if killed else Verdict.PASSED
    return VirtualResult(scenario, "fuzz.toml", seed, verdict, evidence=[KILLED] if killed else [])


def tier(run: Run, like: Tier = VIRTUAL) -> Tier:
    """The same faults, played otherwise."""
    return replace(like, run=run)


def _stands_all(scenario: Scenario, seed: int) -> VirtualResult:
    return VirtualResult(scenario, "fuzz.toml", seed, Verdict.PASSED)


def test_what_fails_is_cut_down_to_the_fault_that_matters() -> None:
    """Of up to five faults one is left."""
    found = fuzz(200, 1, tier=tier(_cannot_stand_kills)).found
    assert found is not None
    assert [type(fault) for fault in found.scenario.faults] == [HubKill]


def test_what_was_found_is_a_scenario(tmp_path: Path) -> None:
    """The very same faults, in a file that loads."""
    found = fuzz(200, 1, tier=tier(_cannot_stand_kills)).found
    assert found is not None
    file = tmp_path / "found.toml"
    file.write_text(as_toml(found.scenario))
    assert load_scenario(file).faults == found.scenario.faults


def test_a_seed_draws_the_same_schedules_again() -> None:
    """And another seed others."""
    drawn: dict[int, list[Scenario]] = {}
    for number in (3, 3, 4):
        played: list[Scenario] = []

        def noted(scenario: Scenario, seed: int, played: list[Scenario] = played) -> VirtualResult:
            played.append(scenario)
            return _stands_all(scenario, seed)

        assert fuzz(30, number, tier=tier(noted)).played == 30
        assert drawn.setdefault(number, played) == played
    assert drawn[3] != drawn[4]


@pytest.mark.parametrize("like", [VIRTUAL, REAL], ids=["virtual", "real"])
def test_every_schedule_could_stand_in_a_file(tmp_path: Path, like: Tier) -> None:
    """What is drawn is within the story, and names what is there."""
    file = tmp_path / "drawn.toml"

    def loaded(scenario: Scenario, seed: int) -> VirtualResult:
        file.write_text(as_toml(scenario))
        assert load_scenario(file).faults == scenario.faults
        return _stands_all(scenario, seed)

    assert fuzz(60, 1, tier=tier(loaded, like)).played == 60
