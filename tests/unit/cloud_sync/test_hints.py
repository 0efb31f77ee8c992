"""The coder's hints find what is regular in a sensor's history."""

from __future__ import annotations

import random

import pytest

from cloud_sync.wire.hints import Timing, spread, timing
from cloud_sync.wire.manifest import TEXT, TWO_STATE


@pytest.mark.parametrize(
    ("form", "values", "expected"),
    [
        ("number", [97] * 50, 0),
        ("number", [2150, 2151, 2150, 2151] * 10, 3),
        ("number", [4500, 4520, 4490, 4470] * 10, 6),
        ("number", [2150], 3),
        ("number", [], 3),
        ("boolean", [0, 1, 0, 1], TWO_STATE),
        ("text", [], TEXT),
    ],
)
def test_the_spread_follows_form_and_usual_step(form: str, values: list[int | str], expected: int) -> None:
    """Still, small and large steps, no history at all, two states, texts."""
    assert spread(form, values) == expected


def test_the_advertising_interval_shows_through_a_minute_s_rest() -> None:
    """A sensor that speaks each 2.505 s, of which one a minute is kept, skips 24 intervals."""
    rng = random.Random(5)
    times = [0]
    for _ in range(200):
        times.append(times[-1] + rng.choice((24, 24, 24, 25, 26)) * 2505 + rng.randint(-15, 15))
    found = timing(times, 1, event=False)
    assert found.period_us == pytest.approx(2_505_000, rel=0.001)
    assert (found.skip, found.noise) == (24, 1)


def test_a_plain_period_is_found() -> None:
    """Without skips the gap itself is the period."""
    assert timing(range(0, 600_000, 60_000), 1000, event=False) == Timing(False, 60_000_000, 1, 0)


def test_events_and_beginners_get_harmless_hints() -> None:
    """No history, one reading, or events: nothing is claimed."""
    assert timing([], 1, event=False).skip == 1
    assert timing([5], 1, event=False).noise == 0
    assert timing([1, 5, 900], 1, event=True).event
