"""A batch that comes late explains the past: over a real store, through the watch, to the page and the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.hindsight import known
from cloud_sync.assurance.plan import Question
from cloud_sync.portal.view import facts, page
from cloud_sync.receiver.classes import narrowed
from cloud_sync.receiver.ledger_cli import answers
from cloud_sync.receiver.store.assured import Assured
from cloud_sync.receiver.store.hindsight import Hindsight
from cloud_sync.receiver.watch import Watch
from tests.helpers.seeded_home import MINUTE, SeededHome, Told, sensor, state
from zero_trust.request import DataClass

NOW = 1_800_000_000_000  # 08:00 in London
HOME = "margaret"
HALL = sensor(1, "Hall", "Hall", role="presence")
KITCHEN = sensor(2, "Kitchen", "Kitchen", role="presence")
DOOR = sensor(3, "Door", "Hall", role="entrance")
MOTION, OPEN = state("motion"), state("door")


@dataclass
class Site:
    """A home, watched; then its line is away for two hours."""

    path: Path
    now_ms: int = NOW
    home: SeededHome = field(init=False)
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        """Seen for ten minutes, then not."""
        self.home = SeededHome(self.path / "lum.db", NOW)
        self.home.db.execute("PRAGMA synchronous = OFF")  # nothing here is about the disk
        self.assured, self.hindsight = Assured(self.home.db), Hindsight(self.home.db)
        self.start()
        self.tell()
        self.looks(10, beating=True)
        self.lost_ms = self.now_ms
        self.looks(120)
        self.said = self.ledger()

    def start(self) -> None:
        """A watch process begins."""
        self.watch = Watch(self.home.db, self.path, consent_needed=False)

    def tell(self, *told: Told, listened_min: int = 0) -> None:
        """The hub beats, and a batch of it is stored."""
        self.home.now_ms = self.now_ms
        self.home.beat()
        spans = [(listened_min * MINUTE, 0)] if listened_min else []
        self.home.tell(told or [Told(HALL), Told(KITCHEN), Told(DOOR)], spans=spans)

    def tell_late(self) -> None:
        """The line is there again, and the hub tells what it heard meanwhile."""
        moved = [(MOTION, 1, 90 * MINUTE), (MOTION, 0, 89 * MINUTE)]
        opened = [(OPEN, 1, 60 * MINUTE), (OPEN, 0, 59 * MINUTE)]
        self.tell(Told(HALL, moved), Told(KITCHEN, moved), Told(DOOR, opened), listened_min=125)

    def looks(self, minutes: int, *, beating: bool = False) -> None:
        """The watch looks every 20 s."""
        for _ in range(3 * minutes):
            self.now_ms += 20_000
            self.home.now_ms = self.now_ms
            if beating:
                self.home.beat()
            self.watch.look(lambda: self.now_ms)

    def ledger(self) -> list[tuple[object, ...]]:
        """What it says of the middle of the outage, as known at its end."""
        rows = self.assured.ledger(HOME, 0, self.now_ms + 1)
        middle_ms, end_ms = self.lost_ms + 60 * MINUTE, self.lost_ms + 119 * MINUTE
        found = [
            known([one for one in rows if one.question is question], middle_ms, end_ms)
            for question in Question
        ]
        return [(one.question, one.state, one.cause, one.from_ms, one.known_ms) for one in found if one]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Two hours blind."""
    return Site(tmp_path)


def test_it_stands_beside_the_ledger_and_changes_nothing_in_it(site: Site) -> None:
    """We were blind, we said so, and we say so still; what we learned has its own time."""
    assert {one[1] for one in site.said} == {State.BLIND}
    site.tell_late()
    site.looks(3)
    assert site.ledger() == site.said
    (one,) = site.hindsight.explanations(HOME, 0, site.now_ms, now_ms=None)
    assert one.known_ms > site.lost_ms + 120 * MINUTE
    assert one.evidence == "two rooms at 08:40; a way out was opened at 09:10"
    assert one.listened_ms == 120 * MINUTE
    assert site.hindsight.explanations(HOME, 0, site.now_ms, now_ms=one.known_ms - 1) == []


def test_more_that_comes_later_is_said_later_and_the_same_is_not_said_again(site: Site) -> None:
    """Each row holds all that was known by then."""
    site.tell()
    site.looks(2)
    assert site.hindsight.every(HOME) == []
    site.tell_late()
    site.looks(70)
    assert len(site.hindsight.every(HOME)) == 1
    late_min = (site.now_ms - site.lost_ms) // MINUTE - 100
    site.tell(Told(DOOR, [(OPEN, 1, late_min * MINUTE)]))
    site.looks(2)
    first, second = site.hindsight.every(HOME)
    assert second.evidence == f"{first.evidence}; a way out was opened at 09:50"


def test_a_watch_that_was_away_says_it_when_it_is_back(site: Site) -> None:
    """What it must know stands in the store."""
    site.tell()
    site.looks(2)
    site.tell_late()
    site.start()
    site.looks(1)
    assert len(site.hindsight.every(HOME)) == 1


def test_the_page_tells_it_to_whoever_may_know(site: Site) -> None:
    """That the hub listened is no secret; what it heard is of her life."""
    site.tell_late()
    site.looks(3)
    home = site.home.homes.home(HOME)
    (shown,) = page(home, now_ms=site.now_ms).learned
    assert shown.sentence.endswith("It heard: two rooms at 08:40; a way out was opened at 09:10.")
    (told,) = facts(home, now_ms=site.now_ms)["learned"]
    assert told["until_ms"] > told["from_ms"] == site.lost_ms
    (little,) = page(narrowed(home, frozenset({DataClass.STATE})), now_ms=site.now_ms).learned
    assert "heard" not in little.sentence
    site.looks(24 * 60 + 5, beating=True)
    assert page(site.home.homes.home(HOME), now_ms=site.now_ms).learned == ()


def lines(site: Site, **asked: int) -> Iterator[dict[str, object]]:
    """What the command says."""
    for line in answers(
        site.home.db, HOME, frozenset(DataClass), now_ms=site.now_ms, hours=24, as_json=True, **asked
    ):
        yield json.loads(line)


def test_the_command_answers_as_it_would_have_answered_then(site: Site) -> None:
    """What did we know at T of M?"""
    middle_ms, then_ms = site.lost_ms + 60 * MINUTE, site.lost_ms + 2 * MINUTE
    before = list(lines(site, of_ms=middle_ms))
    site.tell_late()
    site.looks(3)
    after = list(lines(site, of_ms=middle_ms, at_ms=site.lost_ms + 119 * MINUTE))
    assert [one["state"] for one in before] == ["blind"] * len(site.said)
    assert [(one["question"], one["known_ms"]) for one in after] == [
        (one["question"], one["known_ms"]) for one in before
    ]
    assert {one["kind"] for one in lines(site, of_ms=middle_ms)} == {"stretch", "explanation"}
    asked_soon = list(lines(site, of_ms=then_ms - MINUTE, at_ms=then_ms))
    assert "hub-silent" not in {one["cause"] for one in asked_soon}
