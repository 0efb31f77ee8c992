"""The model under random outages and over recordings: what is told, and how it is counted."""

from __future__ import annotations

import json
import math
import random
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloud_sync.assurance.household import Event
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.plan import Parameters
from device_profiles.role import Role
from hil_tests.assuring import campaign, recording, score
from hil_tests.assuring.campaign import Tally
from hil_tests.assuring.cli import assure
from hil_tests.assuring.outages import Fault, Outage, draw
from hil_tests.assuring.play import play
from hil_tests.assuring.played_hub import PlayedHub
from hil_tests.assuring.truth import TruthError, read_truth
from hil_tests.trace import Row, TraceError

HOUR_MS = 60 * MINUTE_MS
START_MS = 1_772_409_600_000
SCHEDULES_LONG, PART = 10_000, 250


def hold(tally: Tally) -> None:
    """Every blind minute told, hardly one too many, none green, and nothing about her that we caused."""
    assert tally.told_ms == tally.blind_ms > 0
    assert tally.told_ms / (tally.told_ms + tally.wrongly_ms) >= 0.99
    assert tally.green_ms == 0
    assert tally.about_her == 0


def test_random_outages_are_told_and_blamed_on_nobody() -> None:
    """Twenty schedules over two days of an ordinary life."""
    hold(campaign.run(20, 1))


@pytest.mark.long
def test_ten_thousand_schedules() -> None:
    """The same ten thousand times."""
    whole = Tally()
    with ProcessPoolExecutor(2) as workers:
        for part in workers.map(campaign.run, [PART] * (SCHEDULES_LONG // PART), range(100, 140)):
            for name in Tally.__slots__:
                setattr(whole, name, getattr(whole, name) + getattr(part, name))
    assert whole.schedules == SCHEDULES_LONG
    hold(whole)


def test_the_played_hub_loses_what_nobody_hears() -> None:
    """Without power nothing comes; over a broken line it comes late; stillness that ends comes at once."""
    movements = [Event(START_MS + hour * HOUR_MS, "hall", "motion", 1) for hour in range(1, 6)]
    outages = [
        Outage(Fault.HUB, START_MS + HOUR_MS - 1, START_MS + HOUR_MS + 1),
        Outage(Fault.LINE, START_MS + 3 * HOUR_MS - 1, START_MS + 3 * HOUR_MS + 90_000),
    ]
    hub = PlayedHub({"hall": recording.Liveness()}, outages, START_MS)
    assert [known_ms - event.at_ms for known_ms, event in hub.arrivals(movements)] == [0, 90_000, 0, 0]


def rows(*said: tuple[int, str, str, int]) -> list[Row]:
    """Rows at so many minutes."""
    return [
        Row(number, START_MS + minute * MINUTE_MS, sensor, kind, value)
        for number, (minute, sensor, kind, value) in enumerate(said)
    ]


def test_a_recording_tells_its_rooms_and_roles_by_its_names() -> None:
    """What the parameters say goes before."""
    said = rows(
        (0, "KitchenASink", "motion", 1),
        (1, "MainEntryway", "door", 1),
        (2, "KitchenARefrigerator", "door", 1),
        (3, "th0", "temperature", 2000),
        (4, "x", "button", 1),
    )
    found = recording.describe(said, Parameters())
    assert {name: (one.room, one.role) for name, one in found.items()} == {
        "KitchenASink": ("KitchenA", Role.PRESENCE),
        "MainEntryway": ("Main", Role.ENTRANCE),
        "KitchenARefrigerator": ("KitchenA", Role.INNER_DOOR),
        "th0": ("th0", Role.CLIMATE),
        "x": ("x", Role.HELP),
    }


def test_a_door_at_both_ends_of_long_silences_is_an_entrance() -> None:
    """Where no name says so."""
    said = []
    for start in (480, 1080):
        said += [(start, "M1", "motion", 1), (start + 1, "D2", "door", 1), (start + 60, "D2", "door", 1)]
        said += [
            (start + 61, "M1", "motion", 1),
            (start + 70, "D3", "door", 1),
            (start + 200, "M1", "motion", 1),
        ]
    found = recording.describe(rows(*said), Parameters())
    assert {name for name, one in found.items() if one.role is Role.ENTRANCE} == {"D2"}


def test_a_door_that_names_a_room_within_is_no_entrance() -> None:
    """However it goes on."""
    said = rows(
        (0, "BackBedroomDoor", "door", 1), (1, "MainBathroomDoor", "door", 1), (2, "BackDoor", "door", 1)
    )
    found = recording.describe(said, Parameters())
    assert [name for name, one in found.items() if one.role is Role.ENTRANCE] == ["BackDoor"]


def trace(folder: Path, *lines: str) -> Path:
    """A file with these rows."""
    file = folder / "trace.csv"
    file.write_text("\n".join(("ts,sensor_id,kind,value", *lines)) + "\n", encoding="utf-8")
    return file


def test_a_recording_leaves_out_what_nobody_can_believe_and_says_so(tmp_path: Path) -> None:
    """Rows twice, rows of a clock that was not set, kinds that no question asks about; blank lines are nothing."""
    file = tmp_path / "trace.csv"
    lines = [f"{START_MS + 60_000 * number},HallA,motion,{number % 2}" for number in range(4)]
    wrong = ["86400000,HallA,motion,1", "4102444800000,HallA,motion,1"]
    text = "\r\n".join(
        ("\ufeffts,sensor_id,kind,value", *wrong, *reversed(lines), lines[1], f"{START_MS},x,light,3", "")
    )
    file.write_text(text, encoding="utf-8")
    found = recording.load(file, Parameters())
    assert (found.from_ms, found.to_ms) == (START_MS, START_MS + 180_000)
    assert [event.value for event in found.events if event.kind == "motion"] == [0, 1, 0, 1]
    repeated, early, late, strange = found.left_out
    assert repeated == "1 rows that only repeat another."
    assert early.startswith("1 rows from 1970-01-02 to 1970-01-02 (line 2)")
    assert late.startswith("1 rows from 2100-01-01")
    assert strange == "kinds that no question asks about: light."
    told = CliRunner().invoke(assure, [str(file), "--json"])
    assert json.loads(told.stdout)["left_out"] == list(found.left_out)


def test_times_in_seconds_are_told(tmp_path: Path) -> None:
    """They would be days in 1970."""
    file = trace(tmp_path, f"{START_MS // 1000},HallA,motion,1")
    with pytest.raises(TraceError, match="ends in 1970-01-21: its times are not milliseconds"):
        recording.load(file, Parameters())


def test_ghosts_in_an_empty_home_are_no_proof_and_the_plain_rule_fires() -> None:
    """Out at nine; lone pulses now and then; the rule of twelve hours fires at its hour."""
    said = [(minute, "HallA", "motion", 1) for minute in range(0, 540, 7)]
    said += [(minute, "KitchenA", "motion", 1) for minute in range(1, 540, 7)]
    said += [(540, "FrontDoor", "door", 1)]
    said += [
        (540 + 200 * number, f"{name}A", "motion", 1)
        for number, name in enumerate(("Hall", "Bed", "Hall"), 2)
    ]
    said.append((1800, "HallA", "motion", 1))
    given = rows(*sorted(said))
    parameters = Parameters(inactivity_fixed_h=12)
    sensors = recording.describe(given, parameters)
    home = recording.Recording(
        sensors,
        {name: recording.Liveness() for name in sensors},
        [Event(row.ts_ms, row.sensor, row.kind, row.value) for row in given],
        START_MS,
        given[-1].ts_ms,
    )
    told = play(home, parameters)
    left_ms = START_MS + 540 * MINUTE_MS
    assert not [spell for spell in told.proofs if spell.to_ms > left_ms]
    (incident,) = [one for one in told.incidents if one.subject == "moving" and one.closed_ms is None]
    assert 12 <= (incident.raised_ms - left_ms) / HOUR_MS <= 12.1


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)])
def test_the_interval_of_a_count_is_exact(count: int, low: float, high: float) -> None:
    """As in Garwood's table of 1936."""
    assert score.poisson_interval(count) == pytest.approx((low, high), rel=2e-3, abs=1e-9)


def test_outages_are_drawn_from_the_seed() -> None:
    """The same again, and other ones with another."""
    span = (START_MS, START_MS + 60 * 24 * HOUR_MS)
    assert draw(7, *span, ["a"]) == draw(7, *span, ["a"]) != draw(8, *span, ["a"])
    assert {outage.fault for seed in range(9) for outage in draw(seed, *span, ["a"])} == set(Fault)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a,b,c\n", "line 1: not start,end,label"),
        ("start,end,label\n1,2\n", "line 2: not enough values"),
        ("start,end,label\n1,2,gone\n", "line 2: 'gone' from 1 to 2 is no span"),
        ("start,end,label\n5,2,away\n", "line 2: 'away' from 5 to 2 is no span"),
        ("start,end,label\n50,60,away\n", "tells of 1970-01-01, the recording is of"),
    ],
)
def test_a_wrong_truth_names_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    """One sentence each."""
    file = tmp_path / "truth.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TruthError, match=complaint):
        read_truth(file, 0, 10)


def test_a_truth_may_be_in_ms_or_in_words(tmp_path: Path) -> None:
    """Spans that touch are one."""
    file = tmp_path / "truth.csv"
    file.write_text(
        "start,end,label\n0,1000,away\n1970-01-01T00:00:01,1970-01-01T00:00:02Z,away\n", encoding="utf-8"
    )
    assert read_truth(file, 0, 10).spans == {"away": [(0, 2000)]}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "Give either a TRACE or --homes"),
        (["x.csv", "--homes", "2"], "Give either a TRACE or --homes"),
        (["--homes", "2", "--truth", "t.csv"], "bring their own truth"),
        (["--homes", "2", "--plot", "p.svg"], "A picture is of one home"),
    ],
)
def test_contradictions_are_told(words: list[str], complaint: str) -> None:
    """What cannot be meant is not guessed at."""
    assert complaint in CliRunner().invoke(assure, words).output


def test_made_up_homes_are_scored_and_drawn(tmp_path: Path) -> None:
    """One home for ten days, with its truth: figures, intervals and a picture."""
    picture = tmp_path / "home.svg"
    told = CliRunner().invoke(
        assure, ["--homes", "1", "--days", "10", "--seed", "2", "--plot", str(picture), "--json"]
    )
    assert told.exit_code == 0, told.output
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    found = json.loads(told.output)
    assert found["home_days"] == 10
    assert found["blind_minutes"]["reported"] == found["blind_minutes"]["true"]
    rate = found["false_alarms_per_home_month"]
    assert rate["low"] <= rate["value"] <= rate["high"]
    assert not math.isnan(rate["value"])


def test_the_same_seed_gives_the_same_schedules() -> None:
    """So that what fails can be played again."""
    one, again = (campaign.schedule(random.Random(3), START_MS) for _ in range(2))
    assert one == again
