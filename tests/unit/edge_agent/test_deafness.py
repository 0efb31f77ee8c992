"""When a silent radio is called deaf."""

from __future__ import annotations

import pytest

from edge_agent.core.coverage import SILENCE_MAX_MS
from edge_agent.core.deafness import deaf_in_ms


@pytest.mark.parametrize(
    ("now_ms", "left_ms"),
    [(5_000, SILENCE_MAX_MS), (6_000, SILENCE_MAX_MS - 1_000), (5_000 + SILENCE_MAX_MS, 0), (999_999, 0)],
    ids=["just heard", "a second later", "at the limit", "long ago"],
)
def test_a_radio_is_deaf_once_listening_is_not_proven(now_ms: int, left_ms: int) -> None:
    """It has as long as a span of listening may be silent, and never less than nothing."""
    assert deaf_in_ms(5_000, now_ms) == left_ms
