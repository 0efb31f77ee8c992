"""All faults that a scenario can name, by the words in its ``do``."""

from __future__ import annotations

from hil_tests.faults.base import Fault
from hil_tests.faults.bluez import (
    BluezBusKilled,
    BluezCrash,
    BluezEmptyAdverts,
    BluezInProgress,
    BluezPowerOff,
)
from hil_tests.faults.clock import ClockDrift, ClockJump, ClockSet
from hil_tests.faults.disk import DiskFull, DiskLying, DiskPowerCut, DiskReadOnly, DiskRot, DiskWornOut
from hil_tests.faults.home import HomePaused
from hil_tests.faults.hub import (
    HubFreeze,
    HubImage,
    HubKill,
    HubKillAtSync,
    HubKillAtWrite,
    HubRestart,
    HubSlow,
)
from hil_tests.faults.line import (
    LineHalfOpen,
    LineIntercepted,
    LineLossy,
    LineNameless,
    LinePartition,
    LinePortal,
    LineRefused,
    LineReset,
    LineSlow,
    LineThin,
)
from hil_tests.faults.radio import RadioCut, RadioDeaf, RadioLoss, RadioUnplug, RadioWeak
from hil_tests.faults.sensor import (
    SensorDead,
    SensorForged,
    SensorGhost,
    SensorPowerCut,
    SensorReplayed,
    SensorReset,
    SensorSpoofed,
    SensorStuck,
)
from hil_tests.faults.site import SiteFreeze, SiteKill, SiteRestart, SiteSlow, StoreRestore
from hil_tests.faults.trust import (
    CredentialCloned,
    CredentialExpired,
    HubRevoked,
    ReceiptExpired,
    ReceiptForged,
    ServerExpired,
)

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
    | SensorForged
    | BluezCrash
    | BluezBusKilled
    | BluezPowerOff
    | BluezInProgress
    | BluezEmptyAdverts
    | HubKill
    | HubKillAtSync
    | HubKillAtWrite
    | HubSlow
    | HubRestart
    | HubFreeze
    | HubImage
    | HubRevoked
    | HomePaused
    | DiskReadOnly
    | DiskWornOut
    | DiskFull
    | DiskPowerCut
    | DiskLying
    | DiskRot
    | ClockJump
    | ClockSet
    | ClockDrift
    | LinePartition
    | LineHalfOpen
    | LineRefused
    | LineSlow
    | LineLossy
    | LineThin
    | LineReset
    | LinePortal
    | LineIntercepted
    | LineNameless
    | SiteKill
    | SiteRestart
    | SiteSlow
    | SiteFreeze
    | StoreRestore
    | CredentialCloned
    | CredentialExpired
    | ServerExpired
    | ReceiptExpired
    | ReceiptForged
)

FAULTS: dict[str, type[Fault]] = {str(kind.__struct_config__.tag): kind for kind in AnyFault.__args__}
