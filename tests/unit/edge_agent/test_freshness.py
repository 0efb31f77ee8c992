"""Which frames are news, and which only say again what is kept already."""

from __future__ import annotations

import pytest

from edge_agent.core.freshness import REPEAT_WINDOW_MS, Freshness, Guard, judge

FRESH, REPEAT, DROPPED = Freshness.FRESH, Freshness.REPEAT, Freshness.COUNTER_DROPPED


@pytest.mark.parametrize(
    ("standing", "frame", "expected"),
    [
        (None, Guard(repeat=5), FRESH),
        (Guard(repeat=5), Guard(repeat=5), REPEAT),
        (Guard(repeat=5), Guard(repeat=6), FRESH),
        (Guard(repeat=255), Guard(repeat=0), FRESH),
        (Guard(counter=10, repeat=1), Guard(counter=11, repeat=1), FRESH),
        (Guard(counter=10), Guard(counter=10), REPEAT),
        (Guard(counter=10), Guard(counter=9), DROPPED),
        (Guard(counter=10), Guard(counter=0), DROPPED),
        (Guard(content=1, kept_ms=0), Guard(content=1, kept_ms=REPEAT_WINDOW_MS - 1), REPEAT),
        (Guard(content=1, kept_ms=0), Guard(content=1, kept_ms=REPEAT_WINDOW_MS), FRESH),
        (Guard(content=1, kept_ms=0), Guard(content=2, kept_ms=1), FRESH),
        (Guard(content=1, kept_ms=99_999), Guard(content=1, kept_ms=5), FRESH),  # another boot
    ],
)
def test_a_frame_is_judged_by_counter_then_packet_id_then_content(
    standing: Guard | None, frame: Guard, expected: Freshness
) -> None:
    """The strongest evidence a frame carries decides whether it is news."""
    assert judge(standing, frame) is expected
