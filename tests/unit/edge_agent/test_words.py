"""Words for the person who fits sensors."""

from __future__ import annotations

import pytest

from device_profiles.encode import reading
from edge_agent.words import ago_words, reading_words, signal_words, table


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("temperature", 25.06, "temperature 25.06 °C"),
        ("temperature", -0.5, "temperature -0.50 °C"),
        ("count", 96, "count 96"),
        ("door", True, "door open"),
        ("window", False, "window closed"),
        ("motion", True, "motion yes"),
        ("leak", True, "leak wet"),
        ("button_2", "double_press", "button 2 double press"),
        ("garage_door", True, "garage door open"),
    ],
)
def test_a_reading_in_words(kind: str, value: object, words: str) -> None:
    """As exact as the sensor said it."""
    assert reading_words(reading("bthome_v2", kind, value)) == words


@pytest.mark.parametrize(
    ("signal_dbm", "words"),
    [
        (-40, "strong"),
        (-65, "strong"),
        (-66, "good"),
        (-80, "good"),
        (-81, "weak"),
        (-90, "weak"),
        (-91, "very weak"),
    ],
)
def test_a_signal_in_words(signal_dbm: int, words: str) -> None:
    """The limits belong to the better side."""
    assert signal_words(signal_dbm) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s ago"),
        (119, "119 s ago"),
        (120, "2 min ago"),
        (7200, "2 h ago"),
        (172_800, "2 days ago"),
        (-1, "0 s ago"),
    ],
)
def test_a_time_ago_in_words(seconds: float, words: str) -> None:
    """In the largest unit of which there are at least two."""
    assert ago_words(seconds) == words


def test_a_table_is_as_wide_as_it_must_be() -> None:
    """Columns line up, and no line ends in spaces."""
    assert table(("A", "LONG", ""), [("abc", "d", ""), ("e", "f", "g")]) == [
        "A    LONG",
        "abc  d",
        "e    f     g",
    ]
