"""The newest values of a store: what may replace what."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from cloud_sync.receiver.store.derived import DOUBTED
from cloud_sync.receiver.store.homes import Sensor, Value
from device_profiles.reading import Flag
from tests.helpers.seeded_home import MINUTE, SeededHome, Told, sensor, state

NOW = 1_800_000_000_000
DOOR = sensor(3, "Front door", "Hall", role="entrance")
OPEN, CLOSED = 1, 0


@pytest.fixture
def seeded(tmp_path: Path) -> SeededHome:
    """A home of which nothing was told yet."""
    return SeededHome(tmp_path / "lum.db", NOW)


def door(flags: int, value: int, ago_ms: int) -> Told:
    """A batch with one reading of the front door."""
    return Told(DOOR, [(state("door", flags), value, ago_ms)])


def only(seeded: SeededHome) -> Sensor:
    """The home's one sensor."""
    (found,) = seeded.homes.home("margaret").sensors
    return found


def brief(values: tuple[Value, ...]) -> list[tuple[int | str, int, int]]:
    """Value, flags and age of each."""
    return [(value.value, value.flags, NOW - value.happened_ms) for value in values]


@pytest.mark.parametrize("flag", [Flag.COUNTER_RESET, Flag.IMPLAUSIBLE, Flag.JUMP])
@pytest.mark.parametrize("doubted_first", [False, True])
def test_a_doubted_reading_stands_beside_the_one_we_go_by(
    seeded: SeededHome, flag: Flag, doubted_first: bool
) -> None:
    """Whichever comes first: the door stays closed, and what was reported since is kept with its flags."""
    told = [door(Flag.PLAIN, CLOSED, 30 * MINUTE), door(Flag.PLAIN | flag, OPEN, 10 * MINUTE)]
    for each in reversed(told) if doubted_first else told:
        seeded.tell([each])

    assert brief(only(seeded).values) == [(CLOSED, Flag.PLAIN, 30 * MINUTE)]
    assert brief(only(seeded).doubted) == [(OPEN, Flag.PLAIN | flag, 10 * MINUTE)]


def test_both_kinds_in_one_batch_are_kept_apart(seeded: SeededHome) -> None:
    """Of each the newest."""
    readings = [
        (state("door", flags), value, age * MINUTE)
        for flags, value, age in ((0, OPEN, 9), (0, CLOSED, 8), (Flag.JUMP, CLOSED, 7), (Flag.JUMP, OPEN, 6))
    ]
    seeded.tell([Told(DOOR, readings)])

    assert brief(only(seeded).values) == [(CLOSED, 0, 8 * MINUTE)]
    assert brief(only(seeded).doubted) == [(OPEN, Flag.JUMP, 6 * MINUTE)]


@pytest.mark.parametrize("flags", [1 << bit for bit in range(16) if not 1 << bit & DOUBTED])
def test_any_other_flag_is_news_all_the_same(seeded: SeededHome, flags: int) -> None:
    """A weak signal or a low battery tells of the sensor; what it says is believed."""
    seeded.tell([door(0, CLOSED, 30 * MINUTE)])
    seeded.tell([door(flags, OPEN, 10 * MINUTE)])

    assert brief(only(seeded).values) == [(OPEN, flags, 10 * MINUTE)]
    assert only(seeded).doubted == ()


def test_a_role_is_that_of_the_last_description(seeded: SeededHome) -> None:
    """Given another task, the sensor has it here too."""
    seeded.tell([Told(DOOR)])
    before = only(seeded).role
    seeded.tell([Told(replace(DOOR, role="bed"))])

    assert (before, only(seeded).role) == ("entrance", "bed")
