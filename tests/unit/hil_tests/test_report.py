"""What is shown of runs: facts that survive a file, JUnit that parses, a page that stands alone."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil_tests import report
from hil_tests.evidence import Evidence
from hil_tests.proving import good, in_words
from hil_tests.rig.capture import Captured
from hil_tests.rig.errors import RigError
from hil_tests.runner import Look, Result
from hil_tests.scenario import Home, Scenario
from hil_tests.verdict import Verdict

BEGAN = 1_000.0
SECONDS = 20.0
KILLED = Evidence("hub.kill", BEGAN + 5, BEGAN + 8, fired=True, sentence="process 7 ended with -9")
MISSED = replace(KILLED, fired=False, sentence="process 7 ended with 0")
FIGURES = {"delivered": 2, "stored": 1, "lost": 1, "in_window": 0, "duplicated": 0}
STORED = {
    "sensor": "front-door",
    "kind": "door",
    "value": True,
    "happened_ms": 1_005_000,
    "received_ms": 1_005_250,
    "flags": ["counter-reset"],
}
MISSING = {"sensor": "kitchen-door", "kind": "door", "value": 1, "delivered_at": BEGAN + 9, "urgent": True}
MADE = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def _result(verdict: Verdict = Verdict.PASSED, title: str = "A door opens", **more: Any) -> Result:
    """A run in which everything that can be shown happened."""
    scenario = Scenario(title=title, seed=7, duration_s=12, home=Home(name="a"), promise="P1")
    facts: dict[str, Any] = {
        "evidence": [KILLED],
        "looks": [Look(BEGAN + 1, "online", (), 0, 3), Look(BEGAN + 6, "down", (), 0, 0)],
        "began": BEGAN,
        "ended": BEGAN + SECONDS,
        "figures": FIGURES,
        "stored": [STORED],
        "missing": [MISSING],
        "blind": [{"start": BEGAN + 5, "end": BEGAN + 8, "what": "hub down"}],
    }
    return Result(scenario, "scenarios/p1_door.toml", 7, verdict, **{**facts, **more})


def _facts(verdict: Verdict = Verdict.PASSED, title: str = "A door opens", **more: Any) -> dict[str, Any]:
    return report.facts(_result(verdict, title, **more))


def _one_of_each() -> list[dict[str, Any]]:
    return [_facts(verdict, verdict.name, sentences=["It was so."]) for verdict in Verdict]


def _parsed(junit: str) -> ET.Element:
    return ET.fromstring(junit)  # noqa: S314 - our own words, just written


# Facts.


def test_facts_survive_json() -> None:
    """What was written is what is read."""
    facts = _facts(Verdict.FAILED, sentences=["Lost: a reading."])
    assert json.loads(json.dumps(facts)) == facts


def test_facts_count_time_from_the_beginning() -> None:
    """Whoever reads them need not know what time it was."""
    facts = _facts()
    assert facts["seconds"] == SECONDS
    assert (facts["faults"][0]["at_s"], facts["faults"][0]["until_s"]) == (5.0, 8.0)
    assert [look["at_s"] for look in facts["believed"]] == [1.0, 6.0]
    assert facts["blind"] == [{"from_s": 5.0, "to_s": 8.0, "why": "hub down"}]
    assert (facts["stored"][0]["at_s"], facts["stored"][0]["known_s"]) == (5.0, 5.25)
    assert facts["missing"] == [{"at_s": 9.0, "sensor": "kitchen-door", "kind": "door", "value": 1}]


def test_facts_say_how_to_run_it_again() -> None:
    """With the seed that it ran with."""
    assert _facts()["replay"] == "lum-hil run scenarios/p1_door.toml --seed 7"


def test_facts_name_the_capture() -> None:
    """None where the tier has no HCI."""
    assert _facts()["capture"] is None
    captured = {"file": "p1_door-7.btsnoop", "packets": 1200, "left_out": 3}
    assert _facts(capture=Captured("p1_door-7.btsnoop", 1200, 3))["capture"] == captured


def test_the_summary_counts_verdicts_and_faults() -> None:
    """Only faults that fired are counted; runs go beside each other, and some in virtual time."""
    results = [_result(verdict) for verdict in Verdict]
    results.append(_result(Verdict.INVALID, evidence=[KILLED, MISSED]))
    assert report.summary(results, 17.04) == {
        "run": 5,
        "passed": 1,
        "failed": 1,
        "invalid": 2,
        "expected_failures": 1,
        "faults_fired": 5,
        "seconds": 17.0,
    }


# In a terminal.


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_run_that_is_not_good_says_how_to_see_it_again(verdict: Verdict) -> None:
    """A known failure is good: it is as it is known to be."""
    result = _result(verdict, sentences=["It was so."])
    assert good(result) == (verdict in {Verdict.PASSED, Verdict.EXPECTED})
    assert ("lum-hil run scenarios/p1_door.toml --seed 7" in in_words(result)) != good(result)


def test_a_run_in_words_is_golden() -> None:
    """The verdict, each difference, the line that runs it again."""
    result = _result(Verdict.FAILED, sentences=["The site holds 1 forks."])
    assert in_words(result).splitlines() == [
        "FAILED   20.0 s  A door opens",
        "         The site holds 1 forks.",
        "         again: lum-hil run scenarios/p1_door.toml --seed 7",
    ]


# JUnit.


def test_junit_counts_each_kind_of_outcome() -> None:
    """An invalid run is an error, a known failure a skip."""
    suite = _parsed(report.junit([*_one_of_each(), _facts()]))
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "5", "failures": "1", "errors": "1", "skipped": "1"}
    tags = {case.get("name"): [child.tag for child in case] for case in suite}
    assert tags == {
        "PASSED": [],
        "FAILED": ["failure"],
        "INVALID": ["error"],
        "EXPECTED": ["skipped"],
        "A door opens": [],
    }


def test_junit_says_what_was_wrong_and_how_to_run_it_again() -> None:
    """The first difference as the message, all of them and the replay as the text."""
    run = _facts(Verdict.FAILED, sentences=["The site holds 1 forks.", "The hub is offline at the end."])
    failure = _parsed(report.junit([run])).find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "The site holds 1 forks."
    assert failure.text == "\n".join([*run["sentences"], run["replay"]])


def test_junit_of_a_failure_without_a_sentence_parses() -> None:
    """A rig that broke off may leave none."""
    assert _parsed(report.junit([_facts(Verdict.INVALID)])).get("errors") == "1"


@settings(deadline=None)  # the machine may be busy
@given(st.text(), st.text())
def test_junit_is_well_formed_whatever_a_log_says(title: str, sentence: str) -> None:
    """The last words of a process may hold colours, zeros and markup."""
    text = report.junit([_facts(Verdict.FAILED, title, sentences=[sentence, "\x1b[31mred\x00 ]]> <&"])])
    assert _parsed(text).get("failures") == "1"


# The page.


def test_a_page_has_a_section_for_each_run() -> None:
    """And no other."""
    page = report.page(_one_of_each(), MADE)
    assert page.count("<section") == page.count("</section>") == len(Verdict)
    assert all(f">{verdict.name}<" in page for verdict in Verdict)
    assert "26 November 2026, 12:00 UTC" in page


def test_a_page_names_the_capture_and_what_it_left_out() -> None:
    """Only a full one left something out."""
    whole, full = (report.page([_facts(capture=Captured("a-7.btsnoop", 1200, n))]) for n in (0, 3))
    assert "a-7.btsnoop" in whole
    assert "1,200 packets" in whole
    assert "3 more came" in full
    assert "more came" not in whole
    assert "btsnoop" not in report.page([_facts()])


def test_a_page_of_no_runs_is_a_page() -> None:
    """Nothing is proven, and nothing breaks."""
    assert "<section" not in report.page([])


def test_a_run_that_never_came_to_its_story_is_shown() -> None:
    """The rig failed while it brought the chain up: there is nothing but the sentence."""
    scenario = Scenario(title="A door opens", seed=7, duration_s=12, home=Home(name="a"))
    broken = Result(scenario, "p1_door.toml", 7, sentences=["The rig failed: the site ended at once."])
    assert "the site ended at once" in report.page([report.facts(broken)])


def test_a_page_stands_alone() -> None:
    """It can be mailed: no address, no picture, no script, no style from elsewhere."""
    page = report.page(_one_of_each())
    assert not re.search(r"https?://|\bsrc=|<link|<script|@import|url\(", page)


HOSTILE = "<script>alert('x')</script>\" onload=\"x"


@pytest.mark.parametrize(
    "run",
    [
        _facts(title=HOSTILE),
        _facts(Verdict.FAILED, sentences=[HOSTILE]),
        _facts(Verdict.FAILED, sentences=[HOSTILE] * 20),
        _facts(evidence=[replace(KILLED, sentence=HOSTILE)]),
        _facts(looks=[Look(BEGAN, "online", (HOSTILE,), 0, 0)]),
        _facts(stored=[STORED | {"sensor": HOSTILE, "kind": HOSTILE, "flags": [HOSTILE]}]),
        _facts(missing=[MISSING | {"sensor": HOSTILE, "value": HOSTILE}]),
        _facts(blind=[{"start": BEGAN, "end": BEGAN + 1, "what": HOSTILE}]),
    ],
    ids=["title", "sentence", "sentences", "evidence", "alarm", "stored", "missing", "blind"],
)
def test_a_page_shows_markup_as_text(run: dict[str, Any]) -> None:
    """Sensors, logs and scenarios are written by others."""
    page = report.page([run])
    assert "<script" not in page
    assert '" onload=' not in page
    assert "&lt;script&gt;" in page


def test_a_fault_that_did_not_fire_looks_different() -> None:
    """Both in the strip and in words."""
    fired, missed = (report.page([_facts(evidence=[one])]) for one in (KILLED, MISSED))
    assert ('class="bar unfired"' in fired, 'class="bar unfired"' in missed) == (False, True)
    assert ("did not fire" in fired, "did not fire" in missed) == (False, True)


def test_what_is_not_believed_looks_different() -> None:
    """A stored reading that says it is doubted has another dot than one that is believed."""
    believed = _facts(stored=[STORED | {"flags": []}])
    assert 'class="dot doubted"' in report.page([_facts()])
    assert 'class="dot doubted"' not in report.page([believed])


def test_what_is_lost_has_a_row_and_a_dot_of_its_own() -> None:
    """Also of a sensor of which nothing at all is stored."""
    page = report.page([_facts()])
    assert ">kitchen-door<" in page
    assert 'class="dot lost"' in page
    assert 'class="dot lost"' not in report.page([_facts(missing=[])])


_MOMENT = st.floats(-5, 200)


@settings(max_examples=40, deadline=None)
@given(
    seconds=st.floats(0, 100),
    spans=st.lists(st.tuples(_MOMENT, _MOMENT), max_size=3),
    looks=st.lists(_MOMENT, max_size=4).map(sorted),
)
def test_every_strip_can_be_seen_and_none_is_wider_than_the_chart(
    seconds: float, spans: list[tuple[float, float]], looks: list[float]
) -> None:
    """Also of what is over at once, begins before the run or outlasts it."""
    run = _facts(
        ended=BEGAN + seconds,
        evidence=[replace(KILLED, at=BEGAN + at, until=BEGAN + until) for at, until in spans],
        blind=[{"start": BEGAN + at, "end": BEGAN + until, "what": "hub down"} for at, until in spans],
        looks=[Look(BEGAN + at, "online", (), 0, 0) for at in looks],
    )
    widths = [float(width) for width in re.findall(r'%;width:([^%"]+)%"', report.page([run]))]
    assert len(widths) == 2 * len(spans) + len(looks)
    assert all(0 < width <= 100 for width in widths)


# What is kept.


def _keep(folder: Path, *kept: tuple[Verdict, str]) -> None:
    for verdict, title in kept:
        result = _result(verdict, title)
        result.file = f"scenarios/{title}.toml"
        report.save(result, folder)


def test_what_did_not_pass_comes_first(tmp_path: Path) -> None:
    """Nobody has to look for it; else they are in order of their titles."""
    _keep(
        tmp_path / "runs",
        (Verdict.PASSED, "a"),
        (Verdict.FAILED, "d"),
        (Verdict.INVALID, "c"),
        (Verdict.EXPECTED, "e"),
        (Verdict.PASSED, "b"),
    )
    assert [run["title"] for run in report.load(tmp_path / "runs")] == ["c", "d", "e", "a", "b"]


def test_a_kept_run_is_the_run(tmp_path: Path) -> None:
    """Letters of other languages included."""
    report.save(_result(title="Die Tür öffnet sich"), tmp_path)
    assert report.load(tmp_path) == [_facts(title="Die Tür öffnet sich")]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 0}', "{}"])
def test_a_file_that_is_no_run_is_named(tmp_path: Path, text: str) -> None:
    """With what to do about it."""
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(RigError, match=r"odd\.json") as refusal:
        report.load(tmp_path)
    assert refusal.value.hint
