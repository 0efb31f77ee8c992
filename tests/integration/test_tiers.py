"""One scenario on several rigs: the receiver ends with the same readings, and each radio's capture shows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bumble import hci
from click.testing import CliRunner

from hil_tests.cli import cli
from hil_tests.rig.errors import RigError
from tests.helpers.btsnoop import RECEIVED, read

REPORTS = (hci.HCI_LE_Advertising_Report_Event, hci.HCI_LE_Extended_Advertising_Report_Event)
COMMANDS_LEAST = 5  # no host begins to scan with fewer


@pytest.mark.needs("dbus-daemon")
def test_three_rigs_store_the_same(tmp_path: Path) -> None:
    """In virtual time, over HCI, over BlueZ: every reading, in order, at its time, and nothing else."""
    rigs = ["inprocess", "virtual", "bluez"]
    options = [word for rig in rigs for word in ("--rig", rig)]
    told = CliRunner().invoke(
        cli, ["compare", "p1_same_on_every_rig", *options, "--json", "--into", str(tmp_path)]
    )
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    runs, comparisons = lines[:3], lines[3:]
    assert [run["verdict"] for run in runs] == ["passed"] * 3, [run["sentences"] for run in runs]
    assert [(one["one"], one["other"], one["differences"]) for one in comparisons] == [
        ("inprocess", "virtual", []),
        ("inprocess", "bluez", []),
    ]
    assert {one["same"] for one in comparisons} == {len(runs[0]["stored"])}
    assert len(runs[0]["stored"]) > 20
    assert told.exit_code == 0
    assert runs[0]["capture"] is None
    for run in runs[1:]:
        assert run["replay"].endswith(f"--rig {'virtual' if run['radio'] == 'hci' else 'bluez'} --seed 404")
        _holds_what_was_heard(tmp_path / run["capture"]["file"], run)


def _holds_what_was_heard(capture: Path, run: dict[str, Any]) -> None:
    """Commands to the controller, and adverts of each sensor of which something is stored."""
    records = read(capture)
    assert len(records) == run["capture"]["packets"]
    packets = [(one.flags & RECEIVED, hci.HCI_Packet.from_bytes(one.packet)) for one in records]
    commands = [packet for way, packet in packets if isinstance(packet, hci.HCI_Command) and not way]
    reports = [
        report for way, packet in packets if way and isinstance(packet, REPORTS) for report in packet.reports
    ]
    assert len(commands) >= COMMANDS_LEAST
    heard = {report.address.to_string(with_type_qualifier=False) for report in reports}
    assert len(heard) == len({row["sensor"] for row in run["stored"]})


@pytest.mark.parametrize(
    ("scenario", "rig", "sentence"),
    [
        ("p4_dongle_pulled", "bluez", "radio.unplug needs a hub whose `hub.radio` is hci."),
        ("p4_bluetoothd_crashes", "virtual", "bluez.crash needs a hub whose `hub.radio` is bluez."),
    ],
)
def test_a_rig_that_cannot_play_it_says_so(scenario: str, rig: str, sentence: str) -> None:
    """Before anything is started."""
    for words in (["run", scenario, "--rig", rig], ["compare", scenario, "--rig", rig, "--rig", "inprocess"]):
        told = CliRunner().invoke(cli, words)
        assert isinstance(told.exception, RigError)
        assert str(told.exception).endswith(sentence)
