"""What is soldered to a MicroPython node, and what a stuck part hides."""

from __future__ import annotations

import pytest

from hil_tests.rig.node_parts import CLIMATE_ADDRESS, Parts, Stuck
from tests.helpers.firmware import load

sht3x = load("sht3x")


@pytest.mark.parametrize("truth", [(-45.0, 0.0), (0.0, 12.34), (21.55, 48.05), (130.0, 100.0)])
def test_the_firmwares_driver_reads_what_was_true(truth: tuple[float, float]) -> None:
    """Words with good checksums that come back as the truth in hundredths."""
    parts = Parts({}, lambda: truth)
    assert parts.accepts(CLIMATE_ADDRESS)
    words = parts.words()
    readings = sht3x.converted(int.from_bytes(words[0:2], "big"), int.from_bytes(words[3:5], "big"))

    assert [sht3x.crc8(words[start : start + 2]) for start in (0, 3)] == [words[2], words[5]]
    assert [value for _, value in readings] == [round(100 * value) for value in truth]


def test_nobody_answers_at_another_address() -> None:
    """As on a bus where nothing else is soldered."""
    assert not Parts({}, lambda: (20.0, 50.0)).accepts(CLIMATE_ADDRESS + 1)


def test_a_stuck_pin_hides_changes_until_it_is_free() -> None:
    """Each hidden change counts; afterwards the pin jumps to the truth."""
    parts = Parts({33: 0}, lambda: (20.0, 50.0))
    parts.stick()

    assert [parts.drive(33, level) for level in (1, 0, 1)] == [False] * 3
    assert parts.levels == {33: 0}
    assert parts.hidden == 2
    assert parts.free() == {33: 1}
    assert parts.levels == {33: 1}


def test_a_stuck_measurement_hides_only_what_differs() -> None:
    """The truth may happen to be what is said; then nothing is hidden."""
    truth = [(20.0, 50.0)]
    parts = Parts({}, lambda: truth[-1])
    parts.accepts(CLIMATE_ADDRESS)
    said = parts.words()
    parts.stick()
    parts.accepts(CLIMATE_ADDRESS)
    assert parts.hidden == 0
    truth.append((25.0, 50.0))
    parts.accepts(CLIMATE_ADDRESS)

    assert parts.hidden == 1
    assert parts.words() == said


@pytest.mark.parametrize(("hidden", "transmissions", "fired"), [(0, 5, False), (3, 0, False), (1, 1, True)])
def test_a_fault_that_nobody_could_see_did_not_fire(hidden: int, transmissions: int, fired: bool) -> None:
    """Something was hidden, and the node spoke meanwhile: both."""
    assert Stuck("C0:00:00:00:00:01", "{33: 0}", hidden, transmissions).fired() is fired
