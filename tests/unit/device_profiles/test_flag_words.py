"""Flags in words for machines."""

from __future__ import annotations

import pytest

from device_profiles.reading import Flag, words


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (0, ()),
        (Flag.PLAIN, ("plain",)),
        (Flag.COUNTER_RESET | Flag.BATTERY_LOW, ("battery-low", "counter-reset")),
        (1 << 9 | 2, ("implausible", "bit-9")),
        (
            127,
            ("plain", "implausible", "stuck", "jump", "battery-low", "weak-signal", "counter-reset"),
        ),
    ],
)
def test_each_bit_has_a_word(flags: int, said: tuple[str, ...]) -> None:
    """Lowest first; a bit of tomorrow's hub is told by its number."""
    assert words(flags) == said
