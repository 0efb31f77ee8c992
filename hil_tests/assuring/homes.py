"""Generated homes as the model gets them, with what is true of them."""

from __future__ import annotations

from typing import Final

from cloud_sync.assurance.household import Event
from cloud_sync.assurance.plan import Sensor
from cloud_sync.wire.batch import Contract
from device_profiles.profile import ContractKind
from device_profiles.role import Role
from hil_tests import living
from hil_tests.assuring.outages import Fault, Outage
from hil_tests.assuring.recording import Liveness, Recording
from hil_tests.assuring.truth import Truth, truth_of

_ROLES: Final = {
    "motion": Role.PRESENCE,
    "door": Role.INNER_DOOR,
    "temperature": Role.CLIMATE,
    "occupancy": Role.BED,
    "button": Role.HELP,
}
_CONTRACTS: Final = {
    ContractKind.EVENT_ONLY: Contract.EVENT_ONLY,
    ContractKind.PERIODIC: Contract.PERIODIC,
    ContractKind.HEARTBEAT: Contract.HEARTBEAT,
}
_FAULTS: Final = {
    living.FaultKind.HUB: Fault.HUB,
    living.FaultKind.RADIO: Fault.RADIO,
    living.FaultKind.LINE: Fault.LINE,
    living.FaultKind.DEAD: Fault.SENSOR,
}
_HUNDREDTHS: Final = "temperature"


def recording(home: living.LivedHome) -> Recording:
    """What its hub heard."""
    sensors = {
        one.sensor_id: Sensor(one.sensor_id, one.room.value, Role(one.role) if one.role else _ROLES[one.kind])
        for one in home.sensors
    }
    liveness = {
        one.sensor_id: Liveness(_CONTRACTS[one.contract.kind], one.contract.period_s) for one in home.sensors
    }
    events = [
        Event(row.ts_ms, row.sensor_id, row.kind, row.value / 100 if row.kind == _HUNDREDTHS else row.value)
        for row in home.rows
    ]
    return Recording(sensors, liveness, events, home.start_ms, home.end_ms)


def truth(home: living.LivedHome) -> Truth:
    """What really was."""
    spans = ((span.start_ms, span.end_ms, span.label.value) for span in home.truth)
    return truth_of(spans, (label.value for label in living.Label))


def outages(home: living.LivedHome) -> tuple[Outage, ...]:
    """What of ours failed."""
    return tuple(Outage(_FAULTS[one.kind], one.start_ms, one.end_ms, one.sensor_id) for one in home.outages)
