"""Whether a scenario can be played on a tier, and what this machine lacks for it: in words, with what to install."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import msgspec

from hil_tests.rig.errors import RigError
from hil_tests.rig.vm import machine
from hil_tests.scenario import contradictions
from hil_tests.tier import Tier

if TYPE_CHECKING:
    from hil_tests.scenario import Scenario

_TOOLS = {  # what a fault needs -> the tool behind it, and its package
    "lossy-disk": ("fusermount3", "fuse3"),
    "clock": ("faketime", "faketime"),
    "strace": ("strace", "strace"),
}


def on_tier(scenario: Scenario, tier: Tier) -> Scenario:
    """The same scenario on this tier, whatever its hub's ``radio`` says.

    Raises:
        RigError: it has something in it that the tier cannot do.
    """
    if scenario.time == "virtual" and tier is not Tier.INPROCESS:
        raise RigError(
            f"{scenario.title!r} cannot be played on --rig {tier.value}: it takes days.",
            hint="Run it as it is: it is played in virtual time.",
        )
    hub = msgspec.structs.replace(scenario.hub, radio=tier.radio)
    there = msgspec.structs.replace(scenario, hub=hub)
    for complaint in contradictions(there):
        clause, _, _place = complaint.partition(" - at ")
        raise RigError(f"{scenario.title!r} cannot be played on --rig {tier.value}: {clause}.")
    return there


def lacking_for(tier: Tier) -> list[str]:
    """What is missing for any scenario on this tier; empty if nothing is."""
    return _lacking_for_radio(tier.radio)


def lacking(scenario: Scenario) -> list[str]:
    """What is missing for this scenario over processes; empty if it can be played here."""
    lacks = _lacking_for_radio(scenario.hub.radio)
    needs = {fault.needs for fault in scenario.faults}
    if any(fault.verb == "hub.kill-at-sync" for fault in scenario.faults):
        needs.add("strace")
    for need in sorted(needs & set(_TOOLS)):
        lacks += _without(*_TOOLS[need])
    if "small-disk" in needs and os.geteuid() != 0:
        lacks.append("root (for a disk that can be filled)")
    return lacks


def _lacking_for_radio(radio: str) -> list[str]:
    if radio == "vm":
        return machine.missing()
    return _without("dbus-daemon", "dbus") if radio == "bluez" else []


def _without(tool: str, package: str) -> list[str]:
    return [] if shutil.which(tool) else [f"{tool} (package {package})"]
