"""The hub on a board of its own: Linux's Bluetooth, the real bluetoothd, a power cut that is one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from hil_tests.cli import SCENARIOS, cli
from hil_tests.rig.vm.machine import missing
from hil_tests.runner import Result
from hil_tests.tier import Tier
from hil_tests.verdict import Verdict

LACKS = ", ".join(missing())
pytestmark = [
    pytest.mark.long,
    pytest.mark.needs("dbus-daemon"),
    pytest.mark.skipif(bool(LACKS), reason=f"a virtual machine needs {LACKS}"),
]
Play = Callable[[Path], Result]

WAKES_UP_IN_2021 = """\
title = "A board without a clock wakes up in 2021"
promise = "P6"
seed = 405
duration_s = 10
expected_failure = "A hub that starts with a wrong clock refuses the site's certificate, and has nobody to ask the time."

[home]
name = "home"
furnished = "cottage"

[hub]
radio = "vm"
reboots_at = 2021-01-01T00:00:00Z

[[faults]]
do = "hub.kill"
at_s = 4
for_s = 2
"""


@pytest.fixture
def rig() -> Tier:
    """Whatever ``--rig`` says."""
    return Tier.VM


def test_a_real_bluetoothd_brings_the_same_readings(tmp_path: Path) -> None:
    """As the rig's own, and as HCI: every reading, in order, at its time, and nothing else."""
    rigs = [word for rig in ("virtual", "bluez", "vm") for word in ("--rig", rig)]
    told = CliRunner().invoke(
        cli, ["compare", "p1_same_on_every_rig", *rigs, "--json", "--into", str(tmp_path)]
    )
    *runs, bluez, vm = [json.loads(line) for line in told.stdout.splitlines()]
    assert [(run["radio"], run["verdict"], run["sentences"]) for run in runs] == [
        ("hci", "passed", []),
        ("bluez", "passed", []),
        ("vm", "passed", []),
    ]
    assert (bluez["differences"], vm["differences"]) == ([], [])
    assert vm["same"] == len(runs[0]["stored"]) > 20


def test_a_power_cut_loses_nothing_that_was_committed(play: Play) -> None:
    """The machine is killed and boots from the disk that it left."""
    result = play(SCENARIOS / "p1_power_cut_door.toml")
    assert (result.verdict, result.sentences) == (Verdict.PASSED, [])
    assert [(one.fault, one.fired) for one in result.evidence] == [("hub.kill", True)]


def test_a_board_that_wakes_up_in_2021_stays_offline(play: Play, tmp_path: Path) -> None:
    """A weakness that is known: over processes no test shows it, for their clocks are right when they start."""
    file = tmp_path / "wakes_up.toml"
    file.write_text(WAKES_UP_IN_2021)
    result = play(file)
    assert result.verdict is Verdict.EXPECTED, result.sentences
    assert "The hub is offline at the end." in result.sentences
    assert all(one.fired for one in result.evidence)
