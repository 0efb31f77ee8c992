"""Whatever the seed: a generated home's files and truth agree with each other."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from device_profiles.profile import ContractKind
from hil_tests.living import Cause, Fault, FaultKind, Label, LivedHome, Row, beats, generate, known_ms
from hil_tests.living.chance import DAY_MS
from hil_tests.living.home import deaf_spans
from hil_tests.living.timeline import Doing, Place, Stay, lay_over, union
from hil_tests.living.trouble import WHOLE_HOME, heard

START_MS = 20_000 * DAY_MS
EXAMPLES = 8

seeds = st.integers(0, 2**31)
lengths = st.integers(1, 10)


@lru_cache(maxsize=4)
def _home(seed: int, days: int, *, faults: bool = True) -> LivedHome:
    return generate(seed, days, start_ms=START_MS, faults=faults, emergencies_per_day=1.0)


def _inside(row: Row, home: LivedHome, label: Label) -> bool:
    return any(span.start_ms <= row.ts_ms < span.end_ms for span in home.truth if span.label is label)


@given(seeds, lengths)
@settings(max_examples=EXAMPLES, deadline=None)
def test_rows_are_those_of_the_homes_sensors_in_order(seed: int, days: int) -> None:
    """Sorted by time, within the days, each of a sensor that is fitted and of its kind."""
    home = _home(seed, days)

    kinds = {sensor.sensor_id: sensor.kind for sensor in home.sensors}
    assert all(before.ts_ms <= after.ts_ms for before, after in pairwise(home.rows))
    assert all(home.start_ms <= row.ts_ms < home.end_ms for row in home.rows)
    assert {(row.sensor_id, row.kind) for row in home.rows} <= set(kinds.items())


@given(seeds, st.integers(8, 10))
@settings(max_examples=EXAMPLES, deadline=None)
def test_nobody_moves_who_is_away_or_lies(seed: int, days: int) -> None:
    """While she is away only others and ghosts begin anything; while she lies, she alone, a little, and ghosts."""
    home = _home(seed, days)

    begun = [row for row in home.rows if row.kind != "temperature" and row.value == 1]
    while_away = {row.cause for row in begun if _inside(row, home, Label.AWAY)}
    while_down = {row.cause for row in begun if _inside(row, home, Label.EMERGENCY)}
    assert while_away <= {Cause.VISITOR, Cause.GHOST, Cause.SENSOR}
    assert while_down <= {Cause.LYING, Cause.GHOST, Cause.SENSOR}


@given(seeds, lengths)
@settings(max_examples=EXAMPLES, deadline=None)
def test_what_goes_on_goes_off(seed: int, days: int) -> None:
    """Where nothing fails, motion sensors, doors and the bed take turns; only a bed is left occupied at the end."""
    home = _home(seed, days, faults=False)

    two_state = [row for row in home.rows if row.kind in {"motion", "door", "occupancy"}]
    for sensor_id, rows in groupby(sorted(two_state, key=lambda row: row[1]), key=lambda row: row[1]):
        values = [row.value for row in rows]
        assert values == [1 - number % 2 for number in range(len(values))], sensor_id
        assert values[-1] == 0 or sensor_id == "bed"


@given(seeds, lengths)
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_line_of_stays_has_no_gap_and_truth_no_overlap(seed: int, days: int) -> None:
    """Every moment is in exactly one stay; spans of one label neither overlap nor touch."""
    home = _home(seed, days)

    assert (home.stays[0].start_ms, home.stays[-1].end_ms) == (home.start_ms, home.end_ms)
    assert all(before.end_ms == after.start_ms for before, after in pairwise(home.stays))
    assert all(stay.start_ms < stay.end_ms for stay in home.stays)
    for label in Label:
        spans = [span for span in home.truth if span.label is label]
        assert all(before.end_ms < after.start_ms for before, after in pairwise(spans))
        assert all(home.start_ms <= span.start_ms < span.end_ms <= home.end_ms for span in spans)


@given(seeds, st.integers(8, 10))
@settings(max_examples=EXAMPLES, deadline=None)
def test_blind_is_exactly_what_failed_as_a_whole(seed: int, days: int) -> None:
    """The union of hub, radio and line outages; what the hub could not hear is in no row and no beat."""
    home = _home(seed, days)

    whole = union((fault.start_ms, fault.end_ms) for fault in home.outages if fault.kind in WHOLE_HOME)
    assert [span[:2] for span in home.truth if span.label is Label.BLIND] == whole
    for sensor in home.sensors:
        silent = deaf_spans(home.outages, sensor.sensor_id)
        told = [row.ts_ms for row in home.rows if row.sensor_id == sensor.sensor_id]
        for at_ms in (*told, *beats(home, sensor)):
            assert not any(start_ms <= at_ms < end_ms for start_ms, end_ms in silent)


@given(seeds, st.integers(3, 8))
@settings(max_examples=EXAMPLES, deadline=None)
def test_beats_keep_the_contract_while_the_hub_listens(seed: int, days: int) -> None:
    """In a home where nothing fails hardly a beat is missing; an event-only sensor has none."""
    home = _home(seed, days, faults=False)

    for sensor in home.sensors:
        found = list(beats(home, sensor))
        if sensor.contract.kind is ContractKind.EVENT_ONLY:
            assert not found
            continue
        due = days * DAY_MS / (sensor.contract.period_s * 1000)
        assert due * 0.95 - 3 <= len(found) <= due + 1
        assert found == sorted(found)


@given(seeds, lengths)
@settings(max_examples=EXAMPLES, deadline=None)
def test_what_fails_does_not_change_the_life(seed: int, days: int) -> None:
    """Outages are laid over a life that goes on as it would."""
    failing, sound = _home(seed, days), _home(seed, days, faults=False)

    assert failing.stays == sound.stays
    assert failing.emergencies == sound.emergencies
    assert failing.visits == sound.visits
    assert (sound.outages, sound.defects) == ((), ())


@given(
    st.lists(st.tuples(st.sampled_from(FaultKind), st.integers(0, 99), st.integers(1, 60)), max_size=6),
    st.integers(0, 160),
)
def test_what_a_line_delays_is_known_when_it_is_back(
    drawn: list[tuple[FaultKind, int, int]], ts_ms: int
) -> None:
    """At once, or at the end of the line outage it falls into; other faults delay nothing."""
    faults = [Fault(kind, start_ms, start_ms + length_ms) for kind, start_ms, length_ms in drawn]
    ends = [fault.end_ms for fault in faults if fault.kind is FaultKind.LINE and fault.start_ms <= ts_ms]

    assert known_ms(faults, ts_ms) == max([ts_ms, *ends])


@given(seeds)
@settings(max_examples=EXAMPLES, deadline=None)
def test_heard_leaves_out_nothing_else(seed: int) -> None:
    """A row is dropped if and only if the hub was deaf to its sensor."""
    sound, outages = _home(seed, 4, faults=False), _home(seed, 4).outages

    kept = heard(sound.rows, outages)
    expected = [
        row
        for row in sound.rows
        if not any(start <= row.ts_ms < end for start, end in deaf_spans(outages, row.sensor_id))
    ]
    assert sorted(kept, key=lambda row: row[:4]) == sorted(expected, key=lambda row: row[:4])


@given(st.lists(st.tuples(st.integers(-20, 120), st.integers(1, 60)), max_size=8))
def test_what_is_laid_over_replaces_and_leaves_no_gap(patches: list[tuple[int, int]]) -> None:
    """The last one laid over a moment is what holds then."""
    stays = [Stay(0, 50, Place.BEDROOM, Doing.ASLEEP), Stay(50, 100, Place.KITCHEN, Doing.BUSY)]
    expected = [stay.doing for stay in stays for _ in range(stay.start_ms, stay.end_ms)]
    for number, (start_ms, length_ms) in enumerate(patches):
        doing = Doing.AWAY if number % 2 else Doing.SITTING
        lay_over(stays, [Stay(start_ms, start_ms + length_ms, Place.OUT, doing)])
        for at_ms in range(max(start_ms, 0), min(start_ms + length_ms, 100)):
            expected[at_ms] = doing

    assert [stay.doing for stay in stays for _ in range(stay.start_ms, stay.end_ms)] == expected
    assert all(before.end_ms == after.start_ms for before, after in pairwise(stays))
