"""Taking in hand and closing, from the command to the watch and back, over a real store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.plan import Question
from cloud_sync.receiver.cli import cli
from cloud_sync.receiver.store.audit import AuditLog
from cloud_sync.receiver.store.responses import Responses
from tests.helpers.incident_site import HOME, NOW, PENDANT, SMOKE, Site
from tests.helpers.seeded_home import MINUTE, Told, state

AMY = ("--as", "staff:council/amy", "--purpose", "care")
GRANTS = f'version = 1\n[[staff]]\nwho = "council/amy"\nhomes = ["{HOME}"]\n'


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A home whose button was pressed; the present directory is the site's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    site = Site(tmp_path, GRANTS)
    monkeypatch.setattr("cloud_sync.receiver.incident_cli._now_ms", lambda: site.now_ms)
    site.tell(Told(PENDANT), Told(SMOKE))
    site.look()
    site.press()
    site.look()
    yield site
    site.home.db.close()
    monkeypatch.undo()
    time.tzset()


def run(*words: str) -> Result:
    """One command in this process."""
    return CliRunner().invoke(cli, ["incident", *words])


def refused(*words: str) -> str:
    """The code of a refusal."""
    told = run(*words)
    assert told.exception is not None
    code: str = getattr(told.exception, "code", "")
    return code


def test_what_is_open_is_listed_in_words(site: Site) -> None:
    """Since when, known when, how pressing, and that nobody has it."""
    told = run("list")

    assert told.exit_code == 0, told.output
    assert f"{HOME}  help  Help was asked for: emergency, since " in told.output
    assert "The help button was pressed at 08:00." in told.output
    assert "Nobody has it in hand." in told.output
    facts = json.loads(run("list", "--json").output)
    assert (facts["subject"], facts["raised_ms"], facts["in_hand"]) == ("help", NOW + 4_000, "")
    del site


def test_somebody_takes_it_in_hand_and_closes_it_with_a_word(site: Site) -> None:
    """The watch takes both up; who, what and when are kept at both clocks, and stand in the audit without the words."""
    assert run("take", HOME, "help", "--why", "ringing her", *AMY).exit_code == 0
    assert "(the watch has not taken it up yet)" in run("show", HOME, "help").output
    site.look()
    [incident] = site.assured.open_incidents(HOME)
    assert (incident.in_hand, incident.hand_ms) == ("staff:council/amy", site.now_ms - 2_000)
    assert "staff:council/amy has had it in hand since" in run("list").output

    assert run("close", HOME, "help", "--found", "by mistake", *AMY).exit_code == 0
    assert refused("close", HOME, "help", "--found", "again", *AMY) == "incident-not-open"
    site.look()

    assert site.open() == []
    [closed] = site.assured.closed_incidents(HOME, 0)
    assert (closed.outcome, closed.closed_by) == ("by mistake", "staff:council/amy")
    rows = [row for row in AuditLog(site.home.db).rows() if row.kind == "response"]
    assert [(row.facts["act"], row.facts["who"]) for row in rows] == [
        ("take", "staff:council/amy"),
        ("close", "staff:council/amy"),
    ]
    assert not any("mistake" in row.text or "ringing" in row.text for row in AuditLog(site.home.db).rows())
    assert "Closed " in run("list", "--closed").output


def test_an_answered_press_stays_answered_after_a_restart(site: Site) -> None:
    """The events are still there, from which the new watch learns; another press is another incident."""
    run("close", HOME, "help", "--found", "by mistake", *AMY)
    site.look()
    site.start()
    site.look()
    assert site.open() == []
    site.press()
    site.look()
    assert site.open() == ["help"]


def test_what_was_said_while_no_watch_ran_is_taken_up_by_the_next(site: Site) -> None:
    """It waits in the store."""
    run("take", HOME, "help", *AMY)
    run("close", HOME, "help", "--found", "by mistake", *AMY)
    site.start()
    site.look()
    assert site.open() == []
    assert [one.in_hand for one in site.assured.closed_incidents(HOME, 0)] == ["staff:council/amy"]


@pytest.mark.parametrize("restart", [False, True])
def test_a_press_that_nobody_could_know_of_is_not_closed_with_the_other(site: Site, restart: bool) -> None:
    """She presses again while Amy writes down what she found: that is a new incident, also for a new watch."""
    site.press()
    run("close", HOME, "help", "--found", "by mistake", *AMY)
    if restart:
        site.start()
    site.look()
    assert site.open() == ["help"]
    assert len(site.assured.closed_incidents(HOME, 0)) == 1


def test_an_open_press_outlives_its_events_and_a_restart(site: Site) -> None:
    """Events go after four weeks; a press stands until a person closes it."""
    site.home.db.execute("DELETE FROM event")
    site.start()
    site.look(40 * 24 * 60 * MINUTE)
    assert "help" in site.open()


def test_smoke_that_goes_on_is_told_anew_after_it_was_closed(site: Site) -> None:
    """A warner that was answered and speaks again is another call."""
    site.tell(Told(SMOKE, [(state("smoke"), 1, 500)]))
    site.look()
    run("close", HOME, "hazard", "--found", "toast", *AMY)
    site.look()
    assert site.open() == ["help"]
    site.tell(Told(SMOKE, [(state("smoke"), 1, 500)]))
    site.look()
    assert site.open() == ["hazard", "help"]


def test_incidents_of_a_question_that_is_dropped_are_closed_with_that_reason(site: Site) -> None:
    """By the home's parameters, from the next minute."""
    (site.directory / "homes").mkdir()
    (site.directory / "homes" / f"{HOME}.toml").write_text('version = 1\nquestions = ["hazard"]\n')
    site.look(MINUTE)
    assert site.open() == []
    [closed] = site.assured.closed_incidents(HOME, 0)
    assert (closed.outcome, closed.closed_by) == ("This is no longer asked of this home.", "")


def test_a_blindness_is_taken_in_hand_and_ends_by_itself(site: Site) -> None:
    """Nobody can say that it is over while it lasts."""
    site.look(60 * MINUTE)  # the watch slept, and the hub with it
    site.look(40 * MINUTE)
    assert "blind" in site.open()
    assert refused("close", HOME, "blind", "--found", "nothing", *AMY) == "incident-still-blind"
    assert run("take", HOME, "blind", "--why", "rang the neighbour", *AMY).exit_code == 0
    site.look()
    assert [one.in_hand for one in site.assured.open_incidents(HOME) if one.subject == "blind"] == [
        "staff:council/amy"
    ]
    lasting = site.assured.lasting(HOME)
    assert {one.state for one in lasting if one.question is Question.HELP} == {State.BLIND}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("close", HOME, "help", *AMY), "incident-words-missing"),
        (("close", HOME, "up", "--found", "x", *AMY), "incident-not-open"),
        (("take", HOME, "help", "--at", "2027-01-14 08:00", *AMY), "incident-time-wrong"),
        (("take", HOME, "help", "--at", "2030-01-01 08:00", *AMY), "incident-time-wrong"),
        (("take", HOME, "help", "--as", "staff:council/bob", "--purpose", "care"), "not-your-home"),
        (("take", HOME, "help", "--as", f"family:{HOME}/ann", "--purpose", "family"), "no-rule"),
        (("show", HOME, "up"), "incident-not-open"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_code(site: Site, words: tuple[str, ...], code: str) -> None:
    """Nothing is written down but the decision."""
    assert refused(*words) == code
    assert Responses(site.home.db).waiting() == {}


def test_it_can_be_said_afterwards_and_both_clocks_are_kept(site: Site) -> None:
    """Amy was there at eight, and writes it down at twenty past."""
    site.look(20 * MINUTE)
    assert run("take", HOME, "help", "--at", "2027-01-15 08:01", *AMY).exit_code == 0
    site.look()
    [incident] = [one for one in site.assured.open_incidents(HOME) if one.subject == "help"]
    assert incident.hand_ms == NOW + MINUTE
    [said] = json.loads(run("show", HOME, "help", "--json").output)["responses"]
    assert (said["happened_ms"], said["known_ms"]) == (NOW + MINUTE, site.now_ms - 2_000)
