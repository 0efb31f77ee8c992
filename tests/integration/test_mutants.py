"""A rig that passes a broken hub proves nothing: each planted bug is caught by the scenario that it names."""

from __future__ import annotations

import asyncio

import pytest

from hil_tests import mutants
from hil_tests.cli import SCENARIOS
from hil_tests.runner import run
from hil_tests.scenario import load_scenario
from hil_tests.verdict import Verdict


@pytest.mark.long
@pytest.mark.parametrize("name", mutants.names())
def test_the_planted_bug_is_caught(name: str) -> None:
    """The same scenario passes on the hub as it is: ``test_scenarios.py``."""
    file = SCENARIOS / f"{mutants.caught_by(name)}.toml"
    result = asyncio.run(run(load_scenario(file), str(file), mutant=name))
    assert result.verdict in {Verdict.FAILED, Verdict.INVALID}, result.figures
    assert any(look.uplink == "online" for look in result.looks), f"It did not even work: {result.sentences}"
