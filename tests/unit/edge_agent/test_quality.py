"""What is odd about a reading is told as a flag."""

from __future__ import annotations

from device_profiles.encode import reading
from device_profiles.reading import Flag, Reading, words
from edge_agent.core.quality import JUMP_WINDOW_MS, Quality, Rules

SENSOR, DAY_MS = "C0:00:00:00:00:01", 86_400_000


def quality() -> Quality:
    """A thermometer that may change by 5 °C from one reading to the next, and is stuck after two days."""
    return Quality({SENSOR: Rules({"temperature": 5}, {"temperature": 172_800})})


def celsius(value: float) -> Reading:
    """A temperature."""
    return reading("bthome_v2", "temperature", value)


def told(
    judge: Quality, *values: float, gap_ms: int = 60_000, signal_dbm: int = -60
) -> list[tuple[str, ...]]:
    """The flags of temperatures that come one after the other."""
    return [
        words(judge.judged(SENSOR, [celsius(value)], number * gap_ms, signal_dbm)[0].flags)
        for number, value in enumerate(values)
    ]


def test_a_sudden_jump_is_flagged_and_so_is_nothing_after_it() -> None:
    """One spike is one flag: the readings around it agree with each other."""
    assert told(quality(), 21.0, 21.1, 40.0, 21.2, 21.3) == [(), (), ("jump",), (), ()]


def test_a_lasting_change_is_believed_from_its_second_reading_on() -> None:
    """A window is opened in winter: the first cold reading is odd, the next ones are how things are."""
    assert told(quality(), 21.0, 12.0, 11.5, 11.0) == [(), ("jump",), (), ()]


def test_a_change_over_a_long_silence_is_no_jump() -> None:
    """What happened while nobody heard cannot be called sudden."""
    assert told(quality(), 21.0, 8.0, gap_ms=JUMP_WINDOW_MS + 1) == [(), ()]


def test_a_value_that_never_moves_is_stuck() -> None:
    """A living thermometer moves within two days, if only by a hundredth."""
    assert told(quality(), 21.0, 21.0, 21.0, 21.01, 21.01, gap_ms=DAY_MS) == [(), (), ("stuck",), (), ()]


def test_a_second_temperature_has_the_first_ones_rule() -> None:
    """The number behind a kind changes nothing about it."""
    judge = quality()
    second = [
        Reading("temperature_2", value, -2, "°C", celsius(0).form, urgent=False) for value in (2100, 4000)
    ]

    flags = [judge.judged(SENSOR, [one], number, -60)[0].flags for number, one in enumerate(second)]

    assert flags == [Flag(0), Flag.JUMP]


def test_what_cannot_be_true_is_no_measure_for_what_follows() -> None:
    """After 327 °C the next true reading is not called a jump."""
    assert told(quality(), 21.0, 327.67, 21.1) == [(), ("implausible",), ()]


def test_a_weak_signal_is_flagged_until_it_is_fair_again() -> None:
    """Between weak and fair nothing changes, so that a sensor at the edge does not flicker."""
    judge = quality()
    strengths = [-95, -95, -88, -88, -88, *[-70] * 8, -88]

    flags = [
        words(judge.judged(SENSOR, [celsius(21)], number, dbm)[0].flags)
        for number, dbm in enumerate(strengths)
    ]

    assert flags[:5] == [("weak-signal",)] * 5
    assert flags[-1] == ()


def test_over_a_connection_no_signal_is_judged() -> None:
    """A value that was read has no strength of its own."""
    assert quality().judged(SENSOR, [celsius(21)], 0, None)[0].flags == Flag(0)


def test_a_home_without_rules_judges_nothing() -> None:
    """A sensor that has no rule keeps its readings as they are."""
    kept = Quality({}).judged(SENSOR, [celsius(21)], 0, -60)

    assert kept == (celsius(21),)
