"""What a scenario asks of the site's word: each thing that differs is one sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.finding import Severity
from cloud_sync.assurance.incident import About, Audience, Incident
from cloud_sync.assurance.plan import Parameters, Question, parameters
from cloud_sync.assurance.watching import Stretch
from hil_tests.at_home import Moment, SiteWord, differences
from hil_tests.home_clock import seconds, spoken
from hil_tests.inprocess.watching import as_toml
from hil_tests.scenario import HOMES, ScenarioError, load_scenario

SPECIFICATION = HOMES.parent.with_name("SCENARIOS.md")
BEGAN_S = 1_000_000.0
TWO, KNOWN = seconds("1 14:02", ""), seconds("1 14:05", "")


def ms(at_s: float) -> int:
    """The story's second on the wall clock."""
    return int((BEGAN_S + at_s) * 1000)


def incident(subject: str, about: About, at_s: float, until_s: float | None = None) -> Incident:
    """One that was raised at a second of the story."""
    closed_ms = None if until_s is None else ms(until_s)
    raised_ms = ms(at_s)
    facts = (raised_ms, raised_ms, raised_ms, "No sure sign.", Severity.RAISE, Audience.FAMILY)
    return Incident(subject, about, *facts, closed_ms=closed_ms)


WORD = SiteWord(
    [
        Stretch(Question.UP, State.WATCHING, Cause.PROVEN, ms(0), ms(0), ms(TWO)),
        Stretch(Question.UP, State.BLIND, Cause.HUB_SILENT, ms(TWO), ms(KNOWN)),
    ],
    [
        incident("up", About.PERSON, 3600, TWO + 7200),
        incident("blind", About.US, TWO + 1800),
    ],
)


def said(moment: Moment, word: SiteWord = WORD) -> list[str]:
    """What differs."""
    return list(differences([moment], word, BEGAN_S))


def test_a_story_that_is_as_it_must_be_gives_no_sentence() -> None:
    """Ledger with both clocks, an incident with its evidence, and silence."""
    assert not said(
        Moment(
            at_s=KNOWN,
            of_s=TWO + 60,
            states={Question.UP: State.BLIND},
            incidents={"up": "No sure sign"},
            quiet_since_s=TWO,
        )
    )
    assert not said(Moment(at_s=KNOWN - 1, states={Question.UP: State.WATCHING}))


@pytest.mark.parametrize(
    ("moment", "sentence"),
    [
        (
            Moment(at_s=KNOWN, of_s=TWO + 60, states={Question.UP: State.WATCHING}),
            "At 1 14:05 the ledger says that 'up' was blind (hub-silent) at 1 14:03, not watching.",
        ),
        (
            Moment(at_s=KNOWN, states={Question.WARM: State.WATCHING}),
            "At 1 14:05 the ledger says that 'warm' was not asked at 1 14:05, not watching.",
        ),
        (Moment(at_s=60, incidents={"up": ""}), "At 1 08:01 no incident 'up' stands open."),
        (Moment(at_s=TWO + 7200, incidents={"up": ""}), "At 1 16:02 no incident 'up' stands open."),
        (
            Moment(at_s=TWO, incidents={"up": "three rooms"}),
            "The evidence of the incident 'up' is 'No sure sign.', without 'three rooms'.",
        ),
        (
            Moment(at_s=TWO, quiet_since_s=0),
            "At 1 09:00 an incident about the person was raised, 'up': No sure sign.",
        ),
    ],
)
def test_what_differs_is_told(moment: Moment, sentence: str) -> None:
    """One sentence each."""
    assert said(moment) == [sentence]


def test_our_own_blindness_is_no_noise_about_her() -> None:
    """An incident of ours may be raised in a silence about her."""
    assert not said(Moment(at_s=TWO + 3600, quiet_since_s=TWO))


def test_times_on_the_clock_are_seconds_of_the_story() -> None:
    """It begins at eight."""
    assert [seconds(one, "") for one in ("1 08:00", "1 08:00:30", "2 07:30")] == [0, 30, 84_600]
    assert spoken(84_600) == "2 07:30"


STORY = """\
title = "A day"
promise = "P4"
seed = 1
duration_s = 172_800
time = "virtual"
[home]
name = "home-a"
furnished = "bungalow"
[[events]]
at = ["1 09:00", "1 10:00"]
days = 2
sensor = "front-door"
do = "open"
[[faults]]
do = "hub.kill"
at = "2 07:30"
for_s = 60
[[expect.moments]]
at = "2 07:40"
of = "2 07:35"
states = { up = "blind" }
"""


def test_an_event_may_happen_often(tmp_path: Path) -> None:
    """At each of its times, on each of its days; nothing else of a story knows the clock."""
    file = tmp_path / "story.toml"
    file.write_text(STORY)
    scenario = load_scenario(file)
    assert [event.at_s for event in scenario.events] == [3600, 90_000, 7200, 93_600]
    assert scenario.faults[0].at_s == 84_600
    assert (scenario.expect.moments[0].at_s, scenario.expect.moments[0].of_s) == (85_200, 84_900)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            'at = "2 07:30"',
            'at = "7:30"',
            "line 16: '7:30' is no time of the story; write day and time, such as '2 07:30' (it begins at '1 08:00')",
        ),
        ('at = "2 07:30"', 'at = "1 07:59"', "line 16: '1 07:59' is no time of the story"),
        ('at = "2 07:30"', 'at = "2 07:30"\nat_s = 5', "line 16: Object contains unknown field `at`"),
        ('time = "virtual"\n', "", "a home is watched in virtual time only"),
        ('of = "2 07:35"', 'of = "2 07:45"', "line 18: nobody knows at 85200 s what comes later"),
        ('at = "2 07:40"', 'at = "9 07:40"', "line 18: 690000 s is after the end, 172800 s"),
        (
            'states = { up = "blind" }',
            'incidents = { u = "" }',
            "line 21: 'u' is no incident; there are: blind",
        ),
        ('states = { up = "blind" }', "", "nothing is asked at this moment"),
        ('states = { up = "blind" }', 'states = { u = "blind" }', "Invalid enum value 'u'"),
        ("days = 2", "days = 3", "line 9: 176400 s is after the end, 172800 s"),
        ('name = "home-a"', 'name = "home-a"\nparameters = { x = 1 }', "Object contains unknown field `x`"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    """As for any key."""
    file = tmp_path / "story.toml"
    assert STORY.count(old) == 1
    file.write_text(STORY.replace(old, new))
    with pytest.raises(ScenarioError, match=re.escape(complaint)):
        load_scenario(file)


def test_every_key_of_a_moment_is_specified() -> None:
    """And no key that there is not."""
    _, _, rest = SPECIFICATION.read_text().partition("\n### `[[expect.moments]]`\n")
    rows = re.findall(r"^\| `(\w+)`", rest.split("\n##")[0], re.MULTILINE)
    assert set(rows) == set(Moment.__struct_fields__)


def test_parameters_are_written_as_they_are_read() -> None:
    """Whatever they say."""
    said = Parameters(zone="UTC", learn_days=3, inactivity_fixed_h=12, questions=(Question.UP, Question.WARM))
    assert parameters(as_toml(said), where="here") == said
    assert parameters(as_toml(Parameters()), where="here") == Parameters()
