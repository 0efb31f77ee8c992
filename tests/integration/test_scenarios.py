"""Scenarios against the real chain: some of each promise on every run, all of them in ``make test-long``."""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from hil_tests.cli import SCENARIOS, cli, scenario_files
from hil_tests.inprocess import playable, run_file, run_virtual
from hil_tests.runner import run
from hil_tests.scenario import load_scenario
from hil_tests.verdict import Verdict

if TYPE_CHECKING:
    from hil_tests.runner import Result

REPRESENTATIVE = [
    "p1_power_cut_while_cut_off",
    "p1_real_nodes",
    "p2_replayed_door",
    "p3_box_reads_along",
    "p4_dongle_pulled",
    "p4_bluetoothd_crashes",
    "p5_revoked_and_restarted",
]


def played(*files: Path) -> list[Result]:
    """The results of these scenarios, two at a time."""

    async def play() -> list[Result]:
        turns = asyncio.Semaphore(2)

        async def one(file: Path) -> Result:
            async with turns:
                return await run(load_scenario(file), str(file))

        return await asyncio.gather(*map(one, files))

    return asyncio.run(play())


def over_processes(file: Path) -> bool:
    """Whether its story is short enough for that."""
    return load_scenario(file).time == "real"


@pytest.fixture(scope="module")
def representative() -> dict[str, Result]:
    """The representative ones, played."""
    return dict(
        zip(REPRESENTATIVE, played(*(SCENARIOS / f"{name}.toml" for name in REPRESENTATIVE)), strict=True)
    )


@pytest.mark.needs("fusermount3", "dbus-daemon")
@pytest.mark.parametrize("name", REPRESENTATIVE)
def test_the_promise_is_kept(name: str, representative: dict[str, Result]) -> None:
    """And every fault in it fired."""
    result = representative[name]
    assert (result.verdict, result.sentences) == (Verdict.PASSED, [])
    assert all(one.fired for one in result.evidence)


@pytest.mark.long
@pytest.mark.parametrize(
    "file",
    [one for one in scenario_files() if one.stem not in REPRESENTATIVE and over_processes(one)],
    ids=str,
)
def test_every_scenario_ends_as_it_says(file: Path) -> None:
    """Passed, or failed as it is known to."""
    scenario = load_scenario(file)
    (result,) = played(file)
    wanted = Verdict.EXPECTED if scenario.expected_failure else Verdict.PASSED
    assert result.verdict is wanted, "\n".join([*result.sentences, result.replay])


@pytest.mark.parametrize("file", [one for one in scenario_files() if playable(load_scenario(one))], ids=str)
def test_the_promise_is_kept_in_virtual_time(file: Path) -> None:
    """All that need no processes, in a tenth of a second each; a story of days takes most of a minute."""
    scenario = load_scenario(file)
    result = run_virtual(scenario, scenario.seed, file=str(file))
    assert (result.verdict, result.sentences) == (Verdict.PASSED, [])


def test_a_fault_that_does_not_fire_proves_nothing(tmp_path: Path) -> None:
    """It is no pass, though everything is stored."""
    file = tmp_path / "nothing_lost.toml"
    file.write_text(
        'title = "No advert is lost"\nseed = 5\nduration_s = 6\n'
        '[home]\nname = "home"\nfurnished = "cottage"\n'
        '[[faults]]\ndo = "radio.loss"\nat_s = 2\nfor_s = 3\npart = 0.0\n'
    )
    result = run_file(file)
    assert result.verdict is Verdict.INVALID
    assert result.sentences == ["radio.loss did not fire: 0 adverts were lost."]


def test_a_run_is_told_kept_and_drawn(tmp_path: Path) -> None:
    """As an engineer uses it: run, look at the last line, draw the report."""
    shell = CliRunner()
    ran = shell.invoke(cli, ["run", "p4_ghost_pulse", "--virtual", "--json", "--into", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    total = json.loads(ran.stdout.splitlines()[-1])
    assert total | {"seconds": 0} == {
        "run": 1,
        "passed": 1,
        "failed": 0,
        "invalid": 0,
        "expected_failures": 0,
        "faults_fired": 1,
        "seconds": 0,
    }
    drawn = shell.invoke(cli, ["report", str(tmp_path), "--junit", str(tmp_path / "junit.xml")])
    assert drawn.exit_code == 0, drawn.output
    assert "A motion sensor fires in an empty hall" in (tmp_path / "report.html").read_text()
    assert ET.parse(tmp_path / "junit.xml").getroot().get("tests") == "1"  # noqa: S314 - we wrote it
