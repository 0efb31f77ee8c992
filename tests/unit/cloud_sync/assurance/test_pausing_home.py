"""A pause in the life of a home: nothing about her comes of it, nor of its end."""

from __future__ import annotations

import pytest

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import State, Verdict
from cloud_sync.assurance.incident import About, Audience
from cloud_sync.assurance.learning import learn
from cloud_sync.assurance.pausing import EVERYTHING, Closed
from cloud_sync.assurance.plan import ACTIVE, Plan, Question
from cloud_sync.assurance.watching import Stretch
from tests.helpers.watched_home import SENSORS, WatchedHome, at

ABSENCE = (Question.UP, Question.MOVING, Question.OUT)
LEFT_OUT = [address for address, sensor in SENSORS.items() if sensor.role in ACTIVE]


class PausedHome(WatchedHome):
    """A home that lived for ten days, then is paused."""

    def pause(self, since: str, *, confirmed: bool = True) -> None:
        """All but calls is asked to pause; the hub says that it does, or has not said so yet."""
        verdicts = dict.fromkeys(EVERYTHING, Verdict(State.PAUSED, Cause.PAUSED, at(since)))
        self.closed = Closed(verdicts, EVERYTHING if confirmed else frozenset())
        if confirmed:
            self.verdicts |= dict.fromkeys(LEFT_OUT, Verdict(State.PAUSED, Cause.LEFT_OUT, at(since)))

    def resume(self) -> None:
        """It is over; the sensors are heard."""
        self.closed = Closed()
        self.find()

    def stretch(self, question: Question) -> Stretch:
        """The ledger's last."""
        return self.watch.ledger[question]


@pytest.fixture
def home() -> PausedHome:
    """After ten ordinary days, in the evening."""
    home = PausedHome()
    home.live("2026-03-02", 10)
    home.until("2026-03-11 22:00", step_min=10)
    home.incidents.clear()
    return home


def test_a_pause_is_no_incident_about_her_and_no_blindness(home: PausedHome) -> None:
    """Two days without a movement, and without a word about it."""
    home.pause("2026-03-11 22:00")
    home.until("2026-03-13 22:00")

    assert home.incidents == []
    assert {home.stretch(q).state for q in EVERYTHING & set(home.watch.ledger)} == {State.PAUSED}
    assert home.stretch(Question.HELP).state is State.WATCHING
    home.say("2026-03-13 22:01", "pendant", "button")
    home.until("2026-03-13 22:05")
    assert [one.subject for one in home.incidents] == ["help"]


def test_a_pause_that_no_hub_confirmed_is_not_paused(home: PausedHome) -> None:
    """We still see, and say so."""
    home.pause("2026-03-11 22:00", confirmed=False)
    home.until("2026-03-11 22:10")

    assert home.stretch(Question.MOVING).state is State.WATCHING


def test_what_is_paused_stays_so_while_the_hub_hears_of_another_pause(home: PausedHome) -> None:
    """A second pause, not yet confirmed, does not open the first one for some seconds."""
    home.pause("2026-03-11 22:00")
    home.until("2026-03-11 23:00")
    home.closed = Closed(home.closed.verdicts, frozenset())
    home.until("2026-03-11 23:10")

    assert home.stretch(Question.MOVING).state is State.PAUSED


def test_after_a_pause_nobody_is_missed_until_somebody_was_seen(home: PausedHome) -> None:
    """She may have gone out meanwhile. The first movement ends it; a silence is counted from there."""
    home.pause("2026-03-11 22:00")
    home.until("2026-03-13 08:00")
    home.resume()
    home.until("2026-03-13 12:00")
    assert {(home.stretch(q).state, home.stretch(q).cause) for q in ABSENCE} == {
        (State.PAUSED, Cause.AFTER_PAUSE)
    }
    assert home.incidents == []

    home.about("2026-03-13 12:01")
    home.until("2026-03-13 12:10")
    assert {home.stretch(q).state for q in ABSENCE} == {State.WATCHING}
    assert home.incidents == []


def test_if_nobody_is_seen_for_long_after_a_pause_we_say_that_we_cannot_tell(home: PausedHome) -> None:
    """Not about her, and not never: a pause that ends must not be the end of watching."""
    home.pause("2026-03-11 22:00")
    home.until("2026-03-12 08:00")
    home.resume()
    home.until("2026-03-13 00:30")

    assert (home.stretch(Question.MOVING).state, home.stretch(Question.MOVING).cause) == (
        State.BLIND,
        Cause.NOBODY_SINCE,
    )
    assert {one.about for one in home.incidents} == {About.US}
    assert home.incidents[-1].audience is Audience.FAMILY


def test_a_pause_is_no_silence_that_habits_learn(home: PausedHome) -> None:
    """Neither as it happens, nor when a watch that begins anew reads what is stored."""
    before = home.watch.household.patience_min(at("2026-03-11 10:30"), frozenset())
    home.pause("2026-03-11 22:00")
    home.until("2026-03-13 08:00")
    home.resume()
    home.about("2026-03-13 08:30")
    home.until("2026-03-13 10:30")
    assert home.watch.household.patience_min(at("2026-03-13 10:30"), frozenset()) == before

    anew = PausedHome()
    anew.live("2026-03-02", 10)
    anew.about("2026-03-13 08:30")
    anew.watch.household = learn(
        Plan("h-1", anew.sensors, anew.parameters), sorted(anew.waiting), home.stretches
    )
    assert anew.watch.household.patience_min(at("2026-03-13 10:30"), frozenset()) == before


def test_what_was_open_about_her_stays_open_through_a_pause(home: PausedHome) -> None:
    """Pausing silences nobody who is in need already."""
    home.until("2026-03-12 12:00")
    assert "up" in home.watch.incidents
    home.pause("2026-03-12 12:00")
    home.until("2026-03-12 18:00")

    assert "up" in home.watch.incidents


def test_a_press_is_told_though_nobody_agreed(home: PausedHome) -> None:
    """That we do not promise to hear it is one thing; not to tell it another."""
    home.closed = Closed(
        {Question.HELP: Verdict(State.PAUSED, Cause.NOT_AGREED, 0)}, frozenset({Question.HELP})
    )
    home.say("2026-03-11 22:01", "pendant", "button")
    home.until("2026-03-11 22:05")

    assert home.stretch(Question.HELP).state is State.PAUSED
    assert [one.subject for one in home.incidents] == ["help"]


def test_what_is_to_be_told_of_an_agreement_is_an_incident_of_ours(home: PausedHome) -> None:
    """Raised once, told anew when it changes, closed when it is settled."""
    for minute, note in enumerate(("ends within 7 days", "ends within 7 days", "ended", "")):
        home.notes = {"consent": note}
        home.until(f"2026-03-11 22:{minute + 1:02}")

    told = [(one.subject, one.about, one.evidence, one.closed_ms is None) for one in home.of("consent")]
    assert told == [
        ("consent", About.US, "ends within 7 days", True),
        ("consent", About.US, "ended", True),
        ("consent", About.US, "ended", False),
    ]
