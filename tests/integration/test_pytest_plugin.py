"""The rig as another project's tests meet it: ``--rig``, and what is said when this machine lacks something."""

from __future__ import annotations

import pytest

from hil_tests.cli import SCENARIOS
from hil_tests.rig.vm.initrd import KERNEL_PLACE

pytest_plugins = ["pytester"]

PLAYS = f"""
from pathlib import Path
from hil_tests.verdict import Verdict

def test_a_ghost(play):
    result = play(Path({str(SCENARIOS / "p4_ghost_pulse.toml")!r}))
    assert result.verdict is Verdict.PASSED, result.sentences
    assert result.tier.value == "inprocess"
"""
ASKS = """
import pytest

def test_anywhere(rig):
    assert rig.value

@pytest.mark.rigs("bluez")
def test_bluez_only(rig):
    pass

def test_an_agent(target):
    pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Another project, as its conftest is written."""
    pytester.makeconftest('pytest_plugins = ["hil_tests.pytest_plugin"]')
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv(KERNEL_PLACE, str(pytester.path / "nowhere"))
    return pytester


def test_a_scenario_is_played_on_the_rig_that_was_asked_for(project: pytest.Pytester) -> None:
    """In process: a story in no time."""
    project.makepyfile(PLAYS)
    told = project.runpytest_subprocess("--rig", "inprocess")
    told.assert_outcomes(passed=1)


def test_a_scenario_that_the_rig_cannot_play_is_an_error_in_words(project: pytest.Pytester) -> None:
    """It never counts as played."""
    project.makepyfile(PLAYS.replace("p4_ghost_pulse", "p4_dongle_pulled"))
    told = project.runpytest_subprocess("--rig", "bluez")
    told.assert_outcomes(failed=1)
    told.stdout.fnmatch_lines(["*radio.unplug needs a hub whose `hub.radio` is hci.*"])


def test_what_makes_no_sense_on_a_rig_is_left_out_there(project: pytest.Pytester) -> None:
    """With the reason: by its own mark, or since an agent is a process."""
    project.makepyfile(ASKS)
    told = project.runpytest_subprocess("--rig", "inprocess", "-ra")
    told.assert_outcomes(passed=1, skipped=2)
    told.stdout.fnmatch_lines_random(
        ["*makes sense on --rig bluez only*", "*an agent is a process of its own*"]
    )


@pytest.mark.parametrize("ci", ["", "true"])
def test_what_a_machine_lacks_is_listed_and_fails_in_ci(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    """Never passed over in silence."""
    monkeypatch.setenv("CI", ci)
    project.makepyfile(ASKS.replace('@pytest.mark.rigs("bluez")', ""))
    told = project.runpytest_subprocess("--rig", "vm")
    told.assert_outcomes(failed=0, errors=3) if ci else told.assert_outcomes(skipped=3)
    told.stdout.fnmatch_lines(["not run: *::test_anywhere,*; --rig vm lacks *a kernel with hci_vhci*"])
