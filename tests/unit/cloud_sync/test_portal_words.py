"""Values and times in words."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.portal.words import Clock, home_title, label, marks, value_text
from cloud_sync.receiver.store.homes import Value
from cloud_sync.wire.batch import Quality
from device_profiles.reading import Flag, Form

EDINBURGH = ZoneInfo("Europe/London")


def ms(text: str) -> int:
    """A time in Edinburgh as ms since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=EDINBURGH).timestamp() * 1000)


def value(kind: str, value: int | str, exponent: int = 0, unit: str = "", form: Form = Form.NUMBER) -> Value:
    """A value that only its words matter of."""
    return Value(
        kind,
        value,
        exponent,
        unit,
        form,
        flags=0,
        happened_ms=0,
        quality=Quality.SYNCED,
        received_ms=0,
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (value("temperature", 2164, -2, "°C"), "21.6\N{NO-BREAK SPACE}°C"),
        (value("temperature", -152, -2, "°C"), "\N{MINUS SIGN}1.5\N{NO-BREAK SPACE}°C"),
        (value("temperature_2", 216, -1, "°C"), "21.6\N{NO-BREAK SPACE}°C"),
        (value("temperature", 21, 0, "°C"), "21\N{NO-BREAK SPACE}°C"),
        (value("humidity", 4710, -2, "%"), "47%"),
        (value("energy", 1234, -3, "kWh"), "1.234\N{NO-BREAK SPACE}kWh"),
        (value("count", 7), "7"),
        (value("count", 7, 3), "7000"),
        (value("count", -7, 128), "\N{MINUS SIGN}7.000e+128"),
        (value("count", (1 << 63) - 1, -128), "9.223e\N{MINUS SIGN}110"),
        (value("door", 0, form=Form.BOOLEAN), "closed"),
        (value("window", 1, form=Form.BOOLEAN), "open"),
        (value("lock", 1, form=Form.BOOLEAN), "unlocked"),
        (value("motion", 1, form=Form.BOOLEAN), "noticed"),
        (value("motion", 0, form=Form.BOOLEAN), "ended"),
        (value("never_seen_before", 1, form=Form.BOOLEAN), "on"),
        (value("button", "press", form=Form.TEXT), "pressed"),
        (value("button_2", "double_press", form=Form.TEXT), "pressed twice"),
        (value("button", "hold_press", form=Form.TEXT), "held down"),
        (value("text", "hello", form=Form.TEXT), "hello"),
    ],
)
def test_values_are_said_as_people_say_them(value: Value, text: str) -> None:
    """With unit, rounded to what matters, states by name."""
    assert value_text(value) == text


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-12, 12), st.sampled_from(["temperature", "mass"]))
def test_any_number_of_a_batch_has_a_text(number: int, exponent: int, kind: str) -> None:
    """The widest integers and exponents that a batch may hold do not break the page."""
    assert value_text(value(kind, number, exponent, "u"))


@pytest.mark.parametrize(
    ("kind", "text"),
    [("temperature", "Temperature"), ("motion", "Movement"), ("button_2", "Button 2"), ("power_on", "Power")],
)
def test_kinds_have_labels(kind: str, text: str) -> None:
    """Labels are plain words; the second of a kind keeps its number."""
    assert label(kind) == text


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ("2026-11-23T08:05", "08:05"),
        ("2026-11-22T23:59", "yesterday 23:59"),
        ("2026-11-03T08:05", "3 November 08:05"),
        ("2025-11-23T08:05", "23 November 2025 08:05"),
        ("2026-07-01T08:05", "1 July 08:05"),
    ],
)
def test_times_are_said_as_of_today(at: str, text: str) -> None:
    """Today by the clock alone, else with the day; summer time is that of the day meant, not of today."""
    clock = Clock(ms("2026-11-23T14:00"), EDINBURGH)

    assert clock.time(ms(at)).text == text


def test_machines_get_the_time_with_its_offset() -> None:
    """The ``datetime`` attribute is ISO 8601 with offset."""
    assert (
        Clock(ms("2026-11-23T14:00"), EDINBURGH).time(ms("2026-07-01T08:05")).iso
        == "2026-07-01T08:05:00+01:00"
    )


@given(st.integers(-(2**63), 2**64))
def test_wild_times_have_a_text(at_ms: int) -> None:
    """A hub's clock can be absurd; the page still stands."""
    assert Clock(ms("2026-11-23T14:00"), EDINBURGH).time(at_ms).text


@pytest.mark.parametrize(("home", "title"), [("margaret", "Margaret"), ("flat-3", "Flat 3"), ("-", "-")])
def test_a_home_has_a_title(home: str, title: str) -> None:
    """Home ids are set as titles."""
    assert home_title(home) == title


@pytest.mark.parametrize("flag", Flag)
def test_each_flag_has_a_phrase_of_its_own(flag: Flag) -> None:
    """Short, and without a word of ours."""
    (phrase,) = marks(flag)

    assert [other for other in Flag if marks(other) == (phrase,)] == [flag]
    assert len(phrase) < 50
    assert "flag" not in phrase


def test_flags_of_tomorrow_are_not_passed_over() -> None:
    """A bit that this page does not know is told beside those it does."""
    assert marks(Flag.STUCK | 1 << 9) == (
        "has not changed for a long time",
        "unusual in a way that this page does not know",
    )
    assert marks(0) == ()
