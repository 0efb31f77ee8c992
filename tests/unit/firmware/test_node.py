"""When the node says what: events at once, the state every period, and never a state that is no more."""

from __future__ import annotations

from typing import Any

from tests.helpers.firmware import load

bursts, node, sensors, settings = (load(name) for name in ("bursts", "node", "sensors", "settings"))


def _said(one: Any, levels: dict[str, int], span_ms: range) -> list[tuple[int, list[tuple[str, int | str]]]]:
    """What a node begins to say, and when, while its pins stay so."""
    said = []
    for now_ms in span_ms:
        one.look(levels, now_ms)
        if one.state_is_due(now_ms):
            one.say_state([("battery", 50)], now_ms)
        readings = one.bursts.next(now_ms)
        if readings is not None:
            said.append((now_ms, readings))
    return said


def _door(period_s: int = 60) -> Any:
    return node.Node(settings.Settings({"fitted": ["door"], "period_s": period_s}))


def test_it_says_its_state_at_once_and_every_period() -> None:
    """A heartbeat from the first moment on, and nobody has opened a door that was found open."""
    state = [("battery", 50), ("door", 1)]

    assert _said(_door(), {"door": 1}, range(0, 130_000, 20)) == [
        (0, state),
        (60_000, state),
        (120_000, state),
    ]


def test_an_event_cuts_a_state_short() -> None:
    """Who opens a door does not wait for the end of a heartbeat."""
    one = _door()
    _said(one, {"door": 0}, range(0, 100, 20))

    assert _said(one, {"door": 1}, range(100, 4000, 20)) == [(100, [("door", 1)])]


def test_events_in_quick_succession_are_all_said() -> None:
    """Each gets three copies before the next; nothing is dropped."""
    one = _door()
    _said(one, {"door": 0}, range(0, 1000, 20))
    for level in (1, 0, 1):
        one.look({"door": level}, 1000)
    said = _said(one, {"door": 1}, range(1000, 10_000, 20))

    assert [readings for _, readings in said] == [[("door", 1)], [("door", 0)], [("door", 1)]]
    assert [at - 1000 for at, _ in said] == [0, 760, 1520]


def test_a_state_says_what_holds_when_it_goes_on_the_air() -> None:
    """A state that came due during an event's burst waits for its end, and then tells the newest."""
    one = _door(period_s=1)
    _said(one, {"door": 0}, range(0, 900, 20))
    events = _said(one, {"door": 1}, range(900, 1100, 20)) + _said(one, {"door": 0}, range(1100, 1300, 20))
    later = _said(one, {"door": 0}, range(1300, 6000, 20))

    assert [readings for _, readings in events] == [[("door", 1)]]
    assert later[0][1] == [("door", 0)]
    assert later[1][1] == [("battery", 50), ("door", 0)]


def test_more_events_than_can_wait_are_named() -> None:
    """What is dropped is returned, to be logged."""
    one = _door()
    dropped = [event for place in range(40) for event in one.look({"door": place % 2}, 0)]

    assert len(dropped) == 39 - bursts.EVENTS_MAX


def test_a_burst_lasts_for_its_copies() -> None:
    """Ten copies of an event and three of a state, 300 ms apart, and then silence."""
    one = _door()
    ends = []
    for now_ms in range(0, 6000, 10):
        one.look({"door": int(now_ms >= 2000)}, now_ms)
        if one.state_is_due(now_ms):
            one.say_state([], now_ms)
        was_idle = one.bursts.idle
        one.bursts.next(now_ms)
        if one.bursts.idle and not was_idle:
            ends.append(now_ms)

    assert ends == [750, 4850]


def test_it_rests_until_something_is_due() -> None:
    """The period bounds a deep sleep, and so does the end of a movement."""
    one = node.Node(settings.Settings({"fitted": ["motion"], "period_s": 60}))
    one.say_state([], 0)
    assert one.rest_ms(0) == 60_000
    one.look({"motion": 1}, 1000)
    one.look({"motion": 0}, 2000)

    assert one.rest_ms(2000) == sensors.HOLD_MS - 1000


def test_a_deep_sleep_changes_nothing_but_the_time() -> None:
    """A node made from what was kept says what the old one would have said."""
    facts = settings.Settings({"fitted": ["motion", "door", "button"], "period_s": 60})
    old = node.Node(facts)
    levels = {"motion": 1, "door": 1, "button": 1}
    _said(old, levels, range(0, 20_000, 20))
    new = node.Node(facts, old.kept)
    still = {"motion": 0, "door": 1, "button": 0}

    assert _said(new, still, range(20_000, 70_000, 20)) == _said(old, still, range(20_000, 70_000, 20))


def test_a_shorter_period_counts_at_once() -> None:
    """Who sets 5 s need not wait for the end of the old hour."""
    facts = settings.Settings({"period_s": 3600})
    one = node.Node(facts)
    one.say_state([], 0)
    facts.take("period", b"\x05\x00")
    one.hurry(1000)

    assert one.rest_ms(1000) == 5000
