"""Whom to connect to, and when."""

from __future__ import annotations

import pytest

from edge_agent.core.visiting import PRESENT_MS, RETRY_FIRST_S, RETRY_MAX_S, Courtesy, Visiting

AIR, FEVER = "C0:00:00:00:00:01", "C0:00:00:00:00:02"


@pytest.fixture
def visiting() -> Visiting:
    """A climate node that is read every five minutes, and a thermometer that calls when it has something to say."""
    return Visiting(
        {AIR: Courtesy(300, on_advert=False), FEVER: Courtesy(30, on_advert=True)}, chance=lambda: 0.0
    )


def test_nobody_is_visited_who_is_not_there(visiting: Visiting) -> None:
    """Only who advertised just now can be connected to."""
    assert visiting.due(0) is None

    visiting.seen(AIR, 0)

    assert visiting.due(PRESENT_MS) == AIR
    assert visiting.due(PRESENT_MS + 1) is None


def test_a_stranger_is_no_concern(visiting: Visiting) -> None:
    """Only sensors of this home that want to be visited are."""
    visiting.seen("C0:00:00:00:00:09", 0)

    assert visiting.due(0) is None


def test_a_visited_sensor_is_left_alone(visiting: Visiting) -> None:
    """The next visit comes when its courtesy allows, not with the next advert."""
    visiting.seen(AIR, 0)
    visiting.over(AIR, 1_000, well=True)
    visiting.seen(AIR, 300_000)

    assert visiting.due(300_999) is None
    assert visiting.due(301_000) == AIR


def test_a_sensor_that_calls_is_visited_again_only_when_it_calls_again(visiting: Visiting) -> None:
    """What it had to say is said; its last advert does not count twice."""
    visiting.seen(FEVER, 0)
    visiting.over(FEVER, 1_000, well=True)

    assert visiting.due(31_000) is None

    visiting.seen(FEVER, 31_000)

    assert visiting.due(31_000) == FEVER


def test_who_waited_longest_comes_first(visiting: Visiting) -> None:
    """One sensor that is always due does not starve the others."""
    visiting.seen(AIR, 0)
    visiting.over(AIR, 0, well=True)
    for sensor in (AIR, FEVER):
        visiting.seen(sensor, 400_000)

    assert visiting.due(400_000) == FEVER


def test_a_failed_visit_is_tried_again_ever_more_rarely(visiting: Visiting) -> None:
    """A sensor that refuses is not pestered, and not forgotten."""
    now_ms, pauses = 0, []
    for _ in range(12):
        visiting.over(AIR, now_ms, well=False)
        started_ms = now_ms
        visiting.seen(AIR, now_ms)
        while not visiting.due(now_ms):
            now_ms += 1_000
            visiting.seen(AIR, now_ms)
        pauses.append((now_ms - started_ms) // 1000)

    assert pauses[0] == RETRY_FIRST_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == RETRY_MAX_S / 2  # full jitter, with the least of chances
