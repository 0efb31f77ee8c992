"""Whatever the watch does: it is called well only on proof, and trouble is told in time, once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.assurance.guarding import AGE_MAX_MS, Guard, Heartbeat, News

START = 1_800_000_000_000
SECOND = 1_000
LOOK = 2 * SECOND
ages = st.one_of(st.none(), st.integers(-10 * SECOND, 2 * AGE_MAX_MS))


@given(
    st.lists(st.tuples(ages, st.dictionaries(st.sampled_from("abc"), ages), st.integers(0, 2)), max_size=12)
)
def test_it_is_well_only_on_proof(looks: list[tuple[int | None, dict[str, int | None], int]]) -> None:
    """Each part of it recent: the look, every home that was there at the beginning, every notice gone."""
    guard, now_ms, there = Guard(START), START, set[str]()
    for number, (age_ms, asked, overdue) in enumerate(looks):
        now_ms += LOOK
        there = set(asked) if number == 0 else there & set(asked)
        beat = Heartbeat(
            _ago(now_ms, age_ms), {home: _ago(now_ms, age) for home, age in asked.items()}, overdue
        )
        judged = guard.judge(beat, now_ms)
        if judged.well:
            assert _recent(age_ms)
            assert not overdue
            assert all(_recent(asked[home]) for home in there)


@given(st.integers(0, 300), st.integers(1, 600), st.sampled_from(["watch", "home", "store"]))
def test_what_stops_is_told_within_the_bound_and_once_and_that_it_is_over(
    ran_s: int, stopped_s: int, what: str
) -> None:
    """From the last proof: not before 120 s, not later than one look after; never well meanwhile."""
    guard, told = Guard(START), list[tuple[int, News]]()
    stop_ms = START + ran_s * SECOND
    go_ms = stop_ms + stopped_s * SECOND
    now_ms, last_ms = START, START
    while now_ms <= go_ms + 4 * LOOK:
        stopped = stop_ms < now_ms <= go_ms
        last_ms = last_ms if stopped else now_ms
        looked_ms = now_ms if what == "home" else last_ms
        beat = None if what == "store" and stopped else Heartbeat(looked_ms, {"a": last_ms, "b": looked_ms})
        judged = guard.judge(beat, now_ms)
        told += [(now_ms, one) for one in judged.news]
        late = stopped and now_ms - last_ms > AGE_MAX_MS
        assert judged.well == (not stopped if what == "store" else not late)
        if late:
            assert [one.over for _, one in told] == [False]
        now_ms += LOOK
    begun = [(at_ms, one) for at_ms, one in told if not one.over]
    assert len(begun) <= 1
    assert len(told) == 2 * len(begun)
    for at_ms, one in begun:
        assert at_ms - stop_ms + LOOK > AGE_MAX_MS
        assert one.code == {"watch": "watch-stale", "home": "homes-missed", "store": "store-unreadable"}[what]


def test_a_guard_that_starts_with_a_dead_watch_is_silent_outside_at_once_and_says_so_in_time() -> None:
    """No grace for what is not proven, and none for a home that nobody asks about, however often we are started."""
    dead = Heartbeat(START - 10 * AGE_MAX_MS, {"a": None})
    guard = Guard(START)
    first, later = guard.judge(dead, START + LOOK), guard.judge(dead, START + AGE_MAX_MS + LOOK)
    assert (first.well, first.news) == (False, ())
    assert [one.code for one in later.news] == ["watch-stale"]
    assert not Guard(START).judge(Heartbeat(START, {"a": None}), START).well


def test_a_new_home_is_given_its_time() -> None:
    """A sensor that was just added is asked about at the next look of the watch."""
    guard = Guard(START)
    assert guard.judge(Heartbeat(START, {}), START).well
    assert guard.judge(Heartbeat(START + LOOK, {"new": None}), START + LOOK).well
    late_ms = START + LOOK + AGE_MAX_MS + 1
    judged = guard.judge(Heartbeat(late_ms, {"new": None}), late_ms)
    assert not judged.well
    assert [one.words for one in judged.news] == ["Not asked about for more than 120 s: 1 of 1 homes, new."]


def _ago(now_ms: int, age_ms: int | None) -> int | None:
    return None if age_ms is None else now_ms - age_ms


def _recent(age_ms: int | None) -> bool:
    return age_ms is not None and age_ms <= AGE_MAX_MS
