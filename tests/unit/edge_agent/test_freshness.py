"""Which frames are news, and which only say again what is kept already."""

from __future__ import annotations

import pytest

from edge_agent.core.freshness import REPEAT_WINDOW_MS, Freshness, Guard, confirmed, judge, kept

FRESH, REPEAT, RESET = Freshness.FRESH, Freshness.REPEAT, Freshness.COUNTER_RESET


@pytest.mark.parametrize(
    ("standing", "frame", "expected"),
    [
        (None, Guard(repeat=5), FRESH),
        (Guard(repeat=5), Guard(repeat=5), REPEAT),
        (Guard(repeat=5), Guard(repeat=6), FRESH),
        (Guard(repeat=255), Guard(repeat=0), FRESH),
        (Guard(counter=10, repeat=1), Guard(counter=11, repeat=1), FRESH),
        (Guard(counter=10), Guard(counter=10), REPEAT),
        (Guard(counter=10), Guard(counter=9), RESET),
        (Guard(counter=10), Guard(counter=0), RESET),
        (Guard(counter=10, reset=3), Guard(counter=3), REPEAT),
        (Guard(counter=10, reset=3), Guard(counter=4), RESET),
        (Guard(counter=10, reset=3), Guard(counter=11), FRESH),
        (Guard(counter=10, reset=9, content=1), Guard(counter=10, content=2), RESET),
        (Guard(counter=10, reset=9, content=1), Guard(counter=10, content=1), REPEAT),
        (Guard(counter=10, content=1), Guard(counter=10, content=2), REPEAT),
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


def lived(*counters: int, guard: Guard | None = None) -> tuple[list[Freshness], Guard]:
    """What becomes of frames with these counters, one after the other, and the guard they leave."""
    judged = []
    guard = guard or Guard(counter=100)
    for counter in counters:
        frame = Guard(counter=counter)
        freshness = judge(guard, frame)
        judged.append(freshness)
        guard = guard if freshness is REPEAT else kept(guard, frame, freshness)
    return judged, guard


def test_a_counter_that_began_again_is_doubted_until_past_its_old_maximum() -> None:
    """A new battery is believed again once no replay could have made it."""
    judged, guard = lived(1, 1, 2, 100, 101, 102)

    assert judged == [RESET, REPEAT, RESET, REPEAT, FRESH, FRESH]
    assert guard == Guard(counter=102)


def test_a_confirmed_battery_begins_a_new_count() -> None:
    """After a person's word the counter is believed from where it now is."""
    _, doubted = lived(1, 2)

    judged, guard = lived(2, 3, 1, guard=confirmed(doubted))

    assert judged == [REPEAT, FRESH, RESET]
    assert (guard.counter, guard.reset) == (3, 1)


def test_a_confirmation_before_the_first_new_frame_is_not_lost() -> None:
    """The battery was changed and confirmed before the sensor was heard again: any counter may come."""
    judged, _ = lived(1, 2, guard=confirmed(Guard(counter=100)))

    assert judged == [FRESH, FRESH]


def test_a_frame_without_a_counter_does_not_erase_it() -> None:
    """An old guard still stands after a frame that proves nothing."""
    assert kept(Guard(counter=100), Guard(repeat=3), FRESH) == Guard(counter=100, repeat=3)
