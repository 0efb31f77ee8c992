"""A watch that starts takes up what it had learned: the same home, without four weeks of events."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.home import HomeWatch
from cloud_sync.assurance.household import Household
from cloud_sync.assurance.plan import Plan, Question, Sensor
from cloud_sync.assurance.snapshot import take
from cloud_sync.receiver.remembering import HOMES_A_LOOK_MAX, SNAPSHOT_AGE_MIN_MS, Remembering
from cloud_sync.receiver.store.deletions import Order
from cloud_sync.receiver.store.erasure import Erasure
from cloud_sync.receiver.store.memories import Memories
from cloud_sync.receiver.watch import Watch
from device_profiles.role import Role
from tests.helpers.seeded_home import MINUTE, SeededHome, Told, sensor, state

NOW = 1_800_000_000_000
HOME = "margaret"
HALL = sensor(1, "Hall", "Hall", role="presence")
KITCHEN = sensor(2, "Kitchen", "Kitchen", role="presence")
DOOR = sensor(3, "Door", "Hall", role="entrance")
MOTION = state("motion")
HOUR = 60 * MINUTE


@dataclass
class Site:
    """A home in which somebody moves each hour, and its watch."""

    path: Path
    now_ms: int = NOW
    home: SeededHome = field(init=False)
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        """Begin to watch."""
        self.home = SeededHome(self.path / "lum.db", NOW)
        self.home.db.execute("PRAGMA synchronous = OFF")  # nothing here is about the disk
        self.start()
        self.hour(moving=False)

    def start(self) -> None:
        """A watch process begins."""
        self.watch = Watch(self.home.db, self.path, consent_needed=False)

    def hour(self, *, moving: bool = True, beating: bool = True) -> None:
        """An hour passes: a batch each quarter, and somebody moves in its middle."""
        for quarter in range(4):
            self.now_ms += 15 * MINUTE
            self.home.now_ms = self.now_ms
            if beating:
                self.home.beat()
                ago_ms = random.Random(self.now_ms).randrange(4 * MINUTE)
                moved = [(MOTION, 1, ago_ms + 5_000), (MOTION, 0, ago_ms)] if moving and quarter == 2 else []
                self.home.tell([Told(HALL, moved), Told(KITCHEN, moved), Told(DOOR)])
            self.look()

    def look(self) -> None:
        """The watch looks, as often as it takes to be believed."""
        for _ in range(2):
            self.now_ms += 2_000
            self.watch.look(lambda: self.now_ms)

    @property
    def state(self) -> str:
        """All that the watch remembers of the home."""
        plan, watch = self.watch._watches[HOME]
        return take(watch.household, plan, 0, 0).state

    @property
    def learned(self) -> tuple[object, ...]:
        """What it goes by."""
        household = self.watch._watches[HOME][1].household
        kitchen = household.habits._rooms["Kitchen"]._weeks
        return household.habits.days, kitchen, household.seen_ms, household.quiet_ms, household.spell

    @property
    def question(self) -> tuple[str, Cause]:
        """How well it is watched whether she moves."""
        stretch = self.watch._watches[HOME][1].ledger[Question.MOVING]
        return stretch.state.value, stretch.cause

    def snapshots(self) -> list[tuple[str, int]]:
        """Homes whose memory is kept, and since when."""
        return [tuple(row) for row in self.home.db.execute("SELECT home, taken_ms FROM habit ORDER BY home")]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Ten hours, of which the first are in the snapshot."""
    site = Site(tmp_path)
    for _ in range(10):
        site.hour()
    return site


def no_learning(*_: object) -> Household:
    """For a watch that should not have to."""
    raise AssertionError("learned anew")


def test_a_watch_goes_on_with_what_it_had_learned(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshot and tail give what it would know had it never ended."""
    (kept,) = site.snapshots()
    assert kept[0] == HOME
    assert SNAPSHOT_AGE_MIN_MS <= kept[1] - NOW < site.now_ms - NOW
    before = site.state
    monkeypatch.setattr(Watch, "_learn", no_learning)
    site.start()
    site.look()
    assert site.state == before


@pytest.mark.parametrize("column", ["state", "form", "plan", "digest", "taken_ms"])
def test_a_snapshot_that_does_not_fit_is_discarded_and_the_home_learned_anew(site: Site, column: str) -> None:
    """It was changed, or another version of the software wrote it, or of another plan."""
    before = site.learned
    changed = {"state": "replace(state, 'Kitchen', 'Bathroom')", "taken_ms": "taken_ms + 1"}
    site.home.db.execute(f"UPDATE habit SET {column} = {changed.get(column, repr('another'))}")  # noqa: S608
    with capture_logs() as log:
        site.start()
        site.look()
    assert [entry["snapshot"] for entry in log if entry["event"] == "watch.habits"] == [True]
    assert site.learned == before


@pytest.mark.parametrize("kept", [True, False])
def test_that_nobody_was_seen_since_a_blindness_is_remembered(site: Site, *, kept: bool) -> None:
    """A restart must not presume that somebody is at home whom we may have missed leaving."""
    site.hour(moving=False, beating=False)
    site.hour(moving=False)
    assert site.question == ("blind", Cause.NOBODY_SINCE)
    if kept:
        for _ in range(7):
            site.hour(moving=False)
    else:
        site.home.db.execute("DELETE FROM habit")
    site.start()
    site.look()
    assert site.question == ("blind", Cause.NOBODY_SINCE)
    site.hour()
    assert site.question == ("watching", Cause.PROVEN)


def test_what_is_forgotten_is_not_remembered(site: Site) -> None:
    """Neither in the store nor by the process, which would write it again."""
    assert "Kitchen" in site.state
    steps = Erasure(site.home.db).forget(HOME, Order(site.now_ms, "uid-0", "asked for"))
    for number, _step in enumerate(steps):
        if number < 20:  # what a look writes is erased again: looking at each step there were no last one
            site.look()
    site.look()
    assert "Kitchen" not in site.state
    for _ in range(7):
        site.hour(moving=False)
    row = site.home.db.execute("SELECT state FROM habit").fetchone()
    assert "Kitchen" not in row["state"]


def test_a_snapshot_of_a_home_that_is_being_forgotten_is_not_written(site: Site) -> None:
    """The deletion came between the look and its end."""
    plan, watch = site.watch._watches[HOME]
    memories = Memories(site.home.db)
    known, _homes = memories.forgotten(0)
    list(Erasure(site.home.db).forget(HOME, Order(site.now_ms, "uid-0", "asked for")))
    memories.keep([take(watch.household, plan, 1, site.now_ms)], known)
    assert site.snapshots() == []


def test_a_few_are_written_at_a_time(site: Site) -> None:
    """Those first that were written longest ago, however many there are."""
    memories = Memories(site.home.db)
    remembering = Remembering(memories)
    watches = {}
    for number in range(20):
        plan = Plan(f"h-{number:02}", {"a": Sensor("a", "Hall", Role.PRESENCE)})
        site.home.db.execute(
            "INSERT INTO sensor SELECT ?, address, hub, name, room, role, model, contract, period_s, heard_ms, kept, told_ms"
            " FROM sensor WHERE home = ? LIMIT 1",
            (plan.home, HOME),
        )
        watches[plan.home] = plan, HomeWatch(plan)
        assert remembering.recall(plan, 0, site.now_ms) is None
    written = []
    for _ in range(4):
        remembering.keep(watches, 0, site.now_ms)
        written.append(len(site.snapshots()) - 1)
    assert written == [HOMES_A_LOOK_MAX, 2 * HOMES_A_LOOK_MAX, 20, 20]
