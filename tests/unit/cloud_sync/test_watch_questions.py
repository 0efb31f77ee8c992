"""The watch asks a home's questions over a real store: what it writes, and what it goes on from."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.finding import Answer
from cloud_sync.assurance.plan import Question
from cloud_sync.receiver.store.assured import Assured
from cloud_sync.receiver.watch import Watch
from device_profiles.reading import Flag
from tests.helpers.seeded_home import MINUTE, TEMPERATURE, SeededHome, Told, event, sensor, state

NOW = 1_800_000_000_000
HOME = "margaret"
PIR = sensor(1, "Hall", "Hall", role="presence")
PIR2 = sensor(2, "Kitchen", "Kitchen", role="presence")
PENDANT = sensor(3, "Pendant", "Living room", role="help")
WARMTH = sensor(4, "Warmth", "Living room", role="climate")
MOTION = state("motion")


class Site:
    """A store with one home, its watch, and a clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.home = SeededHome(path / "lum.db", NOW)
        self.assured = Assured(self.home.db)
        self.now_ms = NOW
        self.home.beat()
        self.start()

    def start(self) -> None:
        """A watch process begins."""
        self.watch = Watch(self.home.db, self.path, consent_needed=False)

    def tell(self, *told: Told) -> None:
        """The hub beats, and a batch of it is stored."""
        self.home.now_ms = self.now_ms
        self.home.beat()
        self.home.tell(told)

    def look(self, after_ms: int = 2_000) -> None:
        """The watch looks again."""
        self.now_ms += after_ms
        self.watch.look(lambda: self.now_ms)

    def stretches(self, question: Question) -> list[tuple[State, Cause, int, int | None]]:
        """The ledger of one question."""
        rows = self.assured.ledger(HOME, 0, self.now_ms + 1)
        return [(s.state, s.cause, s.from_ms, s.until_ms) for s in rows if s.question is question]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A home with two movement sensors, a pendant and a thermometer, looked at once."""
    site = Site(tmp_path)
    site.tell(Told(PIR), Told(PIR2), Told(PENDANT), Told(WARMTH, [(TEMPERATURE, 2100, 1000)]))
    site.look()
    return site


def test_each_question_has_its_coverage_and_answer(site: Site) -> None:
    """What its sensors can answer is asked, and the page gets it."""
    asked = {asked.stretch.question: asked for asked in site.home.homes.home(HOME).asked}
    assert set(asked) == {Question.UP, Question.MOVING, Question.WANDERING, Question.HELP, Question.WARM}
    assert asked[Question.WARM].answer is Answer.YES
    assert asked[Question.WARM].evidence == "21.0 °C."
    assert {one.stretch.state for one in asked.values()} == {State.WATCHING}


def test_a_press_is_an_incident_at_the_next_look(site: Site) -> None:
    """It does not wait for the minute, and it is not raised twice."""
    site.tell(Told(PENDANT, [(event("button"), "press", 500)]))
    site.look()
    site.look()
    (incident,) = site.assured.open_incidents(HOME)
    assert (incident.subject, incident.raised_ms) == ("help", NOW + 4_000)
    assert site.home.homes.home(HOME).incidents == (incident,)


def test_a_doubted_press_is_none(site: Site) -> None:
    """Nobody is judged by a reading whose flags forbid to go by it."""
    site.tell(Told(PENDANT, [(event("button", int(Flag.COUNTER_RESET)), "press", 500)]))
    site.look()
    assert not site.assured.open_incidents(HOME)


def test_a_new_watch_goes_on_with_open_incidents(site: Site) -> None:
    """A restart raises nothing again and forgets nothing."""
    site.tell(Told(PENDANT, [(event("button"), "press", 500)]))
    site.look()
    before = site.assured.open_incidents(HOME)
    site.start()
    site.look()
    assert site.assured.open_incidents(HOME) == before
    assert len(site.stretches(Question.MOVING)) == 1


def test_while_no_watch_looked_nobody_watched(site: Site) -> None:
    """The gap of our own stands in the ledger, from the last look to the first after it."""
    looked_ms = site.now_ms
    site.start()
    site.now_ms += 10 * MINUTE
    site.tell(Told(PIR), Told(PIR2))
    site.look()
    assert site.stretches(Question.MOVING) == [
        (State.WATCHING, Cause.PROVEN, looked_ms, looked_ms),
        (State.BLIND, Cause.WATCH_SILENT, looked_ms, site.now_ms),
        (State.WATCHING, Cause.PROVEN, site.now_ms, None),
    ]


def test_movements_become_evidence(site: Site) -> None:
    """Two rooms within five minutes are a sure sign, in words."""
    site.tell(Told(PIR, [(MOTION, 1, 60_000)]), Told(PIR2, [(MOTION, 1, 30_000)]))
    site.look()
    (moving,) = [a for a in site.home.homes.home(HOME).asked if a.stretch.question is Question.MOVING]
    assert moving.evidence.startswith("Last sure sign: two rooms")


def test_a_home_may_choose_its_questions(site: Site) -> None:
    """Its parameters are one file; a new one holds from the next minute."""
    (site.path / f"{HOME}.toml").write_text('version = 1\nquestions = ["warm"]\n', encoding="utf-8")
    site.look(MINUTE)
    assert set(site.watch.asked(HOME)) == {Question.WARM}
    assert [one.stretch.question for one in site.home.homes.home(HOME).asked] == [Question.WARM]


def test_a_wrong_file_leaves_the_last_good_parameters(site: Site) -> None:
    """Nothing is silently taken for something else."""
    (site.path / f"{HOME}.toml").write_text("questions = 7\n", encoding="utf-8")
    site.look(MINUTE)
    assert Question.MOVING in site.watch.asked(HOME)
    site.start()
    site.look(MINUTE)
    assert site.watch.asked(HOME) == ()
    shown = {(one.stretch.state, one.stretch.cause) for one in site.home.homes.home(HOME).asked}
    assert shown == {(State.BLIND, Cause.NOT_JUDGED)}


def test_what_is_too_old_to_learn_from_goes(site: Site) -> None:
    """Events are kept as long as habits are learned from them, and no longer."""
    assert site.assured.newest_event() > 0
    site.start()
    site.look(40 * 1440 * MINUTE)
    assert not site.assured.history(HOME, 0, site.assured.newest_event() + 1)
