"""Two streams of readings: when they are the same, and what is said of each difference."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.compare import TOLERANCE_S, Streams, Told, compare, in_words, streams
from hil_tests.runner import Result
from hil_tests.scenario import Home, Scenario

OPEN = Told("door", True, 3.0)
SHUT = Told("door", False, 6.0)
AGAIN = Told("door", True, 9.0)
DOOR: Streams = {("front-door", "door"): [OPEN, SHUT, AGAIN]}

tellings = st.builds(
    Told, st.sampled_from(["door", "motion"]), st.booleans(), st.floats(0, 60, allow_nan=False)
)
doors = st.lists(tellings, max_size=12).map(lambda told: sorted(told, key=lambda one: (one.at_s, one.kind)))


def differences(*told: Told) -> tuple[str, ...]:
    """What is said of a door that told this on bluez, and opened, shut, opened on virtual."""
    return compare(("virtual", DOOR), ("bluez", {("front-door", "door"): told})).differences


@pytest.mark.parametrize(
    ("told", "sentences"),
    [
        ((OPEN, SHUT, AGAIN), ()),
        ((OPEN, replace(SHUT, at_s=6 + TOLERANCE_S), AGAIN), ()),
        (
            (OPEN, AGAIN),
            ("bluez lacks door = False of front-door, which virtual has at 6.0 s.",),
        ),
        (
            (SHUT, AGAIN),
            ("bluez lacks door = True of front-door, which virtual has at 3.0 s.",),
        ),
        (
            (OPEN, SHUT, AGAIN, Told("door", False, 12.0)),
            ("bluez has door = False of front-door at 12.0 s, which virtual lacks.",),
        ),
        (
            (OPEN, SHUT, replace(AGAIN, at_s=14.0)),
            ("door = True of front-door is at 9.0 s on virtual, and at 14.0 s on bluez.",),
        ),
        (
            (replace(SHUT, at_s=4.5), replace(OPEN, at_s=4.6), AGAIN),
            ("door = False of front-door, at 6.0 s, comes in another order on bluez than on virtual.",),
        ),
    ],
)
def test_each_difference_is_one_sentence(told: tuple[Told, ...], sentences: tuple[str, ...]) -> None:
    """What is missing, what is too many, what came at another time, what came in another order."""
    assert differences(*told) == sentences


def test_a_sensor_that_one_tier_never_heard_is_told_of() -> None:
    """Every reading of it."""
    told = compare(("virtual", DOOR), ("bluez", {}))
    assert (told.same, len(told.differences)) == (0, 3)
    assert all("bluez lacks" in sentence for sentence in told.differences)


@given(doors)
def test_a_stream_is_the_same_as_itself(told: list[Told]) -> None:
    """Whatever is in it."""
    comparison = compare(("a", {("door", "door"): told}), ("b", {("door", "door"): told}))
    assert (comparison.same, comparison.differences) == (len(told), ())


@given(doors, st.data())
def test_one_that_is_taken_away_is_one_difference(told: list[Told], data: st.DataObject) -> None:
    """Or more than one if its neighbours can stand in for each other, but never none."""
    told = [*told, Told("button", "press", 61.0)]
    gone = data.draw(st.integers(0, len(told) - 1))
    rest = told[:gone] + told[gone + 1 :]
    comparison = compare(("a", {("door", "door"): told}), ("b", {("door", "door"): rest}))
    assert comparison.differences
    assert comparison.same <= len(rest)


def test_streams_are_told_from_the_beginning_of_the_story() -> None:
    """In the order in which it happened, whatever the order of arrival."""
    scenario = Scenario("A door", 1, 10, Home("a"))
    rows = [
        {"sensor": "front-door", "kind": "door", "value": value, "happened_ms": at_ms}
        for at_ms, value in ((1_009_000, True), (1_003_000, True), (1_006_000, False))
    ]
    result = Result(scenario, "a.toml", 1, stored=rows, began=950.0, story_at=1000.0)
    assert streams(result) == DOOR


def test_in_words_both_ways() -> None:
    """A line for what is the same; a line more for each difference."""
    assert in_words(compare(("a", DOOR), ("b", DOOR))) == "the same  a and b: 3 readings, nothing else."
    lines = in_words(compare(("a", DOOR), ("b", {}))).splitlines()
    assert lines[0] == "DIFFERENT a and b: 0 readings are the same."
    assert len(lines) == 1 + 3
