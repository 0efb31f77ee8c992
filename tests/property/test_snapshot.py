"""A snapshot and what came after it are the same home as all of it, whatever happens in it and whenever it is taken."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sync.assurance import snapshot
from cloud_sync.assurance.household import Event, Household
from cloud_sync.assurance.plan import Parameters, Plan, Sensor
from cloud_sync.assurance.snapshot import Snapshot, SnapshotError, form_hash, restore, take
from device_profiles.role import Role
from tests.helpers.watched_home import SENSORS, at

START_MS = at("2026-03-02 00:00")
PLAN = Plan("h-1", {**SENSORS, "bed": Sensor("bed", "Bedroom", Role.BED)}, Parameters(learn_days=2))
KINDS = {
    "front": "door",
    "pendant": "button",
    "smoke": "smoke",
    "thermometer": "temperature",
    "bed": "occupancy",
}

gaps_min = st.one_of(st.integers(0, 4), st.integers(5, 90), st.integers(400, 3000))
happenings = st.lists(
    st.tuples(gaps_min, st.sampled_from(sorted(PLAN.sensors)), st.integers(0, 1), st.booleans()), max_size=120
)


def events(said: list[tuple[int, str, int, bool]]) -> list[Event]:
    """Some weeks; now and then something comes late."""
    found, at_ms = [], START_MS
    for gap_min, sensor, value, late in said:
        at_ms += gap_min * 60_000
        value_there = 14 + 8.5 * value if sensor == "thermometer" else float(value)
        when_ms = at_ms - 40 * 60_000 if late and gap_min > 400 else at_ms
        found.append(Event(when_ms, sensor, KINDS.get(sensor, "motion"), value_there))
    return found


def heard(household: Household, said: list[Event]) -> Household:
    """The home after these."""
    for number, event in enumerate(said):
        household.hear(event)
        if number % 37 == 36:
            household.lose_track(event.at_ms)
        elif number % 23 == 22:
            household.unwatch(event.at_ms)
    return household


def state(household: Household) -> str:
    """All that it remembers."""
    return take(household, PLAN, 0, 0).state


@settings(max_examples=150, deadline=None)
@given(happenings, st.data())
def test_a_snapshot_and_the_rest_are_the_whole(
    said: list[tuple[int, str, int, bool]], data: st.DataObject
) -> None:
    """Wherever it is cut."""
    all_of_it = events(said)
    cut = data.draw(st.integers(0, len(all_of_it)))
    before = Household(PLAN)
    for event in all_of_it[:cut]:
        before.hear(event)
    after = restore(take(before, PLAN, cut, 1), PLAN)
    assert after is not None
    whole = Household(PLAN)
    for event in all_of_it[:cut]:
        whole.hear(event)
    assert state(heard(after, all_of_it[cut:])) == state(heard(whole, all_of_it[cut:]))


@settings(max_examples=40, deadline=None)
@given(happenings)
def test_it_answers_alike(said: list[tuple[int, str, int, bool]]) -> None:
    """Not only what it holds, but what it says."""
    all_of_it = events(said)
    home = heard(Household(PLAN), all_of_it)
    again = restore(take(home, PLAN, 0, 0), PLAN)
    assert again is not None
    now_ms = (all_of_it[-1].at_ms if all_of_it else START_MS) + 3_600_000
    for lost in (frozenset[str](), frozenset({"kitchen"})):
        assert again.patience_min(now_ms, lost) == home.patience_min(now_ms, lost)
    assert again.out_since(now_ms) == home.out_since(now_ms)
    assert again.habits.outing_max_min() == home.habits.outing_max_min()
    assert again.cold.step(now_ms) == home.cold.step(now_ms)


def taken() -> Snapshot:
    """Of a home that lived for a while."""
    said = [(60, "kitchen", 1, False), (1, "hall", 1, False)] * 30
    return take(heard(Household(PLAN), events(said)), PLAN, 7, 5)


def test_whatever_does_not_fit_is_discarded() -> None:
    """Another home, plan, form; anything that was changed; and never an error."""
    good = taken()
    assert restore(good, PLAN) is not None
    assert restore(good, replace(PLAN, home="h-2")) is None
    assert restore(good, replace(PLAN, parameters=Parameters(learn_days=3))) is None
    moved = {**PLAN.sensors, "hall": Sensor("hall", "Attic", Role.PRESENCE)}
    assert restore(good, replace(PLAN, sensors=moved)) is None
    for changed in (
        replace(good, state=good.state.replace("kitchen", "kitchem", 1)),
        replace(good, event=8),
        replace(good, taken_ms=6),
        replace(good, digest=""),
    ):
        assert restore(changed, PLAN) is None


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(max_size=40), st.from_regex(r'\["[A-Za-z]+"(,\["?[a-z]+"?\]|,[0-9]|,null)*\]')))
def test_what_is_no_memory_is_discarded_though_its_hash_is_right(text: str) -> None:
    """Never anything but None."""
    sealed = replace(taken(), state=text)
    assert restore(replace(sealed, digest=snapshot._digest(sealed)), PLAN) is None


def test_another_kind_of_memory_is_another_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field more, or a new meaning of one, and old snapshots are discarded by themselves."""
    good, form = taken(), form_hash()
    monkeypatch.setattr(snapshot, "VERSION", 2)
    form_hash.cache_clear()
    assert form_hash() != form
    assert restore(good, PLAN) is None
    monkeypatch.undo()
    form_hash.cache_clear()
    assert restore(good, PLAN) is not None


def test_a_memory_that_no_snapshot_can_hold_is_told() -> None:
    """Whoever gives a home something new to remember learns it from a test."""
    home = Household(PLAN)
    home.pressed = object()  # type: ignore[assignment]
    with pytest.raises(SnapshotError, match="remembers a object"):
        take(home, PLAN, 0, 0)
