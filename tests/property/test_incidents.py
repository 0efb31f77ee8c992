"""Whatever happens in whatever order: who is told of what, and that nothing ends but by its right hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import State, Verdict
from cloud_sync.assurance.finding import Answer, Finding, Severity
from cloud_sync.assurance.incident import (
    BLIND_FAMILY_MS,
    BLIND_TOLD_MS,
    REST_MS,
    About,
    Audience,
    Incident,
    close,
    dropped,
    of_blindness,
    rests,
    take,
)
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.plan import Question
from cloud_sync.assurance.response import CLOCK_NOISE_MAX_MS, Act, refusal
from cloud_sync.assurance.watching import Stretch
from tests.helpers.watched_home import WatchedHome, at

START = at("2026-03-10 12:00")
minutes = st.integers(0, 12 * 60)


@given(st.lists(st.tuples(st.integers(1, 90), st.booleans(), st.booleans()), max_size=20))
def test_blindness_is_carried_on_until_somebody_has_it_in_hand(
    steps: list[tuple[int, bool, bool]],
) -> None:
    """To operations after 30 minutes, to the family after 4 h or at once where it is grave; in hand it goes no further."""
    blind = Stretch(Question.MOVING, State.BLIND, Cause.HUB_SILENT, START, START)
    incident: Incident | None = None
    now_ms = START
    for after_min, grave, taken in steps:
        now_ms += after_min * MINUTE_MS
        before = incident
        incident = of_blindness(before, blind, now_ms, grave=grave)
        lasted_ms = now_ms - START
        in_hand = before is not None and bool(before.in_hand)
        family = grave or lasted_ms >= BLIND_FAMILY_MS
        assert (incident is None) == (before is None and lasted_ms < BLIND_TOLD_MS and not grave)
        if incident is None:
            continue
        told = before.audience if before else Audience.OPERATIONS
        assert incident.audience == (Audience.FAMILY if family and not in_hand else told)
        assert START == incident.happened_ms < incident.raised_ms <= incident.updated_ms <= now_ms
        if taken:
            incident = take(incident, "staff:council/ewan", now_ms)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("press"), st.integers(0, 30)),
            st.tuples(st.just("look"), st.integers(1, 300)),
            st.tuples(st.just("lose"), st.just(0)),
            st.tuples(st.just("find"), st.just(0)),
            st.tuples(st.just("take"), st.just(0)),
            st.tuples(st.just("close"), st.just(0)),
        ),
        max_size=25,
    )
)
def test_a_press_is_open_from_the_next_look_until_a_person_closes_it(steps: list[tuple[str, int]]) -> None:
    """However blind we are meanwhile; and whatever is pressed after that is another one."""
    home = WatchedHome()
    home.now_ms, pressed, answered = START, False, 0
    home.watch.look(home.now_ms, home.verdicts, [])
    for what, number in steps:
        if what == "press":
            home.say(home.now_ms - number * MINUTE_MS, "pendant", "button")
        elif what == "look":
            home.now_ms += number * MINUTE_MS
            pressed |= bool(home.waiting)
            home.watch.look(home.now_ms, home.verdicts, home.waiting)
            home.waiting = []
        elif what == "lose":
            home.verdicts = dict.fromkeys(home.verdicts, Verdict(State.BLIND, Cause.HUB_SILENT, home.now_ms))
        elif what == "find":
            home.find()
        elif "help" in home.watch.incidents:
            home.respond("help", Act.TAKE if what == "take" else Act.CLOSE, "rang her")
            pressed, answered = (pressed, answered) if what == "take" else (False, answered + 1)
        assert ("help" in home.watch.incidents) == pressed


@given(minutes, minutes, st.sampled_from(Severity), st.sampled_from(Severity), st.integers(0, 10 * 60))
def test_what_a_person_closed_is_told_again_only_if_it_is_new(
    began_min: int, closed_min: int, before: Severity, now: Severity, later_min: int
) -> None:
    """It began anew, presses more, or has gone on for four hours since."""
    closed_ms = START + closed_min * MINUTE_MS
    closed = close(_incident("moving", before), "she reads", closed_ms, "staff:council/ewan")
    found = Finding(Answer.NO, START + began_min * MINUTE_MS, "", now)

    new = began_min > closed_min or now > before or later_min * MINUTE_MS >= REST_MS
    assert rests(closed, found, closed_ms + later_min * MINUTE_MS) is not new


@given(st.sets(st.sampled_from(Question)), st.sets(st.sampled_from(Question)))
def test_what_is_no_longer_asked_is_closed_with_that_reason(
    asked: set[Question], open_: set[Question]
) -> None:
    """Our own blindness is not a question, and stays."""
    blind = Incident("blind", About.US, 0, 0, 0, "", Severity.RAISE, Audience.FAMILY)
    incidents = [*(_incident(question.value, Severity.RAISE) for question in open_), blind]

    over = dropped(incidents, {question.value for question in asked}, START)

    assert {one.subject for one in over} == {question.value for question in open_ - asked}
    assert {(one.closed_ms, one.outcome) for one in over} <= {
        (START, "This is no longer asked of this home.")
    }


@given(
    st.sampled_from(Act), st.sampled_from(About), st.text(max_size=3), st.integers(-5, 5), st.integers(-5, 5)
)
def test_what_people_may_do_about_an_incident(
    act: Act, about: About, said: str, happened_min: int, now_min: int
) -> None:
    """A close needs a word and is never of our blindness; nothing is done before it began, or in the future."""
    incident = Incident("help", about, START, START, START, "", Severity.RAISE, Audience.FAMILY)
    happened_ms, now_ms = START + happened_min * MINUTE_MS, START + now_min * MINUTE_MS

    refused = refusal(incident, act, said, happened_ms, now_ms)

    wordless = act is Act.CLOSE and not said.strip()
    blind = act is Act.CLOSE and about is About.US
    untimely = happened_ms > now_ms or happened_ms < START - CLOCK_NOISE_MAX_MS
    assert (refused is not None) == (wordless or blind or untimely)
    assert refusal(None, act, said, happened_ms, now_ms) is not None


def _incident(subject: str, severity: Severity) -> Incident:
    return Incident(subject, About.PERSON, START, START, START, "", severity, Audience.FAMILY)
