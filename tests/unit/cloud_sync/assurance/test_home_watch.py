"""Days in a home, and what the model tells of them."""

from __future__ import annotations

import pytest

from cloud_sync.assurance.causes import Cause, words
from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.finding import Answer, Severity
from cloud_sync.assurance.incident import About, Audience
from cloud_sync.assurance.plan import Parameters, Question
from cloud_sync.assurance.response import Act
from tests.helpers.watched_home import WatchedHome, at

LEARNED = "2026-03-02"  # the first of eight ordinary days


@pytest.fixture
def home() -> WatchedHome:
    """A home whose habits are known: up at 07:30, somebody about each hour until 22:30."""
    home = WatchedHome()
    home.live(LEARNED, 8)
    home.until("2026-03-09 23:00")
    assert not home.incidents
    return home


def test_she_does_not_get_up(home: WatchedHome) -> None:
    """She does not get up and is missed before noon with evidence."""
    home.until("2026-03-10 12:00")
    [incident] = home.of("up")
    assert at("2026-03-10 08:00") <= incident.raised_ms <= at("2026-03-10 09:00")
    assert incident.evidence == "Usually up by 07:30; no sure sign of it today."
    assert incident.about is About.PERSON


def test_then_the_hub_loses_power(home: WatchedHome) -> None:
    """Then the hub loses power and nothing more is said about her."""
    home.until("2026-03-10 14:02")
    told = len([one for one in home.incidents if one.about is About.PERSON])
    home.lose("2026-03-10 14:02")
    home.until("2026-03-11 14:00")
    assert len([one for one in home.incidents if one.about is About.PERSON]) == told
    blind = [s for s in home.stretches if s.state is State.BLIND and s.question is Question.MOVING]
    assert [(s.from_ms, s.cause) for s in blind] == [(at("2026-03-10 14:02"), Cause.HUB_SILENT)]


def test_she_gets_up_late_and_the_incident(home: WatchedHome) -> None:
    """She gets up late and the incident says how it ended."""
    home.about("2026-03-10 09:40", "hall", "kitchen", "living")
    home.until("2026-03-10 10:00")
    raised, closed = home.of("up")
    assert raised.closed_ms is None
    assert closed.closed_ms == at("2026-03-10 09:45")
    assert closed.outcome == "Up: three rooms at 09:40."


def test_ghost_pulses_do_not_count(home: WatchedHome) -> None:
    """Ghost pulses do not count as getting up."""
    for hour in (6, 7, 8):
        home.say(f"2026-03-10 0{hour}:10", "kitchen")
    home.until("2026-03-10 12:00")
    assert len(home.of("up")) == 1


def test_a_motion_sensors_temperature_is_no_sign_of_anybody(home: WatchedHome) -> None:
    """Detectors that also measure do so in an empty home as well."""
    for minute in range(0, 300, 2):
        at_ms = at("2026-03-10 07:00") + minute * 60_000
        home.say(at_ms, "kitchen", "temperature", 18.0)
        home.say(at_ms, "hall", "temperature", 17.0)
    home.until("2026-03-10 12:00")
    assert home.of("up")


def test_stillness_is_noticed_sooner_than(home: WatchedHome) -> None:
    """Stillness is noticed sooner than the longest allowed."""
    for hour in ("07:30", "08:30", "09:30", "10:30"):
        home.about(f"2026-03-10 {hour}")
    home.until("2026-03-10 20:00")
    [incident] = home.of("moving")
    hours = (incident.raised_ms - at("2026-03-10 10:30")) / 3_600_000
    assert 2 <= hours <= 3
    assert "No sure sign of anybody since 10:30" in incident.evidence


def test_back_to_bed_by_the_hall_is_no_stillness() -> None:
    """The bedroom did not see her come back; the night is still as every night, whatever is usual in the hall by day."""
    home = WatchedHome()
    home.live(LEARNED, 8)
    for day in range(2, 10):
        home.about(f"2026-03-{day:02} 12:05", "kitchen", "hall")
    home.until("2026-03-09 23:30")
    home.about("2026-03-09 23:40", "bedroom", "hall")
    home.until("2026-03-10 07:00")
    assert not home.of("moving")


def test_the_plain_rule_fires_at() -> None:
    """The plain rule fires at its hour whoever is out."""
    home = WatchedHome(Parameters(inactivity_fixed_h=12))
    home.until("2026-03-02 07:00")
    home.about("2026-03-02 08:00")
    home.leave("2026-03-02 09:00")
    home.until("2026-03-02 21:30", step_min=1)
    [incident] = home.of("moving")
    assert at("2026-03-02 21:00") <= incident.raised_ms <= at("2026-03-02 21:02")


def test_out_is_no_stillness_and_back(home: WatchedHome) -> None:
    """Out is no stillness and back is told only when it takes unusually long."""
    home.about("2026-03-10 07:30")
    home.leave("2026-03-10 09:00")
    home.until("2026-03-10 15:00")
    assert not home.incidents
    assert home.watch.findings[Question.MOVING].evidence == "Out since 09:00."
    home.until("2026-03-10 18:00")
    [incident] = home.of("out")
    assert incident.raised_ms >= at("2026-03-10 17:00")
    assert not home.of("moving")


def test_a_ghost_in_the_empty(home: WatchedHome) -> None:
    """A ghost in the empty home brings nobody back."""
    home.leave("2026-03-10 07:40")
    home.say("2026-03-10 11:00", "front", "door", 1)
    home.say("2026-03-10 12:00", "kitchen")
    home.until("2026-03-10 16:30")
    [incident] = home.of("out")
    assert incident.happened_ms == at("2026-03-10 07:40") + 15_000


def test_a_sensor_lost_slows_us() -> None:
    """A sensor lost slows us but does not invent a stillness."""
    home = WatchedHome()
    home.live(LEARNED, 8)
    for day in range(2, 10):  # afternoons in the living room, where only its own sensor sees her
        for minute in range(5, 240, 5):
            for second in (0, 20, 40):
                home.say(at(f"2026-03-{day:02} 13:30") + minute * 60_000 + second * 1000, "living")
    home.until("2026-03-10 00:00")
    home.lose("2026-03-10 00:00", "living", cause=Cause.SENSOR_SILENT)
    for hour in ("07:30", "08:30", "09:30", "10:30", "11:30", "12:30", "17:31"):
        home.about(f"2026-03-10 {hour}", "kitchen", "hall")
    home.until("2026-03-10 18:00")
    assert not home.of("moving")
    assert home.watch.ledger[Question.MOVING].state is State.PARTLY


def test_without_the_door_nobody_can(home: WatchedHome) -> None:
    """Without the door nobody can say who went out."""
    home.until("2026-03-10 06:00")
    home.lose("2026-03-10 06:00", "front", cause=Cause.SENSOR_SILENT)
    home.until("2026-03-10 23:00")
    assert home.watch.ledger[Question.MOVING].state is State.BLIND
    assert not [one for one in home.incidents if one.about is About.PERSON]


def test_a_press_is_told_at(home: WatchedHome) -> None:
    """A press is told at once and stands until a person closes it."""
    home.say("2026-03-10 03:00", "pendant", "button")
    home.until("2026-03-10 03:05")
    [incident] = home.of("help")
    assert incident.severity is Severity.EMERGENCY
    home.until("2026-03-10 05:00")
    assert len(home.of("help")) == 1
    closed = home.respond("help", Act.CLOSE, "Aileen rang her; she had pressed it by mistake.")
    assert closed is not None
    assert closed.closed_ms == home.now_ms
    home.until("2026-03-10 05:30")
    assert home.watch.findings[Question.HELP].answer is Answer.YES


def test_a_call_is_heard_even(home: WatchedHome) -> None:
    """A call is heard even from a sensor we thought lost."""
    home.lose("2026-03-09 23:00", cause=Cause.UNCONFIRMED)
    home.say("2026-03-10 03:00", "pendant", "button")
    home.until("2026-03-10 03:05")
    assert home.of("help")


@pytest.mark.parametrize(
    ("celsius", "severity"),
    [(17.5, Severity.NOTE), (15.0, Severity.RAISE), (11.0, Severity.URGENT), (8.0, Severity.EMERGENCY)],
)
def test_cold_is_told_by_its(home: WatchedHome, celsius: float, severity: Severity) -> None:
    """Cold is told by its step once it lasts."""
    for minute in range(0, 180, 10):
        home.say(at("2026-03-10 07:30") + minute * 60_000, "thermometer", "temperature", celsius)
    home.until("2026-03-10 09:25")
    assert not home.of("warm")
    home.until("2026-03-10 10:00")
    assert home.of("warm")[0].severity is severity


def test_the_door_used_at_night(home: WatchedHome) -> None:
    """The door used at night is told and settles when somebody is inside."""
    home.leave("2026-03-10 02:00")
    home.about("2026-03-10 02:05", "hall", "kitchen", "bedroom")
    home.until("2026-03-10 02:04", step_min=1)
    home.until("2026-03-10 03:00", step_min=1)
    raised, closed = home.of("door")
    assert raised.evidence == "A way out was used at 02:00."
    assert closed.outcome == "Used at 02:00, shut again, and somebody is inside."


def test_who_comes_home_late_is_not_told_of() -> None:
    """Out since nine; the door after midnight, then the hall and the kitchen."""
    home = WatchedHome()
    home.live(LEARNED, 7)
    home.until("2026-03-02 00:05")
    home.about("2026-03-09 20:30")
    home.leave("2026-03-09 21:00")
    home.say("2026-03-10 00:30", "front", "door", 1)
    home.say(at("2026-03-10 00:30") + 9_000, "front", "door", 0)
    home.about("2026-03-10 00:32", "hall", "kitchen", "bedroom")
    home.until("2026-03-10 01:00", step_min=1)
    assert not home.of("door")
    home.leave("2026-03-10 01:30")
    home.until("2026-03-10 01:32", step_min=1)
    assert len(home.of("door")) == 1


def test_walking_about_before_bed_is_no_wandering() -> None:
    """She sat still for two hours in the evening, and then does this and that."""
    home = WatchedHome()
    home.live(LEARNED, 7)
    home.until("2026-03-02 00:05")
    home.about("2026-03-09 20:30")
    for minute in range(0, 60, 4):
        home.about(at("2026-03-09 22:50") + minute * 60_000, "hall", "kitchen", "living")
    home.until("2026-03-10 01:00")
    assert not home.of("wandering")


def test_walking_about_at_night_is_told(home: WatchedHome) -> None:
    """Walking about at night is told and the bathroom is not."""
    home.about("2026-03-10 01:00", "bedroom", "hall", "bedroom")
    home.until("2026-03-10 02:30")
    assert not home.of("wandering")
    for minute in range(0, 50, 4):
        home.about(at("2026-03-10 03:00") + minute * 60_000, "hall", "kitchen", "living")
    home.until("2026-03-10 04:00")
    assert len(home.of("wandering")) == 1
    home.until("2026-03-10 04:30")
    assert home.of("wandering")[-1].closed_ms is not None
    assert home.of("wandering")[0].evidence == "About in three rooms since 03:00."


def test_blindness_goes_to_operations_then(home: WatchedHome) -> None:
    """Blindness goes to operations then to the family and ends."""
    home.about("2026-03-10 07:30")
    home.until("2026-03-10 09:00")
    home.lose("2026-03-10 09:00")
    home.until("2026-03-10 09:25")
    assert not home.of("blind")
    home.until("2026-03-10 14:00")
    first, second = home.of("blind")
    assert (first.raised_ms, first.audience) == (at("2026-03-10 09:30"), Audience.OPERATIONS)
    assert (second.updated_ms, second.audience) == (at("2026-03-10 13:00"), Audience.FAMILY)
    home.find()
    home.until("2026-03-10 14:05")
    assert home.watch.ledger[Question.WARM].state is State.WATCHING
    assert home.watch.ledger[Question.MOVING].cause is Cause.NOBODY_SINCE
    home.about("2026-03-10 14:10")
    home.until("2026-03-10 14:15")
    assert home.of("blind")[-1].outcome == "We see again."


def test_whoever_left_while_we_were_blind_is_not_missed(home: WatchedHome) -> None:
    """After a blindness nobody knows who is at home: that is our blindness still, and nothing about her."""
    home.about("2026-03-10 07:30")
    home.until("2026-03-10 09:00")
    home.lose("2026-03-10 09:00")
    home.until("2026-03-10 11:00")
    home.find()
    home.until("2026-03-11 12:00")
    assert not [one for one in home.incidents if one.about is About.PERSON]
    assert [one for one in home.of("blind") if one.audience is Audience.FAMILY]
    assert "seen nobody since" in words(home.watch.ledger[Question.MOVING].cause).why


def test_what_somebody_has_in_hand(home: WatchedHome) -> None:
    """What somebody has in hand is not carried to the family."""
    home.until("2026-03-10 09:00")
    home.lose("2026-03-10 09:00")
    home.until("2026-03-10 10:00")
    home.respond("blind", Act.TAKE)
    home.until("2026-03-10 15:00")
    assert all(one.audience is Audience.OPERATIONS for one in home.of("blind"))


def test_blind_at_night_to_a_help(home: WatchedHome) -> None:
    """Blind at night to a help button is the familys business at once."""
    home.until("2026-03-10 01:00")
    home.lose("2026-03-10 01:00")
    home.until("2026-03-10 01:10")
    assert home.of("blind")[0].audience is Audience.FAMILY


def test_a_paused_question_says_nothing(home: WatchedHome) -> None:
    """A paused question says nothing."""
    paused = WatchedHome(Parameters(questions=(Question.WARM,)))
    paused.live(LEARNED, 8)
    paused.until("2026-03-10 20:00")
    assert set(paused.watch.findings) == {Question.WARM}
    assert not paused.incidents
    del home


def test_what_was_shown_and_what(home: WatchedHome) -> None:
    """What was shown and what was so are both kept."""
    home.until("2026-03-10 14:05")
    home.lose("2026-03-10 14:02")
    home.until("2026-03-10 14:10")
    seen, blind = [s for s in home.stretches if s.question is Question.MOVING][-2:]
    assert seen.until_ms == blind.from_ms == at("2026-03-10 14:02")
    assert blind.known_ms == at("2026-03-10 14:10")
