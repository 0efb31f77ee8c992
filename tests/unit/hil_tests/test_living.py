"""Generated homes: repeatable, plausible, hard, and readable as files."""

from __future__ import annotations

import csv
import lzma
import statistics
from collections import Counter
from pathlib import Path

import pytest

from hil_tests.living import Label, LivedHome, generate
from hil_tests.living.chance import DAY_MS, HOUR_MS, MINUTE_MS, source, weekday
from hil_tests.living.equipment import draw_equipment
from hil_tests.living.files import TRUTH, read_truth, write_home
from hil_tests.living.habits import draw_habits
from hil_tests.living.home import EmergencyKind, VisitKind
from hil_tests.living.mishaps import SETTLED_DAYS
from hil_tests.living.sensing import ghosts, movements, resident
from hil_tests.living.timeline import Doing, Place, Stay
from hil_tests.replay import load_trace
from hil_tests.rig.errors import RigError

START_MS = 20_458 * DAY_MS  # a Monday in January
HOMES, DAYS = 10, 16


@pytest.fixture(scope="module")
def quiet() -> list[LivedHome]:
    """Sixteen days of ten homes in which nothing goes wrong."""
    return [
        generate(seed, DAYS, start_ms=START_MS, faults=False, emergencies_per_day=0, nights_per_day=0)
        for seed in range(HOMES)
    ]


@pytest.fixture(scope="module")
def hard() -> list[LivedHome]:
    """The same homes with everything going wrong."""
    return [
        generate(seed, DAYS, start_ms=START_MS, emergencies_per_day=1, nights_per_day=3)
        for seed in range(HOMES)
    ]


def _files(home: LivedHome, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    write_home(home, folder, "home")
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """All four files; another seed gives others."""
    first, again, other = (
        _files(generate(seed, 2, start_ms=START_MS), tmp_path / str(number))
        for number, seed in enumerate((7, 7, 9))
    )

    assert first == again
    assert first.keys() == other.keys()
    assert all(first[name] != other[name] for name in ("home.csv.xz", "home.truth.csv.xz"))


def test_a_trace_is_read_like_any_other(tmp_path: Path, hard: list[LivedHome]) -> None:
    """The replay's reader takes every row, the help button's among them, at the right resolution."""
    home = next(one for one in hard if any(row.kind == "button" for row in one.rows))
    write_home(home, tmp_path, "home")
    trace = load_trace(tmp_path / "home.csv.xz")

    assert trace.rows == len(home.rows)
    assert trace.exponents["temperature"] == -2
    assert {"press"} == {
        reading.value for moment in trace.moments for reading in moment.readings if reading.kind == "button"
    }


def test_truth_and_sensors_are_written_as_they_are(tmp_path: Path, hard: list[LivedHome]) -> None:
    """Truth survives the way through a file; each sensor states its contract."""
    home = hard[0]
    write_home(home, tmp_path, "home")

    assert read_truth(tmp_path / "home.truth.csv.xz") == home.truth
    with lzma.open(tmp_path / "home.sensors.csv.xz", "rt", encoding="utf-8", newline="") as file:
        described = {line["sensor_id"]: line for line in csv.DictReader(file)}
    assert described.keys() == {sensor.sensor_id for sensor in home.sensors}
    thermometer = described["living-room-climate"]
    assert (thermometer["contract"], thermometer["period_s"]) == ("periodic", "300")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("begin,end,label\n", "line 1: the first line is not start,end,label"),
        ("start,end,label\n1,2,happy\n", "line 2: '1,2,happy' is no span"),
        ("start,end,label\n1,2,away\n5,5,away\n", "line 3: the span ends before it begins"),
        ("start,end,label\n1,2\n", "line 2: '1,2' is no span"),
    ],
)
def test_a_wrong_truth_names_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    """One sentence: which file, which line, what is wrong."""
    file = tmp_path / "truth.csv"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(RigError, match=complaint):
        read_truth(file)
    assert ",".join(TRUTH) == "start,end,label"


@pytest.mark.parametrize(("days", "start_ms"), [(0, START_MS), (1, START_MS + 1)])
def test_what_cannot_be_lived_is_refused(days: int, start_ms: int) -> None:
    """No days, or a start that is no midnight."""
    with pytest.raises(ValueError, match=r"at least one day|no midnight"):
        generate(1, days, start_ms=start_ms)


def test_people_rise_at_their_own_times(quiet: list[LivedHome]) -> None:
    """Usual times differ by hours between people, and from day to day by less."""
    rising_h = [[at_ms % DAY_MS / HOUR_MS for at_ms in home.mornings] for home in quiet]
    usual = [statistics.median(times) for times in rising_h]
    spread = statistics.median(statistics.stdev(times) for times in rising_h)

    assert 6.5 < statistics.median(usual) < 8.5
    assert 0.6 < statistics.stdev(usual) < 1.8
    assert 15 / 60 < spread < 1


def test_a_day_has_the_events_of_a_real_one(quiet: list[LivedHome]) -> None:
    """CASAS: 10,052 pulses of 20 motion sensors in 3.5 lived days, so 144 a sensor and day; battery ones are slower."""
    pulses = [sum(row.kind == "motion" and row.value for row in home.rows) / DAYS / 5 for home in quiet]

    assert 60 < statistics.median(pulses) < 200
    assert min(pulses) > 10
    assert max(pulses) < 500


def test_a_day_is_lived_like_a_day(quiet: list[LivedHome]) -> None:
    """Sleep, going out and the bathroom lie where surveys put them."""
    hours = dict.fromkeys(Label, 0.0)
    for home in quiet:
        for span in home.truth:
            hours[span.label] += (span.end_ms - span.start_ms) / HOUR_MS
    bathroom = [sum(stay.place is Place.BATHROOM for stay in home.stays) / DAYS for home in quiet]

    assert 6 < hours[Label.ASLEEP] / HOMES / DAYS < 9
    assert 0.7 < hours[Label.AWAY] / HOMES / DAYS < 5
    assert 6 < statistics.mean(bathroom) < 15


def test_ghosts_come_as_often_as_measured() -> None:
    """4.3 a day from 22 sensors, on average over homes that differ a lot."""
    days = 20
    per_day = []
    for seed in range(200):
        rng = source(seed, "ghosts of a test")
        pulses = list(ghosts(draw_equipment(rng), START_MS, START_MS + days * DAY_MS, rng))
        per_day.append(len(pulses) / days)

    assert 0.8 < statistics.mean(per_day) / (4.3 / 22 * 5) < 1.2
    assert max(per_day) > 3 * statistics.median(per_day)


def test_a_moment_at_home_is_seen_within_that_moment_only() -> None:
    """Whoever looks in for two seconds between two errands makes no sensor speak before or after."""
    rng = source(1, "errands")
    home = draw_equipment(rng)
    stays = [
        Stay(0, 60_000, Place.OUT, Doing.AWAY),
        Stay(60_000, 62_000, Place.KITCHEN, Doing.BUSY),
        Stay(62_000, 90_000, Place.OUT, Doing.AWAY),
    ]
    walker = resident(draw_habits(rng), 1.0)
    seen = [trigger[0] for _ in range(50) for _, trigger in movements(stays, walker, home, rng)]

    assert seen
    assert min(seen) >= 60_000
    assert max(seen) < 62_000


def test_homes_are_messy(quiet: list[LivedHome]) -> None:
    """Nights out of bed, early trips to the kitchen, visitors while nobody is home, doors that open for callers."""
    nights = [
        stay
        for home in quiet
        for stay in home.stays
        if stay.start_ms % DAY_MS < 4 * HOUR_MS and stay.doing in {Doing.BUSY, Doing.SITTING}
    ]
    kinds = Counter(visit.kind for home in quiet for visit in home.visits)
    alone = [
        visit
        for home in quiet
        for visit in home.visits
        if any(
            stay.doing is Doing.AWAY and stay.start_ms < visit.start_ms < stay.end_ms for stay in home.stays
        )
    ]

    assert {Place.KITCHEN, Place.LIVING_ROOM, Place.BATHROOM} <= {stay.place for stay in nights}
    assert {VisitKind.CARER, VisitKind.FAMILY, VisitKind.NEIGHBOUR, VisitKind.CALLER} <= kinds.keys()
    assert alone


def test_emergencies_are_of_every_kind_and_begin_at_home(hard: list[LivedHome]) -> None:
    """After the first week, in a room, with nobody there; whoever does not get up is in bed at the usual time."""
    emergencies = [(home, one) for home in hard for one in home.emergencies]

    assert {one.kind for _, one in emergencies} == set(EmergencyKind)
    for home, one in emergencies:
        before = next(stay for stay in home.stays if stay.end_ms == one.start_ms)
        assert one.start_ms >= START_MS + SETTLED_DAYS * DAY_MS
        assert before.doing is not Doing.AWAY
        assert (one.kind is EmergencyKind.NOT_UP) <= (one.start_ms in home.mornings)
        assert not any(visit.start_ms < one.end_ms and visit.end_ms > one.start_ms for visit in home.visits)


def test_somebody_finds_them(hard: list[LivedHome]) -> None:
    """An emergency ends when a rescuer comes in at the door, or with the recording."""
    for home in hard:
        found = {visit.start_ms for visit in home.visits if visit.kind is VisitKind.RESCUER}
        for one in home.emergencies:
            last_minutes = one.end_ms > home.end_ms - 90 * MINUTE_MS
            assert one.end_ms in found or last_minutes


def test_nights_go_wrong_after_the_first_week_out_of_a_sleep(hard: list[LivedHome]) -> None:
    """Through the rooms or out of the front door, between midnight and morning, and the truth says which."""
    nights = [
        (home, span) for home in hard for span in home.truth if span.label in {Label.WANDERING, Label.LEFT}
    ]

    assert {span.label for _, span in nights} == {Label.WANDERING, Label.LEFT}
    for home, span in nights:
        doing = {
            stay.doing for stay in home.stays if stay.start_ms < span.end_ms and stay.end_ms > span.start_ms
        }
        rooms = {stay.place for stay in home.stays if span.start_ms <= stay.start_ms < span.end_ms}
        assert span.start_ms >= START_MS + SETTLED_DAYS * DAY_MS
        assert span.start_ms % DAY_MS < 6 * HOUR_MS
        assert doing == ({Doing.AWAY} if span.label is Label.LEFT else {Doing.BUSY})
        assert (rooms == {Place.OUT}) == (span.label is Label.LEFT)


def test_the_week_begins_on_monday() -> None:
    """5 January 2026 was one."""
    assert [weekday(START_MS + day * DAY_MS) for day in range(7)] == list(range(7))
