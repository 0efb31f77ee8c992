"""All faults that a scenario can name, by the words in its ``do``."""

from __future__ import annotations

from hil_tests.faults.base import Fault
from hil_tests.faults.hub import HubFreeze, HubImage, HubKill, HubRestart, HubRevoked
from hil_tests.faults.radio import RadioCut, RadioDeaf, RadioLoss, RadioUnplug, RadioWeak
from hil_tests.faults.sensor import (
    SensorDead,
    SensorGhost,
    SensorPowerCut,
    SensorReplayed,
    SensorReset,
    SensorSpoofed,
    SensorStuck,
)
from hil_tests.faults.site import SiteFreeze, SiteKill, StoreRestore

__all__ = ["FAULTS", "AnyFault", "Fault"]

AnyFault = (
    RadioLoss
    | RadioCut
    | RadioWeak
    | RadioUnplug
    | RadioDeaf
    | SensorDead
    | SensorPowerCut
    | SensorReset
    | SensorStuck
    | SensorGhost
    | SensorReplayed
    | SensorSpoofed
    | HubKill
    | HubRestart
    | HubFreeze
    | HubImage
    | HubRevoked
    | SiteKill
    | SiteFreeze
    | StoreRestore
)

FAULTS: dict[str, type[Fault]] = {str(kind.__struct_config__.tag): kind for kind in AnyFault.__args__}
