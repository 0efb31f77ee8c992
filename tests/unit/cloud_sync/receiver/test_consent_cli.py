"""``lum-receiver consent | pause | event`` over a store with a home in it, and what the watch makes of it."""

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
from cloud_sync.receiver.store.assured import Assured
from cloud_sync.receiver.watch import Watch
from tests.helpers.desk import GRANTS, write_book
from tests.helpers.seeded_home import HUB, SeededHome, Told, sensor

HOME = "margaret"
HALL = sensor(1, "Hall", "Hall", role="presence")
PENDANT = sensor(2, "Pendant", "Hall", role="help")
SECOND = 1_000


class Site:
    """A site directory with one home, and the watch over it; agreements are needed."""

    def __init__(self, directory: Path) -> None:
        (directory / "receiver.toml").write_text('site = "demo"\nhost = "h"\nbind = "127.0.0.1"\n')
        (directory / "store").mkdir()
        write_book(directory, GRANTS)
        self.now_ms = time.time_ns() // 1_000_000
        self.home = SeededHome(directory / "store" / "lum.db", self.now_ms)
        self.home.beat()
        self.home.tell([Told(HALL), Told(PENDANT)])
        db = self.home.db
        self.settings = self.home.batches.settings
        self.watch = Watch(db, directory / "homes", consent_needed=True)
        self.look()

    def look(self) -> None:
        """The watch looks again, at the time of the commands."""
        self.home.now_ms = self.now_ms = max(self.now_ms + SECOND, time.time_ns() // 1_000_000 + SECOND)
        self.home.beat()
        self.watch.look(lambda: self.now_ms)

    def states(self) -> dict[str, tuple[State, str]]:
        """Each question's state and cause."""
        asked = self.home.homes.home(HOME).asked
        return {one.stretch.question.value: (one.stretch.state, one.stretch.cause.value) for one in asked}

    def incidents(self) -> dict[str, str]:
        """What stands open, with its evidence."""
        return {one.subject: one.evidence for one in Assured(self.home.db).open_incidents(HOME)}

    def confirm(self) -> None:
        """The hub says that it goes by what is wanted."""
        with self.home.batches.transaction():
            self.home.db.execute(
                "UPDATE setting SET taken = number, pauses = wanted, since_ms = ? WHERE hub = ?",
                (self.now_ms, HUB),
            )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """In the present directory."""
    monkeypatch.chdir(tmp_path)
    site = Site(tmp_path)
    yield site
    site.home.db.close()


def run(*words: str) -> Result:
    """One command in this process."""
    return CliRunner().invoke(cli, words)


def agree(*more: str) -> Result:
    """The resident agrees to everything."""
    return run("consent", HOME, "give", "--evidence", "told Amy on her visit", *more)


def test_a_home_that_agreed_to_nothing_is_paused_with_a_notice_and_its_hub_is_told(site: Site) -> None:
    """From the first look on; once it agrees it is watched, and the notice is settled."""
    assert site.states()["moving"] == (State.PAUSED, "not-agreed")
    assert site.incidents()["consent"].startswith("Nobody has agreed yet that we ask: ")
    [pause] = site.settings.stand(HUB).wanted
    assert pause.stays == ("hazard", "help")

    made = agree()
    assert made.exit_code == 0
    assert "Agreement 1 stands until" in made.output
    site.look()
    assert site.states()["help"][0] is State.WATCHING
    assert site.incidents() == {}
    assert [one.stays for one in site.settings.stand(HUB).wanted if one.from_ms <= site.now_ms] == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--by", "next-of-kin"), "being next of kin gives no power"),
        (("--until", "2099-01-01"), "366 days"),
        (("--until", "2001-01-01"), "before it begins"),
        (("--evidence", ""), "evidence must be written down"),
    ],
)
def test_what_is_no_agreement_is_refused_with_what_to_do(
    site: Site, words: tuple[str, ...], says: str
) -> None:
    """And nothing is written."""
    refused = agree(*words)

    assert says in str(refused.exception)
    assert getattr(refused.exception, "hint", "")
    assert json.loads(run("consent", HOME, "--json").output)["agreements"] == []
    assert site.states()["moving"][0] is State.PAUSED


def test_an_agreement_to_one_question_leaves_the_others_paused(site: Site) -> None:
    """The audit says who wrote it down, and no name."""
    agree("--question", "help", "--by", "welfare-attorney", "--who", "Jean Reid")
    site.look()

    assert site.states()["help"][0] is State.WATCHING
    assert site.states()["moving"] == (State.PAUSED, "not-agreed")
    rows = site.home.db.execute("SELECT * FROM audit").fetchall()
    [facts] = [json.loads(row["facts"]) for row in rows if row["kind"] == "agreed"]
    assert (facts["authority"], facts["questions"]) == ("welfare-attorney", ["help"])
    assert not any("Reid" in row["facts"] for row in rows)
    assert [json.loads(row["facts"])["action"] for row in rows if row["kind"] == "decision"] == ["agree"]


def test_a_withdrawal_pauses_and_tells(site: Site) -> None:
    """At the next look."""
    agree()
    run("consent", HOME, "withdraw")
    site.look()

    assert site.states()["moving"] == (State.PAUSED, "agreement-ended")
    assert "has ended" in site.incidents()["consent"]


def test_a_pause_is_asked_for_until_the_hub_confirms_it(site: Site) -> None:
    """Then it is PAUSED in the ledger, and on the page; ended, it is so again only once the hub says so."""
    agree()
    site.look()
    assert site.states()["moving"][0] is State.WATCHING
    site.confirm()
    asked = run("pause", HOME, "--for", "4h")
    assert "is asked for: up, moving, out, warm, door, wandering." in asked.output
    site.look()
    assert site.states()["moving"][0] is State.WATCHING
    assert "Asked for, not yet confirmed by the hub: up, moving" in run("pause", HOME).output

    site.confirm()
    site.look()
    assert site.states()["moving"] == (State.PAUSED, "paused")
    assert site.states()["help"][0] is State.WATCHING
    assert site.incidents() == {}
    facts = json.loads(run("pause", HOME, "--json").output)
    assert facts["paused"] == sorted(
        question.value for question in Question if question.value not in {"help", "hazard"}
    )
    assert facts["hubs"][HUB]["confirmed"] is True

    run("pause", HOME, "--end")
    site.look()
    assert site.states()["moving"] == (State.PAUSED, "left-out")  # the hub has not heard of the end yet
    site.confirm()
    site.look()
    assert site.states()["moving"][0] is not State.BLIND


@pytest.mark.usefixtures("site")
def test_a_pause_of_one_question_says_what_is_recorded_all_the_same() -> None:
    """Whoever pauses must not think that nothing is recorded."""
    told = run("pause", HOME, "--question", "moving", "--for", "30m").output

    assert "is asked for: moving. What these need is recorded as before: up, out," in told


def test_an_event_pauses_what_its_template_names_and_is_on_the_page(site: Site) -> None:
    """It ends by itself, or when somebody says so."""
    agree()
    told = run("event", HOME, "away", "--until", "2099-01-01")
    assert "90 days at most" in str(told.exception)
    until = time.strftime("%Y-%m-%dT%H:%M", time.localtime(site.now_ms / 1000 + 5 * 86_400))
    told = run("event", HOME, "away", "--until", until)
    assert told.output.startswith("“Away” from ")
    site.look()
    site.confirm()
    site.look()

    assert site.states()["moving"] == (State.PAUSED, "paused")
    assert "“Away”, asked for by the resident" in run("event", HOME).output
    assert "Ended: “Away”." in run("event", HOME, "end").output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("pause", HOME, "--for", "soon"), "is no span"),
        (("pause", HOME, "--question", "moving"), "Until when?"),
        (("pause", HOME, "--for", "1h", "--until", "2099-01-01"), "either --for or --until"),
        (("pause", HOME, "--until", "2001-01-01"), "before it begins"),
        (("pause", HOME, "--for", "1h", "--by", "neighbour"), "no capacity"),
        (("event", HOME, "away"), "Until when?"),
        (("pause", "h-99", "--for", "1h"), "Nothing is held of a home 'h-99'"),
    ],
)
@pytest.mark.usefixtures("site")
def test_what_cannot_be_written_down_is_told(words: tuple[str, ...], says: str) -> None:
    """In a sentence."""
    told = run(*words)

    assert told.exit_code != 0
    assert says in told.output + str(told.exception)


@pytest.mark.usefixtures("site")
def test_staff_write_down_what_their_own_homes_say() -> None:
    """By the caseload in grants.toml; the refusal is on record too."""
    refused = run("pause", HOME, "--for", "1h", "--as", "staff:council/amy")

    assert getattr(refused.exception, "code", "") == "not-your-home"
    assert run("pause", HOME, "--json").exit_code == 0
