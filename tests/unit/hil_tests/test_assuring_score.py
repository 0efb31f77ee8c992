"""How what was told is held against what was."""

from __future__ import annotations

import pytest

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.finding import Severity
from cloud_sync.assurance.incident import About, Audience, Incident
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.plan import Parameters, Question
from cloud_sync.assurance.watching import Stretch
from hil_tests.assuring import score
from hil_tests.assuring.outages import Fault, Outage
from hil_tests.assuring.play import Told
from hil_tests.assuring.played_hub import PlayedHub
from hil_tests.assuring.recording import Liveness
from hil_tests.assuring.score import Score
from hil_tests.assuring.truth import LABELS, LABELS_KNOWN, truth_of

START_MS = 1_772_409_600_000
SPAN = (START_MS, START_MS + 3 * 1440 * MINUTE_MS)


def minute(number: float) -> int:
    """So many minutes after the start."""
    return START_MS + int(number * MINUTE_MS)


def told(*raised: tuple[str, float]) -> Told:
    """Incidents about her, raised at these minutes."""
    return Told(
        incidents=[
            Incident(
                subject, About.PERSON, minute(at), minute(at), minute(at), "", Severity.RAISE, Audience.FAMILY
            )
            for subject, at in raised
        ]
    )


@pytest.mark.parametrize(("question", "label"), [("wandering", "wandering"), ("door", "left")])
def test_nights_are_noticed_missed_or_told_of_falsely(question: str, label: str) -> None:
    """Told within it or shortly after is noticed; told of a night without it is false."""
    spans = [(minute(60), minute(90), label), (minute(300), minute(310), label)]
    counted = Score()
    incidents = told((question, 80), (question, 104), (question, 200))
    score.add(counted, incidents, truth_of(spans, LABELS_KNOWN), (), SPAN, Parameters())
    found = score.result(counted)["nights"][question]
    assert (found["noticed"], found["of"], found["mean_min"]) == (1, 2, 20.0)
    assert found["false"] == 1
    assert [one["false"] for one in score.result(counted)["incidents"]] == [False, False, True]


def test_a_truth_that_does_not_tell_of_nights_calls_nothing_false() -> None:
    """A recording's truth has four labels; what it is silent of nobody can judge."""
    counted = Score()
    score.add(counted, told(("wandering", 80)), truth_of([], LABELS), (), SPAN, Parameters())
    found = score.result(counted)
    assert found["nights"] == {}
    assert found["incidents"][0]["false"] is None


def test_what_was_over_before_anybody_could_know_is_counted_apart() -> None:
    """Two minutes without a hub are blind and not told; of twenty all are."""
    outages = [Outage(Fault.HUB, minute(10), minute(12)), Outage(Fault.LINE, minute(100), minute(120))]
    stretch = Stretch(
        Question.UP, State.BLIND, Cause.HUB_SILENT, minute(99.5), minute(103), until_ms=minute(121)
    )
    counted = Score()
    score.add(counted, Told(stretches=[stretch]), None, outages, SPAN, Parameters())
    blind = score.result(counted)["blind_minutes"]
    assert blind == {"true": 22, "reported": 20, "too_short": 2, "wrongly_reported": 1}


def test_a_hub_that_is_back_beats_at_once() -> None:
    """And each minute from then on; while it is away its last beat is the one before."""
    hub = PlayedHub({"hall": Liveness()}, [Outage(Fault.HUB, minute(10.5), minute(20.25))], START_MS)
    beats = {
        at: next(hub.facts(minute(at), {})).hub.beat_ms  # type: ignore[union-attr]
        for at in (10, 15, 20.3, 21.3)
    }
    assert beats == {10: minute(10), 15: minute(10), 20.3: minute(20.25), 21.3: minute(21.25)}
    assert hub.moments() == [minute(20.25) - 2_000, minute(20.25) + 2_000]
