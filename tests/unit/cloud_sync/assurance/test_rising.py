"""When she is taken to have risen."""

from __future__ import annotations

import pytest

from cloud_sync.assurance.activity import Proof
from cloud_sync.assurance.habits import Habits
from cloud_sync.assurance.local_time import MINUTE_MS, Local
from cloud_sync.assurance.rising import Rising

DAY = 700_000
USUAL = 450.0  # half past seven


def seen(
    rising: Rising, minute: int, *rooms: str, usual: float | None = USUAL, day: int = DAY
) -> Local | None:
    """A proof at that minute of a day."""
    at_ms = (day * 1440 + minute) * MINUTE_MS
    found = frozenset(rooms or ("Hall", "Kitchen"))
    return rising.see(Proof(at_ms, at_ms, found, found, "Kitchen"), Local(day, minute), usual)


def up(rising: Rising, minute: int, usual: float | None = USUAL) -> bool:
    """Whether she is taken to be up at that minute."""
    return rising.on(DAY, (DAY * 1440 + minute) * MINUTE_MS, usual) is not None


@pytest.fixture
def rising() -> Rising:
    """Nothing seen yet."""
    return Rising()


def test_near_the_usual_time_one_proof_is_enough(rising: Rising) -> None:
    """And it is her rising of the day."""
    assert seen(rising, 420) == Local(DAY, 420)
    assert up(rising, 425)


def test_a_short_way_at_five_is_none(rising: Rising) -> None:
    """Through the hall to the bathroom and back."""
    assert seen(rising, 300, "Hall", "Bathroom") is None
    assert seen(rising, 306, "Hall", "Bathroom") is None
    assert not up(rising, 310)
    assert seen(rising, 440) == Local(DAY, 440)


def test_about_for_long_is_up_however_early(rising: Rising) -> None:
    """Until she goes back to bed before her usual time; the second rising takes the place of the first."""
    assert seen(rising, 300) is None
    assert seen(rising, 322) == Local(DAY, 300)
    assert up(rising, 400)  # in a chair
    assert seen(rising, 325, "Bathroom", "Bedroom") is None
    assert up(rising, 330)
    assert not up(rising, 400)
    for minute in (455, 470, 480):
        told = seen(rising, minute)
    assert told == Local(DAY, 455)
    assert up(rising, 900)


def test_about_until_the_usual_time_is_no_going_back(rising: Rising) -> None:
    """She sits still afterwards."""
    for minute in range(300, 460, 10):
        seen(rising, minute)
    assert up(rising, 700)


def test_bed_and_bathroom_are_no_rising(rising: Rising) -> None:
    """Whenever it is."""
    assert seen(rising, 500, "Bedroom", "Bathroom") is None
    assert not up(rising, 501)


def test_what_lasts_corrects_what_was_short(rising: Rising) -> None:
    """To the bathroom a little before the usual time, then an hour's sleep."""
    assert seen(rising, 410, "Hall", "Bathroom") == Local(DAY, 410)
    assert seen(rising, 500) is None
    assert seen(rising, 525) == Local(DAY, 500)


def test_a_new_day_begins_anew(rising: Rising) -> None:
    """Yesterday's rising is none of today."""
    seen(rising, 450)
    assert seen(rising, 300, day=DAY + 1) is None
    assert rising.on(DAY + 1, ((DAY + 1) * 1440 + 305) * MINUTE_MS, USUAL) is None


def test_early_ways_do_not_pull_the_usual_time_earlier() -> None:
    """Each day to the bathroom at a quarter to seven, up at half past seven: in four weeks it stays half past seven."""
    rising, habits = Rising(), Habits()
    for day in range(DAY, DAY + 28):
        for minute in (405, 450, 465, 480):
            rooms = ("Hall", "Bathroom") if minute == 405 else ("Hall", "Kitchen")
            if began := seen(rising, minute, *rooms, usual=habits.usual_rising(day), day=day):
                habits.rose(began)
    assert habits.usual_rising(DAY + 28) == 450
