"""A home's story in virtual time, told by the site's real watch; and what the scenario's expectations are worth.

``p4_she_does_not_get_up`` itself is among those of ``test_scenarios.py``; here is an hour of the same kind.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import msgspec
import pytest
from click.testing import CliRunner

from cloud_sync.assurance import home
from cloud_sync.assurance.finding import NOTHING_YET
from cloud_sync.assurance.plan import Question
from cloud_sync.assurance.questions import ASK
from hil_tests.cli import cli
from hil_tests.inprocess import VirtualResult, run_virtual
from hil_tests.means import on_tier
from hil_tests.rig.errors import RigError
from hil_tests.scenario import Event, Expect, HubPlan, load_scenario
from hil_tests.tier import Tier
from hil_tests.verdict import Verdict

STORY = """\
title = "An hour in which she does not get up"
seed = 1
time = "virtual"
duration_s = 4500
[home]
name = "margaret"
furnished = "bungalow"
[home.parameters]
up_from = "08:15"
up_by = "08:20"
inactivity_fixed_h = 0.5
[hub]
commit_window_max_s = 15
batch_age_max_s = 60
[[events]]
at = "1 08:11"
sensor = "bedroom-motion"
do = "move"
[[events]]
at = "1 08:12"
sensor = "bathroom-motion"
do = "move"
[[faults]]
do = "hub.kill"
at = "1 08:25"
for_s = 2400
[[expect.moments]]
at = "1 08:24"
states = { up = "watching", moving = "watching" }
incidents = { up = "Expected by 08:20" }
[[expect.moments]]
at = "1 09:00"
of = "1 08:26"
states = { up = "blind", moving = "blind", help = "blind" }
quiet_since = "1 08:25"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The story as a file."""
    file = tmp_path / "story.toml"
    file.write_text(STORY)
    return file


def played(file: Path) -> VirtualResult:
    """The story, played."""
    return run_virtual(load_scenario(file), 1, file=str(file))


def test_the_story_is_as_it_says(file: Path) -> None:
    """She is missed; then the hub loses its power, the ledger says blind, and nothing is said about her."""
    result = played(file)
    assert (result.verdict, result.sentences) == (Verdict.PASSED, [])


def test_a_watch_that_misses_her_is_found(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that never says no leaves no incident."""
    monkeypatch.setitem(cast("dict[Question, object]", ASK), Question.UP, lambda *_: NOTHING_YET)
    assert played(file).sentences == ["At 1 08:24 no incident 'up' stands open."]


def test_a_watch_that_takes_our_outage_for_hers_is_found(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that is asked though it is blind raises what must not be raised."""
    monkeypatch.setattr(home, "CALLS", tuple(Question))
    (sentence,) = played(file).sentences
    assert "an incident about the person was raised, 'moving'" in sentence


def test_the_command_plays_it_in_virtual_time_by_itself(file: Path, tmp_path: Path) -> None:
    """Whatever rig is the default; a person who asks for another is told why not."""
    shell = CliRunner()
    ran = shell.invoke(cli, ["run", str(file), "--into", str(tmp_path / "runs")])
    assert ran.exit_code == 0, ran.output
    assert "1 run: 1 passed" in ran.output
    refused = shell.invoke(cli, ["run", str(file), "--rig", "virtual"])
    assert "it takes days" in str(refused.exception)


def test_the_first_movement_after_a_stillness_is_known_at_once(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an hour of stillness ends within seconds of the site's knowing; what follows later waits for its batch."""
    monkeypatch.setattr("hil_tests.inprocess.loop.BLOCKED_MAX_S", 0)  # by a card that never rests
    scenario = load_scenario(file)
    moves = tuple(
        Event(at_s, sensor, "move")
        for at_s, sensor in ((60, "kitchen-motion"), (2400, "bedroom-motion"), (2460, "bathroom-motion"), (2800, "kitchen-motion"))
    )  # fmt: skip
    hub = HubPlan(commit_window_max_s=15, batch_age_max_s=900)
    quiet = msgspec.structs.replace(
        scenario, duration_s=2900.0, events=moves, faults=(), expect=Expect(), hub=hub
    )
    stored = run_virtual(quiet, 1).stored
    late_s = [
        (row["received_ms"] - row["happened_ms"]) // 1000
        for row in sorted(stored, key=lambda row: row["happened_ms"])
        if (row["kind"], row["value"]) == ("motion", True)
    ]
    assert late_s[:3] == [0, 0, 0]
    assert late_s[3] > 60


def test_a_story_of_days_is_played_in_virtual_time_alone(file: Path) -> None:
    """Over processes it would take days."""
    with pytest.raises(RigError, match="cannot be played on --rig bluez: it takes days"):
        on_tier(load_scenario(file), Tier.BLUEZ)
