"""Whatever becomes of an incident: who is told what, and never twice."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.assurance.finding import Severity
from cloud_sync.assurance.incident import About, Audience, Incident, close, take
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.notice import (
    DAY_MS,
    REMIND_FIRST_MS,
    RETRY_MAX_MS,
    Notice,
    Occasion,
    due,
    reminders,
    retry_ms,
)
from cloud_sync.assurance.titles import TITLES

START = 1_800_000_000_000
ZONE = ZoneInfo("Europe/London")
EVIDENCE = "About in three rooms since 03:00."

incidents = st.builds(
    Incident,
    st.sampled_from(sorted(TITLES)),
    st.sampled_from(About),
    st.just(START - 5 * MINUTE_MS),
    st.just(START),
    st.just(START),
    st.just(EVIDENCE),
    st.sampled_from(Severity),
    st.sampled_from(Audience),
)
steps = st.lists(
    st.tuples(st.sampled_from(["look", "take", "carry", "press", "close"]), st.integers(0, 600)), max_size=15
)


@given(incidents, steps)
def test_each_thing_is_told_once_to_each_who_is_to_know(
    incident: Incident, steps: list[tuple[str, int]]
) -> None:
    """However often it is worked out: one id for one telling, each audience the same, the end to whoever knew the beginning."""
    told: dict[str, Notice] = {}
    now_ms = START
    for what, minutes in [("look", 0), *steps]:
        now_ms += minutes * MINUTE_MS
        incident = _step(incident, what, now_ms)
        for again in range(2):
            for one in due("h-1", incident, ZONE, now_ms + again):
                told.setdefault(one.id, one)

    keys = [
        (one.audience, one.occasion, one.words, one.happened_ms, one.severity)
        for one in told.values()
        if one.occasion is not Occasion.REMINDED
    ]
    assert len(keys) == len(set(keys))
    for audience in Audience:
        occasions = [one.occasion for one in told.values() if one.audience is audience]
        assert occasions.count(Occasion.CLOSED) == (
            incident.closed_ms is not None and audience <= incident.audience
        )
        assert (Occasion.RAISED in occasions) >= (Occasion.REMINDED in occasions)
    assert not any(one.audience > incident.audience for one in told.values())


@given(incidents, st.integers(0, 30 * 24 * 60))
def test_what_somebody_has_in_hand_is_not_reminded_of(incident: Incident, minutes: int) -> None:
    """Until then it is, twice as long after each time, and at least daily."""
    now_ms = START + minutes * MINUTE_MS
    open_ones = [one.occasion for one in due("h-1", incident, ZONE, now_ms)]
    in_hand = [one.occasion for one in due("h-1", take(incident, "amy", START), ZONE, now_ms)]

    first_ms = REMIND_FIRST_MS[incident.severity]
    assert (Occasion.REMINDED in open_ones) == (minutes * MINUTE_MS >= first_ms)
    assert Occasion.REMINDED not in in_hand
    assert in_hand.count(Occasion.TAKEN) == incident.audience


@given(st.sampled_from(Severity), st.integers(0, 60 * DAY_MS), st.integers(0, 2 * DAY_MS))
def test_reminders_only_grow_and_come_at_least_daily(severity: Severity, open_ms: int, more_ms: int) -> None:
    """None at once; at most one for each time it could have doubled and for each day."""
    before, after = reminders(severity, open_ms), reminders(severity, open_ms + more_ms)
    assert 0 <= before <= after
    assert after - before >= more_ms // DAY_MS
    assert (before == 0) == (open_ms < REMIND_FIRST_MS[severity])
    assert before <= 64 + open_ms // DAY_MS


@given(incidents, st.integers(0, 600))
def test_words_hold_no_more_than_needed(incident: Incident, minutes: int) -> None:
    """No evidence, nobody's name, no word of what was found; ours is never told as if it were about her."""
    now_ms = START + minutes * MINUTE_MS
    taken = take(incident, "staff:council/amy", now_ms)
    for one in (incident, taken, close(taken, "She had fallen.", now_ms, "staff:council/amy")):
        for notice in due("h-1", one, ZONE, now_ms):
            assert not any(word in notice.words for word in (EVIDENCE, "amy", "fallen"))
            assert TITLES[incident.subject] in notice.words
            if notice.occasion in {Occasion.RAISED, Occasion.REMINDED}:
                assert ("not mean that something is wrong" in notice.words) == (one.about is About.US)


@given(st.integers(1, 200), st.floats(0, 1))
def test_tries_are_spread_and_never_cease(tries: int, chance: float) -> None:
    """Ever longer, up to a quarter of an hour."""
    assert 2_500 <= retry_ms(tries, chance) <= RETRY_MAX_MS
    assert retry_ms(tries, chance) <= retry_ms(tries + 1, chance)


def _step(incident: Incident, what: str, now_ms: int) -> Incident:
    if incident.closed_ms is not None:
        return incident
    match what:
        case "take":
            return take(incident, "staff:council/amy", now_ms)
        case "carry":
            return replace(incident, audience=Audience.FAMILY, updated_ms=now_ms)
        case "press":
            return replace(incident, severity=Severity.EMERGENCY, updated_ms=now_ms)
        case "close":
            return close(incident, "over", now_ms)
        case _:
            return incident
