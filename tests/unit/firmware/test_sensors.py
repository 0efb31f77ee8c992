"""Motion, door, button, and the pins' bounce."""

from __future__ import annotations

import pytest

from tests.helpers.firmware import load

sensors, sht3x = load("sensors"), load("sht3x")


def test_movement_ends_after_stillness() -> None:
    """One event at the first movement, none while it goes on, one when the hold time is over."""
    motion = sensors.Motion()

    assert motion.look(1, 1000) == [("motion", 1)]
    assert motion.look(0, 2000) == []
    assert motion.look(1, 5000) == []
    assert motion.look(0, 9999) == []
    assert motion.look(0, 10_000) == [("motion", 0)]
    assert motion.due_ms is None


def test_a_button_speaks_when_it_is_pressed_and_not_when_let_go() -> None:
    """Help is asked for once."""
    button = sensors.Button()

    assert [button.look(level, 0) for level in (0, 1, 1, 0)] == [[], [("button", "press")], [], []]
    assert button.state() == []


def test_a_contact_that_bounces_changes_once() -> None:
    """Levels count once they have stood for the debounce time."""
    contact = sensors.Debounced(0)
    seen = [contact.see(level, 10 * place) for place, level in enumerate([0, 1, 0, 1, 0, 1, 1, 1, 1, 1])]

    assert seen == [0] * 8 + [1, 1]


def test_a_long_press_says_so_once_at_each_mark() -> None:
    """3 s and 10 s; letting go begins anew."""
    press = sensors.LongPress(3000, 10_000)
    marks = [press.look(1, now_ms) for now_ms in range(0, 13_000, 1000)]

    assert marks == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0]
    assert press.look(0, 13_000) == 0
    assert press.look(1, 14_000) == 0
    assert press.look(1, 17_000) == 1


def test_the_climate_sensors_checksum() -> None:
    """The data sheet's example."""
    assert sht3x.crc8(bytes.fromhex("beef")) == 0x92


@pytest.mark.parametrize(
    ("words", "readings"),
    [
        ((0, 0), (-4500, 0)),
        ((65535, 65535), (13_000, 10_000)),
        ((26214, 32768), (2500, 5000)),
    ],
)
def test_the_climate_sensors_units(words: tuple[int, int], readings: tuple[int, int]) -> None:
    """Both ends and the middle of the data sheet's formulas, in hundredths."""
    assert [value for _, value in sht3x.converted(*words)] == list(readings)
