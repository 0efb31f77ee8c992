"""Which movements must not wait for the next batch."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from device_profiles.stillness import ENDS_MS, STILL_MIN_MS, URGENT_OF_A_SENSOR_MAX, Stillness

MINUTE = 60_000
SENSORS = ("hall", "kitchen", "bath")


def moves(*said: tuple[float, str], kind: str = "motion") -> list[bool]:
    """For movements at so many minutes, whether each must not wait; each ends after two seconds."""
    stillness, urgent = Stillness(), []
    for minute, sensor in said:
        urgent.append(stillness.ended_by(sensor, kind, 1, round(minute * MINUTE)))
        assert not stillness.ended_by(sensor, kind, 0, round(minute * MINUTE) + 2_000)
    return urgent


def test_the_first_after_half_an_hour_and_what_follows() -> None:
    """For five minutes, from any sensor; then no more until it has been still again."""
    said = [(0, "hall"), (5, "kitchen"), (5.1, "kitchen"), (30, "hall"), (59.9, "bath"), (89.9, "bath")]
    assert moves(*said) == [True, True, False, False, False, True]


def test_a_sensor_that_chatters_is_given_three_and_takes_none_of_the_others() -> None:
    """What proves somebody is told at once, whoever else chatters."""
    said = [*((second / 60, "hall") for second in range(60)), (1.1, "kitchen"), (1.2, "kitchen")]
    assert moves(*said) == [True] * 3 + [False] * 57 + [True] * 2


def test_that_it_moves_on_is_no_movement() -> None:
    """A sensor that says its ends only repeats itself until it has said one; one that never does moves each time."""
    stillness = Stillness()
    said = [(0, 1), (1, 0), (2, 1), (3, 1), (4, 1)]
    assert [stillness.ended_by("hall", "motion", value, ms) for ms, value in said] == [
        True,
        False,
        True,
        False,
        False,
    ]
    assert [stillness.ended_by("bath", "motion", 1, ms) for ms in range(5)] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_stuck_on_is_stillness() -> None:
    """A sensor that says in every heartbeat that it is on hides no stillness from the others."""
    stillness = Stillness()
    stillness.ended_by("hall", "motion", 0, 0)
    stillness.ended_by("hall", "motion", 1, 1)
    for minute in range(60):
        assert not stillness.ended_by("hall", "motion", 1, minute * MINUTE + 2)
    assert stillness.ended_by("kitchen", "motion", 1, 60 * MINUTE)


def test_what_is_no_movement_says_nothing() -> None:
    """A door has its own urgency, and a temperature none."""
    assert moves((0, "hall"), (40, "hall"), kind="temperature") == [False, False]


@given(st.lists(st.tuples(st.integers(0, 20 * MINUTE), st.sampled_from(SENSORS)), max_size=300))
def test_no_more_than_three_of_each_sensor_in_half_an_hour(gaps: list[tuple[int, str]]) -> None:
    """However they chatter, and whenever."""
    stillness, now_ms, urgent = Stillness(), 0, []
    for gap_ms, sensor in gaps:
        now_ms += gap_ms
        if stillness.ended_by(sensor, "motion", 1, now_ms):
            urgent.append((now_ms, sensor))
    for from_ms, sensor in urgent:
        near = [one for one in urgent if one[1] == sensor and from_ms <= one[0] < from_ms + STILL_MIN_MS]
        assert len(near) <= URGENT_OF_A_SENSOR_MAX
        assert all(at_ms - from_ms <= ENDS_MS for at_ms, _sensor in near)
