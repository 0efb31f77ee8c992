"""The desk: what it decides is on record, bad files change nothing, broken glass is followed up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cloud_sync.receiver.classes import class_of
from cloud_sync.receiver.config import Paths, ReceiverConfig
from cloud_sync.receiver.desk import Desk, Look, by
from cloud_sync.receiver.store.audit import NEWS_SPAN_MS
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.database import open_database
from tests.helpers.desk import GRANTS, POLICY, Clock, make_desk
from tests.helpers.trust import DAY_MS, NOW_MS
from zero_trust.break_glass import OPEN_MS, Finding, Opening
from zero_trust.reasons import Refused
from zero_trust.request import Action, DataClass, Proof, Role, Subject

AMY, BOB = (Subject(Role.STAFF, "council", person) for person in ("amy", "bob"))
CARE = by(AMY, Proof.CONSOLE, "h-17", Action.READ, "care")
EMERGENCY = by(BOB, Proof.CONSOLE, "h-17", Action.READ, "emergency")


@pytest.fixture
def clock() -> Clock:
    """On a Friday morning."""
    return Clock(NOW_MS)


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    """A desk of its own."""
    with closing(open_database(tmp_path / "lum.db")) as db:
        yield make_desk(db, tmp_path / "book", clock)


def files(desk: Desk) -> tuple[Path, Path]:
    """Its policy.toml and its grants.toml."""
    return desk.book._files


def kinds(desk: Desk) -> list[str]:
    """What the audit is about, row by row."""
    return [row.kind for row in desk.audit.rows()]


def test_a_look_is_on_record_with_all_that_decided_it(desk: Desk) -> None:
    """Who, whose, what, why, by which rule of which version; and ``why`` tells it again."""
    look = desk.look(CARE)
    told = desk.why(look.number)

    assert look.classes == set(DataClass) - {DataClass.OTHER, DataClass.ALL}
    assert isinstance(told, dict)
    expected = {
        "number": look.number,
        "at_ms": NOW_MS,
        "allow": True,
        "who": "staff:council/amy",
        "proof": "console",
        "home": "h-17",
        "action": "read",
        "purpose": "care",
        "classes": ["activity", "alert", "climate", "health", "state", "upkeep"],
        "withheld": {"other": "class-not-allowed"},
        "rule": "staff-caseload",
        "code": "",
        "detail": "",
        "policy": 1,
        "grants": 1,
    }
    assert told == expected


def test_a_refused_look_is_on_record_with_its_words(desk: Desk) -> None:
    """Somebody who is not on the caseload."""
    look = desk.look(replace(CARE, home="h-18"))
    told = desk.why(look.number)

    assert look == Look(look.number, frozenset(), Refused("not-your-home", "h-18"))
    assert isinstance(told, dict)
    assert (told["allow"], told["code"], told["fixer"]) == (False, "not-your-home", "the team lead")
    assert told["sentence"].startswith("This home is not one")


def test_the_same_look_is_news_once_a_quarter_of_an_hour(desk: Desk, clock: Clock) -> None:
    """A page that renews itself fills no log; what changes is written at once."""
    first = desk.look(CARE)
    clock.now_ms += NEWS_SPAN_MS - 1
    again = desk.look(CARE)
    other = desk.look(replace(CARE, home="h-18"))
    clock.now_ms += 1
    later = desk.look(CARE)

    assert again == first
    assert len({first.number, other.number, later.number}) == 3
    assert kinds(desk).count("decision") == 3


def test_what_if_writes_nothing(desk: Desk) -> None:
    """It decides the same, at any time, and leaves no trace."""
    desk.look(CARE)
    before = kinds(desk)
    ruling = desk.what_if(CARE, DataClass.ACTIVITY)
    partner = Subject(Role.PARTNER, "nhs-falls", "eve")
    asking = by(partner, Proof.CONSOLE, "h-17", Action.READ, "falls-response")
    ended = desk.what_if(asking, DataClass.ALERT, NOW_MS + 300 * DAY_MS)

    assert ruling.rule == "staff-caseload"
    assert ruling.allow
    assert ended.refused
    assert ended.refused.code == "grant-expired"
    assert kinds(desk) == before


@pytest.mark.parametrize(
    ("file", "text", "code"),
    [
        (0, POLICY.replace("version = 1", "version = 2\ncolour = 1"), "policy-file-wrong"),
        (0, POLICY.replace('"care"', '"fun"'), "policy-version-old"),
        (1, GRANTS.replace("version = 1", "version = 2").replace("dpia", "dpi"), "policy-file-wrong"),
        (1, GRANTS + "# another word\n", "policy-version-old"),
        (1, "\udcff", "policy-file-wrong"),
        (1, None, "policy-file-wrong"),
    ],
)
def test_a_bad_file_changes_nothing_and_is_said(desk: Desk, file: int, text: str | None, code: str) -> None:
    """What was in force stays, for a desk that starts anew as well; it is on record once."""
    desk.look(CARE)
    if text is None:
        files(desk)[file].unlink()
    else:
        files(desk)[file].write_bytes(text.encode("utf-8", "surrogateescape"))
    anew = another(desk)

    assert desk.look(CARE).classes == anew.look(CARE).classes != frozenset()
    for one in (desk, anew):
        in_force = one.in_force()
        assert (in_force["policy"], in_force["grants"], in_force["code"]) == (1, 1, code)
    said = 1 if text not in {None, "\udcff"} else 0
    assert kinds(desk).count("book-refused") == said
    assert [one["code"] for one in Batches(desk.db).incidents()] == [code] * said


def test_a_good_file_of_a_higher_version_is_taken_up(desk: Desk) -> None:
    """At the next decision, by whoever makes it; the version is on record."""
    desk.look(CARE)
    files(desk)[1].write_text(GRANTS.replace("version = 1", "version = 2").replace("h-17", "h-19"))
    look = desk.look(replace(CARE, home="h-19"))
    told = desk.why(look.number)

    assert desk.look(CARE).refused
    assert isinstance(told, dict)
    assert (told["allow"], told["policy"], told["grants"]) == (True, 1, 2)
    assert kinds(desk).count("book") == 2


def test_without_rules_everything_is_refused(tmp_path: Path, clock: Clock) -> None:
    """A site whose files never were there says so, and goes on once they are."""
    with closing(open_database(tmp_path / "lum.db")) as db:
        desk = make_desk(db, tmp_path / "book", clock)
        texts = [file.read_text() for file in files(desk)]
        for file in files(desk):
            file.unlink()
        look = desk.look(CARE)

        assert look.refused
        assert look.refused.code == "policy-missing"
        assert desk.what_if(CARE, DataClass.STATE).refused
        assert desk.in_force()["code"] == "policy-missing"
        for file, text in zip(files(desk), texts, strict=True):
            file.write_text(text)
        assert desk.look(CARE).classes


def test_staff_on_duty_break_the_glass_for_an_hour(desk: Desk, clock: Clock) -> None:
    """At once, for one home; minute 60 is over."""
    assert refusal(desk.look(EMERGENCY)) == "glass-not-broken"
    opening = desk.break_glass(BOB, "h-17", "no-answer")

    assert isinstance(opening, Opening)
    assert opening.until_ms == NOW_MS + OPEN_MS
    assert desk.look(EMERGENCY).classes
    assert refusal(desk.look(replace(EMERGENCY, home="h-18"))) == "glass-not-broken"
    clock.now_ms += OPEN_MS
    assert refusal(desk.look(EMERGENCY)) == "glass-hour-over"


def test_the_resident_can_see_that_the_glass_was_broken(desk: Desk) -> None:
    """The first row on the home's own list."""
    desk.break_glass(BOB, "h-17", "alarm")
    [row] = desk.audit.decisions_on("h-17", 0, 10)

    assert (row.facts["who"], row.facts["action"], row.facts["cause"]) == (
        "staff:council/bob",
        "break-glass",
        "alarm",
    )


@pytest.mark.parametrize(
    ("who", "cause", "code"),
    [
        (BOB, "", "glass-cause-missing"),
        (BOB, "curious", "glass-cause-missing"),
        (AMY, "alarm", "not-on-duty"),
        (Subject(Role.PARTNER, "nhs-falls", "eve"), "alarm", "no-rule"),
    ],
)
def test_who_may_not_break_the_glass(desk: Desk, who: Subject, cause: str, code: str) -> None:
    """No cause, no duty, no member of staff: nothing is opened."""
    refused = desk.break_glass(who, "h-17", cause)

    assert isinstance(refused, Refused)
    assert refused.code == code
    assert list(desk.book.openings()) == []


def test_an_unreviewed_opening_is_escalated_once(desk: Desk, clock: Clock) -> None:
    """Not before three working days; then operations see it among what they must look at."""
    opening = desk.break_glass(BOB, "h-17", "no-answer")
    assert isinstance(opening, Opening)

    clock.now_ms = opening.review_due_ms - 1
    assert desk.escalate() == []
    clock.now_ms += 1
    assert [one.number for one in desk.escalate()] == [opening.number]
    assert desk.escalate() == []
    [incident] = Batches(desk.db).incidents()
    assert (incident["hub"], incident["code"]) == ("home h-17", "glass-unreviewed")
    assert "escalated" in kinds(desk)


def test_a_review_ends_it(desk: Desk, clock: Clock) -> None:
    """By somebody else, once, with a finding; then nothing is escalated."""
    opening = desk.break_glass(BOB, "h-17", "no-answer")
    assert isinstance(opening, Opening)
    own = desk.review(opening.number, BOB, Finding.JUSTIFIED)
    reviewed = desk.review(opening.number, AMY, Finding.NOT_JUSTIFIED)
    again = desk.review(opening.number, AMY, Finding.JUSTIFIED)
    clock.now_ms = opening.review_due_ms

    assert isinstance(own, Refused)
    assert own.code == "review-of-own"
    assert isinstance(reviewed, Opening)
    assert (reviewed.reviewer, reviewed.finding) == ("staff:council/amy", Finding.NOT_JUSTIFIED)
    assert isinstance(again, Refused)
    assert again.code == "review-done"
    assert isinstance(desk.review(99, AMY, Finding.JUSTIFIED), Refused)
    assert desk.escalate() == []
    assert list(desk.book.openings()) == [reviewed]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("button_left", DataClass.ALERT),
        ("smoke", DataClass.ALERT),
        ("door", DataClass.ACTIVITY),
        ("motion", DataClass.ACTIVITY),
        ("temperature_probe_2", DataClass.CLIMATE),
        ("temperature_2", DataClass.CLIMATE),
        ("light", DataClass.ACTIVITY),
        ("light_level", DataClass.CLIMATE),
        ("heart_rate", DataClass.HEALTH),
        ("battery_low", DataClass.UPKEEP),
        ("text", DataClass.OTHER),
        ("made_up_tomorrow", DataClass.OTHER),
    ],
)
def test_each_kind_of_reading_has_a_class(kind: str, data: DataClass) -> None:
    """By its first words; what is not known is not guessed."""
    assert class_of(kind) is data


def refusal(look: Look) -> str:
    """The code of a look that was refused."""
    assert look.refused
    return look.refused.code


def another(desk: Desk) -> Desk:
    """A desk that starts anew over the same store and files."""
    policy, grants = files(desk)
    paths = Paths(policy=policy, grants=grants)
    return Desk(desk.db, ReceiverConfig("demo", "localhost", "127.0.0.1", paths=paths), desk.now_ms)


def test_a_request_is_of_now(desk: Desk) -> None:
    """Whoever asks cannot say when."""
    assert desk.look(replace(CARE, now_ms=1)).classes
