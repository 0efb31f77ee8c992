"""On what a scenario is played: in one process in virtual time, or over processes. Pure.

Whatever the tier, the sensors, the medium and the scenario file are the same.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import msgspec

from hil_tests.rig.errors import RigError
from hil_tests.scenario import contradictions

if TYPE_CHECKING:
    from hil_tests.scenario import Radio, Scenario


class Tier(enum.Enum):
    """What stands in for a home, by the words of ``--rig``."""

    INPROCESS = "inprocess"  # T0: the hub's code in this process, in virtual time
    VIRTUAL = "virtual"  # T1b: the hub's process drives the virtual radio over an HCI socket
    BLUEZ = "bluez"  # T1: the hub's process with stock bleak, over D-Bus and an org.bluez of the rig's


_RADIOS: dict[Tier, Radio] = {Tier.VIRTUAL: "hci", Tier.BLUEZ: "bluez"}


def on_tier(scenario: Scenario, tier: Tier) -> Scenario:
    """The same scenario on this tier, whatever its hub's ``radio`` says.

    Raises:
        RigError: it has something in it that the tier cannot do.
    """
    radio = _RADIOS.get(tier, "hci")
    there = msgspec.structs.replace(scenario, hub=msgspec.structs.replace(scenario.hub, radio=radio))
    for complaint in contradictions(there):
        clause, _, _place = complaint.partition(" - at ")
        raise RigError(f"{scenario.title!r} cannot be played on --rig {tier.value}: {clause}.")
    return there
