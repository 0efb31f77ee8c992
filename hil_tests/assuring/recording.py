"""A recorded or generated home as the model gets it: sensors with a place and a task, events in order.

A recording says only a sensor's name and kind. Where its parameters do not say more, room and role are read from
the name, and a recording that names no entrance gets the doors behind which the home falls silent and comes back.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloud_sync.assurance.household import Event
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.plan import Parameters, Sensor
from cloud_sync.wire.batch import Contract
from device_profiles.role import Role
from hil_tests.trace import Row, exponents_of, read_rows

if TYPE_CHECKING:
    from pathlib import Path

_ENTRANCE = re.compile(r"entr|entry|front|main|exit|outside|outdoor|back|porch", re.IGNORECASE)
_ROOM = re.compile(r"(?:[A-Z][a-z]+)+?(?:[Rr]oom)?[A-Z]?(?=[A-Z_\d]|$)")
_ROLES: Final[Mapping[str, Role]] = {
    "motion": Role.PRESENCE,
    "occupancy": Role.PRESENCE,
    "presence": Role.PRESENCE,
    "moving": Role.PRESENCE,
    "door": Role.INNER_DOOR,
    "window": Role.INNER_DOOR,
    "opening": Role.INNER_DOOR,
    "contact": Role.INNER_DOOR,
    "button": Role.HELP,
    "temperature": Role.CLIMATE,
    "smoke": Role.HAZARD,
    "gas": Role.HAZARD,
    "leak": Role.HAZARD,
    "carbon_monoxide": Role.HAZARD,
    "power_on": Role.APPLIANCE,
}
GONE_MS: Final = 30 * MINUTE_MS
AT_THE_DOOR_MS: Final = 2 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Liveness:
    """How a sensor proves that it lives: its contract, and every how many seconds; 0 if event-only."""

    contract: Contract = Contract.EVENT_ONLY
    period_s: int = 0


@dataclass(frozen=True, slots=True)
class Recording:
    """One home over a time.

    Attributes:
        sensors: by name.
        liveness: of each of them.
        events: in order of time.
        from_ms: the first.
        to_ms: the last.
    """

    sensors: Mapping[str, Sensor]
    liveness: Mapping[str, Liveness]
    events: Sequence[Event]
    from_ms: int
    to_ms: int


def load(path: Path, parameters: Parameters) -> Recording:
    """Read a trace file as a home.

    Raises:
        TraceError: it cannot be read, or a row is wrong.
    """
    rows = read_rows(path)
    sensors = describe(rows, parameters)
    scale = {kind: 10.0**exponent for kind, exponent in exponents_of(rows).items()}
    events = [Event(row.ts_ms, row.sensor, row.kind, row.value * scale[row.kind]) for row in rows]
    # A recording promises nothing about its silences, so none of its sensors proves that it lives.
    liveness = {name: Liveness() for name in sensors}
    return Recording(sensors, liveness, events, rows[0].ts_ms, rows[-1].ts_ms)


def describe(rows: Iterable[Row], parameters: Parameters) -> dict[str, Sensor]:
    """Where each sensor is and what it is there for: as the parameters say, else as its name and kind suggest."""
    rows = list(rows)
    kinds: dict[str, set[str]] = {}
    for row in rows:
        kinds.setdefault(row.sensor, set()).add(row.kind)
    sensors = {name: _sensor(name, said, parameters) for name, said in kinds.items()}
    if not any(sensor.role is Role.ENTRANCE for sensor in sensors.values()):
        doors = {name for name, sensor in sensors.items() if sensor.role is Role.INNER_DOOR}
        for name in _ways_out(rows, doors):
            sensors[name] = Sensor(name, sensors[name].room, Role.ENTRANCE)
    return sensors


def _sensor(name: str, kinds: set[str], parameters: Parameters) -> Sensor:
    if said := parameters.sensors.get(name):
        return Sensor(name, said.room, said.role)
    role = next((role for kind, role in _ROLES.items() if kind in kinds), Role.OTHER)
    if role is Role.INNER_DOOR and _ENTRANCE.search(name):
        role = Role.ENTRANCE
    room = _ROOM.match(name)
    return Sensor(name, room.group() if room else name, role)


def _ways_out(rows: Sequence[Row], doors: set[str]) -> list[str]:
    """The doors at both ends of long silences, at least twice."""
    found: Counter[str] = Counter()
    signs = [row for row in rows if row.value and (row.kind == "motion" or row.sensor in doors)]
    for before, (left, back) in enumerate(itertools.pairwise(signs)):
        if back.ts_ms - left.ts_ms < GONE_MS or back.sensor not in doors:
            continue
        leaving = {
            row.sensor
            for row in signs[max(0, before - 20) : before + 1]
            if left.ts_ms - row.ts_ms <= AT_THE_DOOR_MS
        }
        if back.sensor in leaving:
            found[back.sensor] += 1
    return [name for name, times in found.items() if times > 1]
