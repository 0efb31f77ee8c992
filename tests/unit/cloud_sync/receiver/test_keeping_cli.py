"""The commands over a store with a home in it: what is shown, erased, handed out."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cloud_sync.receiver.cli import cli
from tests.helpers.desk import GRANTS, write_book
from tests.helpers.intake import Intake, fresh_intake
from tests.helpers.trust import HUB, NOW_MS
from zero_trust.policy import Standing
from zero_trust.reasons import reason

DAY_MS = 86_400_000
CAME_MS = (NOW_MS + DAY_MS, NOW_MS + 3 * DAY_MS)


@pytest.fixture
def intake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    """A site with two readings of one home; the present directory is the site's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cloud_sync.receiver.keeping_cli._now_ms", lambda: NOW_MS + 102 * DAY_MS)
    (tmp_path / "receiver.toml").write_text(f'site = "{HUB.site}"\nhost = "h"\nbind = "127.0.0.1"\n')
    (tmp_path / "store").mkdir()
    write_book(tmp_path, GRANTS)
    with fresh_intake(tmp_path / "store" / "lum.db") as intake:
        for seq, received_ms in enumerate(CAME_MS, start=1):
            intake.answers(intake.sealed(intake.batch(seq, anchor=None)), received_ms)
        yield intake


def run(*words: str) -> Result:
    """One command in this process."""
    return CliRunner().invoke(cli, words)


def test_retention_shows_first_and_erases_when_told(intake: Intake) -> None:
    """The numbers agree, and the site's own run finds nothing left to do."""
    shown = run("retention")
    assert "readings  kept   100 days; 1 batches with 1 readings and 0 rows are older." in shown.output
    assert "Nothing was erased" in shown.output
    assert intake.stored() == [1, 2]

    told = json.loads(run("retention", "--apply", "--json").output)
    assert told["policy"] == {"readings_days": 100, "derived_days": 400, "evidence_days": 1096}
    assert told["due"]["readings"] == {"batches": 1, "readings": 1, "rows": 0}
    assert told["erased"] == {"batches": 1, "readings": 1, "rows": 0, "traces": ""}
    assert intake.stored() == [2]

    again = run("retention", "--apply", "--verify")
    assert "Erased: 0 batches with 0 readings, 0 other rows." in again.output
    assert "1 deletion records and all streams hold." in again.output


def test_what_was_tampered_with_is_told_with_exit_code_1(intake: Intake) -> None:
    """A record, and a stream."""
    run("retention", "--apply")
    intake.db.execute("UPDATE deletion SET why = 'none'")
    intake.db.execute("UPDATE account SET chain = x'00'")

    told = run("retention", "--verify")

    assert told.exit_code == 1
    assert "Deletion record 1 does not hold" in told.output
    assert f"The account of {HUB.hub} urgent does not follow" in told.output
    assert len(json.loads(run("retention", "--verify", "--json").output)["broken"]) == 2


def test_forget_erases_a_home_and_says_what_stays(intake: Intake) -> None:
    """A hub that is still enrolled goes on; the person who asks must know."""
    told = run("forget", HUB.home, "--yes", "--why", "wish of the family")

    assert told.exit_code == 0
    assert "Erased: 2 batches with 2 readings" in told.output
    assert f"Hub {HUB.hub} is still enrolled" in told.output
    assert "Backups still hold it" in told.output
    assert intake.stored() == []
    intake.registry.stand(HUB.hub, Standing.REVOKED, "moved out", NOW_MS)
    facts = json.loads(run("forget", HUB.home, "--yes", "--json").output)
    assert (facts["batches"], facts["still_enrolled"], facts["traces"]) == (0, [], "")


def test_forget_asks_unless_told_not_to(intake: Intake) -> None:
    """Nobody there to ask: nothing is erased, and the way is named."""
    told = run("forget", HUB.home)

    assert told.exit_code != 0
    assert "say --yes" in told.output
    assert intake.stored() == [1, 2]


@pytest.mark.parametrize("command", [("forget", "--yes"), ("export",)])
@pytest.mark.usefixtures("intake")
def test_a_home_that_was_never_served_is_named_with_those_that_were(command: tuple[str, ...]) -> None:
    """A typing error must not read as success."""
    told = run(command[0], "oak-lane", *command[1:])

    assert told.exit_code != 0
    assert f"Nothing is held of a home 'oak-lane'. Homes that had a hub: {HUB.home}." in told.output


def test_export_holds_everything_about_a_home_for_its_people(intake: Intake, tmp_path: Path) -> None:
    """Readable in a spreadsheet, explained in words, and nobody else can open the file."""
    with intake.batches.transaction():
        intake.batches.raise_incident(HUB.hub, "readings-shed", "urgent 5-9", NOW_MS)
    intake.db.execute("UPDATE sensor SET name = '=1+1'")
    told = run("export", HUB.home)

    file = tmp_path / f"{HUB.home}.zip"
    assert told.exit_code == 0, told.output
    assert f"Everything held about {HUB.home} is in {HUB.home}.zip, with 2 readings." in told.output
    assert file.stat().st_mode & 0o777 == 0o600
    held = tables(file)
    assert [(row["value"], row["room"], row["name"]) for row in held["readings.csv"]] == [
        ("1", "Hall", "'=1+1"),
        ("2", "Hall", "'=1+1"),
    ]
    assert held["readings.csv"][1]["received"] == "2027-01-18 08:00:00.000Z"
    assert held["sensors.csv"][0]["proves_it_lives"] == "heartbeat"
    assert held["hubs.csv"][0]["standing"] == "enrolled"
    assert held["troubles.csv"][0]["meaning"] == reason("readings-shed").sentence
    with zipfile.ZipFile(file) as archive:
        explained = archive.read("README.txt").decode()
        assert all(name in explained for name in archive.namelist() if name != "README.txt")
    assert "exists already" in run("export", HUB.home).output


def test_an_export_after_forgetting_tells_what_was_erased(intake: Intake, tmp_path: Path) -> None:
    """And holds nothing else of it."""
    intake.registry.stand(HUB.hub, Standing.REVOKED, "moved out", NOW_MS)
    run("forget", HUB.home, "--yes", "--why", "wish of the family")
    run("export", HUB.home, "--to", "mine.zip")

    held = tables(tmp_path / "mine.zip")
    assert {name: len(rows) for name, rows in held.items() if rows} == {
        "hubs.csv": 1,
        "erased.csv": len(held["erased.csv"]),
    }
    assert held["erased.csv"][0]["batches_of_this_home"] == "2"
    assert {row["why"] for row in held["erased.csv"]} == {"wish of the family"}


def test_restoring_an_older_copy_forgets_again_who_was_forgotten_since(intake: Intake) -> None:
    """And says so."""
    run("backup", "tonight.db")
    run("forget", HUB.home, "--yes")

    told = run("restore", "tonight.db")

    assert f"{HUB.home} was forgotten since that copy was made, and is so again." in told.output
    assert intake.stored() == []


def tables(file: Path) -> dict[str, list[dict[str, str]]]:
    """The tables of an export, by name."""
    with zipfile.ZipFile(file) as archive:
        return {
            name: list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"))))
            for name in archive.namelist()
            if name.endswith(".csv")
        }
