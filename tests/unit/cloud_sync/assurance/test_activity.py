"""Which movements are proofs of life."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.assurance.activity import WINDOW_MS, Activity, Sign

MINUTE = 60_000


def test_a_lone_pulse_proves_nothing() -> None:
    """A lone pulse proves nothing."""
    assert Activity().hear(Sign(0, "hall", "Hall")) is None


def test_two_sensors_within_five_minutes() -> None:
    """Two sensors within five minutes back each other."""
    activity = Activity()
    activity.hear(Sign(0, "hall", "Hall"))
    proof = activity.hear(Sign(5 * MINUTE, "kitchen", "Kitchen"))
    assert proof is not None
    assert (proof.from_ms, proof.at_ms, proof.rooms) == (0, 5 * MINUTE, frozenset({"Hall", "Kitchen"}))


def test_two_sensors_further_apart_do() -> None:
    """Two sensors further apart do not."""
    activity = Activity()
    activity.hear(Sign(0, "hall", "Hall"))
    assert activity.hear(Sign(5 * MINUTE + 1, "kitchen", "Kitchen")) is None


def test_the_third_pulse_of_one_sensor() -> None:
    """The third pulse of one sensor proves."""
    activity = Activity()
    assert activity.hear(Sign(0, "hall", "Hall")) is None
    assert activity.hear(Sign(MINUTE, "hall", "Hall")) is None
    assert activity.hear(Sign(2 * MINUTE, "hall", "Hall")) is not None


def test_a_sign_that_comes_late() -> None:
    """A sign that comes late backs the one after it."""
    activity = Activity()
    activity.hear(Sign(10 * MINUTE, "front", "Hall"))
    proof = activity.hear(Sign(7 * MINUTE, "kitchen", "Kitchen"))
    assert proof is not None
    assert proof.at_ms == 10 * MINUTE


@given(st.lists(st.tuples(st.integers(0, 40 * MINUTE), st.sampled_from("abc")), max_size=12))
def test_every_proof_is_backed_and_no_lone_sign_is_one(signs: list[tuple[int, str]]) -> None:
    """Against the definition, for signs in order: another sensor, or two more pulses, within five minutes."""
    activity, before = Activity(), []
    for at_ms, sensor in sorted(signs):
        before.append((at_ms, sensor))
        near = [name for when, name in before if at_ms - when <= WINDOW_MS]
        backed = len(near) >= 3 or len(set(near)) > 1
        assert (activity.hear(Sign(at_ms, sensor, sensor)) is not None) == backed
