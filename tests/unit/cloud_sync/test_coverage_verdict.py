"""The rules of coverage: what is watched, by the absence of proof."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloud_sync.assurance.causes import Cause, Who, words
from cloud_sync.assurance.coverage import (
    HubFacts,
    SensorFacts,
    State,
    Verdict,
    as_of,
    judge,
    judge_home,
)
from cloud_sync.wire.batch import Contract

NOW = 1_800_000_000_000
SECOND = 1000
MINUTE = 60 * SECOND

HUB = HubFacts(enrolled_ms=NOW - 1000 * MINUTE, revoked_ms=None, beat_ms=NOW - 10 * SECOND, frame_age_s=3)
SENSOR = SensorFacts(
    "A", Contract.PERIODIC, heard_ms=NOW - MINUTE, kept=True, told_ms=NOW - 5 * MINUTE, hub=HUB, before=None
)
WATCHED = Verdict(State.WATCHING, Cause.PROVEN, NOW)


def hub(**facts: int | None) -> SensorFacts:
    """The good sensor behind a hub that differs in ``facts``."""
    return replace(SENSOR, hub=replace(HUB, **facts))  # type: ignore[arg-type] # names checked by replace


def look(sensor: SensorFacts, now_ms: int = NOW, evaluated_ms: int | None = NOW - 2 * SECOND) -> Verdict:
    """Judge as a watch that never rested."""
    return judge(sensor, now_ms=now_ms, evaluated_ms=evaluated_ms)


@pytest.mark.parametrize(
    ("sensor", "state", "cause", "since_ms"),
    [
        pytest.param(SENSOR, State.WATCHING, Cause.PROVEN, NOW, id="all proven"),
        pytest.param(
            replace(SENSOR, contract=Contract.HEARTBEAT),
            State.WATCHING,
            Cause.PROVEN,
            NOW,
            id="heartbeats count",
        ),
        pytest.param(
            replace(SENSOR, hub=None), State.BLIND, Cause.HUB_UNKNOWN, NOW, id="no hub of this home"
        ),
        pytest.param(
            hub(revoked_ms=NOW - 7),
            State.BLIND,
            Cause.HUB_REVOKED,
            NOW - 7,
            id="hub revoked, though it beats",
        ),
        pytest.param(
            hub(held_ms=NOW - 7),
            State.BLIND,
            Cause.HUB_HELD,
            NOW - 7,
            id="hub waits for confirmation, though it beats",
        ),
        pytest.param(
            hub(beat_ms=None), State.BLIND, Cause.HUB_SILENT, HUB.enrolled_ms, id="no heartbeat ever"
        ),
        pytest.param(
            hub(beat_ms=NOW - 180 * SECOND),
            State.WATCHING,
            Cause.PROVEN,
            NOW,
            id="three beats just not missed",
        ),
        pytest.param(
            hub(beat_ms=NOW - 180 * SECOND - 1),
            State.BLIND,
            Cause.HUB_SILENT,
            NOW - 180 * SECOND - 1,
            id="three beats missed",
        ),
        pytest.param(
            hub(beat_ms=NOW + 6 * SECOND), State.BLIND, Cause.HUB_SILENT, NOW, id="a beat from the future"
        ),
        pytest.param(hub(frame_age_s=90), State.WATCHING, Cause.PROVEN, NOW, id="radio just not deaf"),
        pytest.param(
            hub(frame_age_s=91),
            State.BLIND,
            Cause.RADIO_DEAF,
            NOW - 102 * SECOND,
            id="radio deaf since its last frame",
        ),
        pytest.param(
            hub(frame_age_s=None), State.BLIND, Cause.RADIO_DEAF, NOW - 10 * SECOND, id="no word on the radio"
        ),
        pytest.param(
            replace(SENSOR, heard_ms=None), State.BLIND, Cause.NEVER_HEARD, NOW, id="sensor never heard"
        ),
        pytest.param(
            replace(SENSOR, kept=False),
            State.BLIND,
            Cause.SENSOR_SILENT,
            NOW - MINUTE,
            id="contract broken, blind since last heard",
        ),
        pytest.param(
            replace(SENSOR, told_ms=NOW - 31 * MINUTE),
            State.BLIND,
            Cause.UNCONFIRMED,
            NOW - 31 * MINUTE,
            id="word from before an outage",
        ),
        pytest.param(
            replace(SENSOR, contract=Contract.EVENT_ONLY),
            State.PARTLY,
            Cause.EVENT_ONLY,
            NOW,
            id="event-only is never watched",
        ),
        pytest.param(
            replace(SENSOR, contract=Contract.EVENT_ONLY, heard_ms=None),
            State.BLIND,
            Cause.NEVER_HEARD,
            NOW,
            id="event-only never heard",
        ),
        pytest.param(
            replace(hub(beat_ms=None), contract=Contract.EVENT_ONLY),
            State.BLIND,
            Cause.HUB_SILENT,
            HUB.enrolled_ms,
            id="event-only behind a silent hub",
        ),
    ],
)
def test_each_fact_has_its_verdict(sensor: SensorFacts, state: State, cause: Cause, since_ms: int) -> None:
    """One missing proof decides state, cause and since when."""
    verdict = look(sensor)

    assert verdict == Verdict(state, cause, since_ms)


TIMES = st.integers(NOW - 3_600_000, NOW + 3_600_000)
MAYBE = st.none() | TIMES
VERDICTS = st.builds(Verdict, st.sampled_from(State), st.sampled_from(Cause), TIMES)
HUBS = st.builds(HubFacts, TIMES, MAYBE, MAYBE, st.none() | st.integers(0, 65_535), MAYBE)
SENSORS = st.builds(
    SensorFacts,
    st.just("A"),
    st.sampled_from(Contract),
    MAYBE,
    st.booleans(),
    TIMES,
    st.none() | HUBS | st.just(HUB),
    st.none() | VERDICTS,
)


@given(SENSORS, MAYBE)
@example(SENSOR, NOW)
def test_watching_needs_every_proof(sensor: SensorFacts, evaluated_ms: int | None) -> None:
    """Nothing is WATCHING without a good hub, a heartbeat under 180 s, a hearing radio and a kept contract."""
    verdict = look(sensor, evaluated_ms=evaluated_ms)

    if verdict.state is State.WATCHING:
        assert sensor.hub is not None
        assert sensor.hub.revoked_ms is None
        assert sensor.hub.held_ms is None
        assert sensor.hub.beat_ms is not None
        assert NOW - sensor.hub.beat_ms <= 180 * SECOND
        assert sensor.hub.frame_age_s is not None
        assert sensor.hub.frame_age_s <= 90
        assert sensor.heard_ms is not None
        assert sensor.kept
        assert sensor.contract is not Contract.EVENT_ONLY


@given(SENSORS, MAYBE)
def test_judging_again_changes_nothing(sensor: SensorFacts, evaluated_ms: int | None) -> None:
    """The same facts a moment later give the same verdict, its "since" included."""
    first = look(sensor, evaluated_ms=evaluated_ms)

    assert look(replace(sensor, before=first), evaluated_ms=NOW) == first


def test_since_stays_while_state_and_cause_do() -> None:
    """A sensor watched for an hour is watched since then, not since now."""
    before = Verdict(State.WATCHING, Cause.PROVEN, NOW - 60 * MINUTE)

    assert look(replace(SENSOR, before=before)) == before


def test_another_cause_begins_another_spell() -> None:
    """Blind for one reason and then for another: since when the second holds."""
    before = Verdict(State.BLIND, Cause.NEVER_HEARD, NOW - 60 * MINUTE)

    assert look(replace(hub(beat_ms=NOW - 5 * MINUTE), before=before)).since_ms == NOW - 5 * MINUTE


def test_proof_in_between_begins_another_spell() -> None:
    """A hub that spoke once between two silences has been silent only since then."""
    before = Verdict(State.BLIND, Cause.HUB_SILENT, NOW - 60 * MINUTE)

    assert look(replace(hub(beat_ms=NOW - 5 * MINUTE), before=before)).since_ms == NOW - 5 * MINUTE


def test_whole_seconds_of_a_heartbeat_begin_no_spell() -> None:
    """A deaf radio's frame age comes in whole seconds; that noise does not move "since"."""
    before = Verdict(State.BLIND, Cause.RADIO_DEAF, NOW - 212 * SECOND)

    assert look(replace(hub(frame_age_s=200), before=before)) == before


def test_no_spell_of_watching_reaches_over_a_gap_of_the_watch() -> None:
    """While the watch itself was down, nobody watched, whatever was stored before."""
    before = Verdict(State.WATCHING, Cause.PROVEN, NOW - 60 * MINUTE)

    assert look(replace(SENSOR, before=before), evaluated_ms=NOW - 31 * SECOND).since_ms == NOW


@pytest.mark.parametrize("state", [State.WATCHING, State.PARTLY])
@pytest.mark.parametrize("evaluated_ms", [None, NOW - 31 * SECOND, NOW + 6 * SECOND])
def test_nothing_reads_as_watched_while_the_watch_is_silent(state: State, evaluated_ms: int | None) -> None:
    """A verdict older than 30 s, or of no time at all, is shown BLIND by the watch's own fault."""
    shown = as_of(Verdict(state, Cause.PROVEN, NOW - MINUTE), now_ms=NOW, evaluated_ms=evaluated_ms)

    assert (shown.state, shown.cause) == (State.BLIND, Cause.WATCH_SILENT)


def test_a_silent_watch_leaves_known_blindness_its_reason() -> None:
    """What was blind stays blind for its own reason and since its own time."""
    blind = Verdict(State.BLIND, Cause.HUB_SILENT, NOW - 60 * MINUTE)

    assert as_of(blind, now_ms=NOW, evaluated_ms=None) == blind


def test_a_sensor_without_verdict_is_blind() -> None:
    """New rows that nobody has judged are not watched."""
    assert as_of(None, now_ms=NOW, evaluated_ms=NOW) == Verdict(State.BLIND, Cause.NOT_JUDGED, NOW)


EVENT_ONLY = Verdict(State.PARTLY, Cause.EVENT_ONLY, NOW - 3)
SILENT = Verdict(State.BLIND, Cause.SENSOR_SILENT, NOW - 2)
HUB_GONE = Verdict(State.BLIND, Cause.HUB_SILENT, NOW - 1)
PAUSED = Verdict(State.PAUSED, Cause.MIXED, NOW)


@pytest.mark.parametrize(
    ("verdicts", "state", "cause"),
    [
        ([], State.BLIND, Cause.NO_SENSORS),
        ([WATCHED], State.WATCHING, Cause.PROVEN),
        ([WATCHED, EVENT_ONLY], State.WATCHING, Cause.PROVEN),
        ([EVENT_ONLY], State.PARTLY, Cause.EVENT_ONLY),
        ([WATCHED, SILENT], State.PARTLY, Cause.SENSOR_SILENT),
        ([WATCHED, SILENT, EVENT_ONLY], State.PARTLY, Cause.MIXED),
        ([SILENT, EVENT_ONLY], State.PARTLY, Cause.MIXED),
        ([HUB_GONE, HUB_GONE], State.BLIND, Cause.HUB_SILENT),
        ([HUB_GONE, SILENT], State.BLIND, Cause.MIXED),
        ([WATCHED, PAUSED], State.PARTLY, Cause.MIXED),
        ([PAUSED], State.PAUSED, Cause.MIXED),
        ([SILENT, Verdict(State.BLIND, Cause.WATCH_SILENT, NOW)], State.BLIND, Cause.WATCH_SILENT),
    ],
)
def test_a_home_is_watched_only_if_all_that_can_is(
    verdicts: list[Verdict], state: State, cause: Cause
) -> None:
    """The headline is never better than the sensors below it."""
    overall = judge_home(verdicts, now_ms=NOW)

    assert (overall.state, overall.cause) == (state, cause)


@given(st.lists(VERDICTS, min_size=1))
def test_a_home_with_an_unseen_sensor_is_not_watched(verdicts: list[Verdict]) -> None:
    """Whatever the mix: a sensor that is BLIND or PAUSED for its own reason keeps the home from WATCHING."""
    unseen = [v for v in verdicts if v.cause is not Cause.EVENT_ONLY and v.state is not State.WATCHING]

    if unseen:
        assert judge_home(verdicts, now_ms=NOW).state is not State.WATCHING


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_words(cause: Cause) -> None:
    """Each says in plain words why, and what can be done if anything is broken; no jargon, no false comfort."""
    told = words(cause)

    assert told.why.endswith(".")
    assert bool(told.remedy) or cause is Cause.PROVEN
    assert told.who in Who
    assert not re.search(
        r"offline|\bnode|system|all clear|device", f"{told.why} {told.remedy}", re.IGNORECASE
    )
