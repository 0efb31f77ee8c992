"""Whether a scenario can be played on a tier, and what is said of a machine that lacks something."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from hil_tests.cli import SCENARIOS, scenario_files
from hil_tests.means import lacking, lacking_for, on_tier
from hil_tests.rig.errors import RigError
from hil_tests.rig.vm.initrd import KERNEL_PLACE
from hil_tests.scenario import ScenarioError, contradictions, load_scenario
from hil_tests.tier import Tier

STORY = """\
title = "A door"
seed = 1
duration_s = 20
[home]
name = "home"
furnished = "cottage"
[hub]
"""


@pytest.mark.parametrize("tier", list(Tier))
def test_a_scenario_is_on_the_tier_or_refused_in_words(tier: Tier) -> None:
    """Whatever it says itself; nothing else in it is changed."""
    for scenario in map(load_scenario, scenario_files()):
        if scenario.time == "virtual":
            continue  # a story of days is played as it is: the next test
        hub = msgspec.structs.replace(scenario.hub, radio=tier.radio)
        wanted = msgspec.structs.replace(scenario, hub=hub)
        refused = next(iter(contradictions(wanted)), None)
        if refused is None:
            assert on_tier(scenario, tier) == wanted
            continue
        with pytest.raises(RigError) as told:
            on_tier(scenario, tier)
        assert f"cannot be played on --rig {tier.value}: " in str(told.value)
        assert any(fault.verb in str(told.value) for fault in scenario.faults)


def test_a_story_of_days_is_played_in_virtual_time_alone() -> None:
    """Another rig is refused with the reason."""
    for scenario in map(load_scenario, scenario_files()):
        if scenario.time != "virtual":
            continue
        assert on_tier(scenario, Tier.INPROCESS).faults == scenario.faults
        with pytest.raises(RigError, match="it takes days"):
            on_tier(scenario, Tier.VIRTUAL)


@pytest.mark.parametrize(
    "fault", ["hub.freeze", "hub.old-image", "disk.rot\npages = 1", "clock.jump\nseconds = 5", "line.refused"]
)
def test_a_machine_cannot_be_reached_into(tmp_path: Path, fault: str) -> None:
    """The author is told which line is wrong."""
    verb, _, more = fault.partition("\n")
    file = tmp_path / "a.toml"
    file.write_text(f'{STORY}radio = "vm"\n[[faults]]\ndo = "{verb}"\nat_s = 1\nfor_s = 2\n{more}\n')
    with pytest.raises(ScenarioError, match=rf"line 10: {verb} cannot be done to a hub in a virtual machine"):
        load_scenario(file)


@pytest.mark.parametrize("radio", ["vm", "bluez", "hci"])
def test_only_a_machine_has_a_clock_to_reboot_with(tmp_path: Path, radio: str) -> None:
    """The others have this machine's."""
    file = tmp_path / "a.toml"
    file.write_text(f'{STORY}radio = "{radio}"\nreboots_at = 2031-05-05T00:00:00Z\n')
    if radio == "vm":
        assert load_scenario(file).hub.reboots_at == datetime(2031, 5, 5, tzinfo=UTC)
        return
    with pytest.raises(ScenarioError, match="only a hub in a virtual machine has a clock of its own"):
        load_scenario(file)


@pytest.mark.parametrize(
    ("name", "tools"),
    [
        ("p4_bluetoothd_crashes", ["dbus-daemon"]),
        ("p1_power_cut_unsynced", ["fusermount3"]),
        ("p2_clock_jumps", ["faketime"]),
        ("p1_dies_at_a_sync", ["strace"]),
        ("p4_ghost_pulse", []),
    ],
)
def test_what_is_missing_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, name: str, tools: list[str]
) -> None:
    """On a machine that has nothing."""
    monkeypatch.setenv("PATH", "")
    lacks = lacking(load_scenario(SCENARIOS / f"{name}.toml"))
    assert [one.split()[0] for one in lacks] == tools
    assert all("(package " in one for one in lacks)


def test_a_full_disk_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Since it is a disk of its own."""
    card_full = load_scenario(SCENARIOS / "p1_card_full.toml")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert lacking(card_full) == ["root (for a disk that can be filled)"]
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert lacking(card_full) == []


def test_a_machine_needs_much(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All of it is named at once."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv(KERNEL_PLACE, str(tmp_path))
    words = ", ".join(lacking_for(Tier.VM))
    assert all(part in words for part in ("qemu-system-x86", "busybox-static", "a kernel with hci_vhci"))
    assert lacking_for(Tier.INPROCESS) == lacking_for(Tier.VIRTUAL) == []
