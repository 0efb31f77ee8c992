"""On what a scenario is played; the sensors, the medium and the scenario file are the same on each. Pure."""

from __future__ import annotations

import enum
from typing import Literal

Radio = Literal["hci", "bluez", "vm"]


class Tier(enum.Enum):
    """What stands in for a home, by the words of ``--rig``."""

    INPROCESS = "inprocess"  # T0: the hub's code in this process, in virtual time
    VIRTUAL = "virtual"  # T1b: the hub's process drives the virtual radio over an HCI socket
    BLUEZ = "bluez"  # T1: the hub's process with stock bleak, over D-Bus and an org.bluez of the rig's
    VM = "vm"  # T2: the same in a virtual machine, with Linux's Bluetooth and the real bluetoothd

    @property
    def radio(self) -> Radio:
        """What a scenario calls it in ``hub.radio``; a hub without a process plays one with a dongle."""
        return _RADIOS[self]


_RADIOS: dict[Tier, Radio] = {
    Tier.INPROCESS: "hci",
    Tier.VIRTUAL: "hci",
    Tier.BLUEZ: "bluez",
    Tier.VM: "vm",
}
