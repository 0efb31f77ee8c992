"""Listening spans end at the last decoded frame; contracts are kept, broken and told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.wire.batch import Contract
from edge_agent.core.coverage import SILENCE_MAX_MS, Coverage, Liveness, Standing

DOOR, BUTTON = "door", "button"


def coverage() -> Coverage:
    """A home with a heartbeat door and an event-only button."""
    return Coverage({DOOR: Liveness(Contract.HEARTBEAT, 60), BUTTON: Liveness(Contract.EVENT_ONLY, 0)}, 1_000)


def test_a_span_ends_at_the_last_frame_and_not_at_now() -> None:
    """Silence after the last frame proves nothing, so it is not part of the span."""
    listened = coverage()
    listened.frame(2_000)
    listened.frame(10_000)

    assert listened.take_spans() == ((2_000, 10_000),)
    assert listened.take_spans() == ()


def test_a_running_span_goes_on_from_where_it_was_taken() -> None:
    """Taking a span in the middle of listening leaves no hole."""
    listened = coverage()
    listened.frame(2_000)
    listened.frame(3_000)
    listened.take_spans()
    listened.frame(4_000)

    assert listened.take_spans() == ((3_000, 4_000),)


def test_a_long_silence_splits_the_span() -> None:
    """More than the allowed silence between two frames is not listening."""
    listened = coverage()
    listened.frame(2_000)
    listened.frame(3_000)
    listened.frame(3_000 + SILENCE_MAX_MS + 1)
    listened.frame(3_000 + SILENCE_MAX_MS + 500)

    assert listened.take_spans() == ((2_000, 3_000), (93_001, 93_500))


def test_a_single_frame_proves_no_span() -> None:
    """One instant is no duration."""
    listened = coverage()
    listened.frame(2_000)

    assert listened.take_spans() == ()


def test_three_missed_periods_break_a_contract() -> None:
    """A heartbeat of 60 s is kept for 180 s after the last frame and broken after."""
    listened = coverage()
    listened.hear(DOOR, 10_000)

    assert listened.standing(DOOR, 190_000) == Standing(10_000, kept=True)
    assert listened.standing(DOOR, 190_001) == Standing(10_000, kept=False)


def test_an_event_only_sensor_never_keeps_a_contract() -> None:
    """A button that was just pressed proves nothing about the next hour."""
    listened = coverage()
    listened.hear(BUTTON, 10_000)

    assert not listened.standing(BUTTON, 10_001).kept


def test_a_change_is_told_once_it_is_committed() -> None:
    """Kept, broken and kept again are told once each; a change not yet durable stays due."""
    listened = coverage()
    listened.hear(DOOR, 10_000)
    first = listened.changed(11_000)
    assert first == {DOOR: Standing(10_000, kept=True)}
    assert listened.changed(11_000) == first

    listened.told(first)
    assert listened.changed(12_000) == {}

    broken = listened.changed(200_000)
    assert broken == {DOOR: Standing(10_000, kept=False)}
    listened.told(broken)
    listened.hear(DOOR, 201_000)
    assert listened.changed(201_000) == {DOOR: Standing(201_000, kept=True)}


def test_a_sensor_never_heard_gets_its_time_before_it_is_called_broken() -> None:
    """After a restart nothing is broken until the contract's time has passed."""
    listened = coverage()

    assert listened.changed(181_000) == {}
    assert listened.changed(181_001) == {DOOR: Standing(None, kept=False)}


LIVENESS = {
    DOOR: Liveness(Contract.HEARTBEAT, 1),
    "air": Liveness(Contract.PERIODIC, 2),
    BUTTON: Liveness(Contract.EVENT_ONLY, 0),
}
steps = st.lists(
    st.tuples(st.integers(0, 4_000), st.sampled_from([*LIVENESS, "look", "look and commit"])), max_size=40
)


@given(steps=steps)
def test_looking_only_when_there_may_be_something_overlooks_nothing(steps: list[tuple[int, str]]) -> None:
    """Asked at every frame or only now and then, it tells the same."""
    often, seldom = Coverage(LIVENESS, 0), Coverage(LIVENESS, 0)
    now_ms = 0
    for pause_ms, step in steps:
        for _ in range(4):
            now_ms += pause_ms // 4
            often.changed(now_ms)
        if step in LIVENESS:
            often.hear(step, now_ms)
            seldom.hear(step, now_ms)
            continue
        changed = often.changed(now_ms)
        assert changed == seldom.changed(now_ms)
        if step == "look and commit":
            often.told(changed)
            seldom.told(changed)


def test_no_span_reaches_into_a_pause_and_the_radio_is_not_deaf_for_it() -> None:
    """A span says that all of the home was listened for; frames still prove that the radio hears."""
    listened = coverage()
    listened.frame(2_000)
    listened.frame(4_000)
    listened.rest(frozenset({DOOR}), 5_000)
    listened.frame(6_000)
    listened.frame(8_000)
    listened.rest(frozenset(), 9_000)
    listened.frame(10_000)
    listened.frame(11_000)

    assert listened.take_spans() == ((2_000, 4_000), (10_000, 11_000))
    assert listened.frame_age_ms(11_000) == 0


def test_nothing_is_told_of_a_sensor_that_is_left_out_and_it_begins_anew() -> None:
    """Its contract is neither broken nor kept meanwhile, and after it the sensor has its time to be heard."""
    listened = coverage()
    listened.hear(DOOR, 2_000)
    listened.told(listened.changed(2_000))
    listened.rest(frozenset({DOOR}), 3_000)

    assert listened.heard(4_000) == {}
    assert listened.changed(900_000) == {}
    listened.rest(frozenset(), 1_000_000)
    assert listened.changed(1_180_000) == {}
    assert listened.changed(1_180_001) == {DOOR: Standing(None, kept=False)}
