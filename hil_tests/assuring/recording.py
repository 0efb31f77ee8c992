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
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cloud_sync.assurance.household import Event
from cloud_sync.assurance.local_time import MINUTE_MS, local
from cloud_sync.assurance.plan import Parameters, Sensor
from cloud_sync.wire.batch import Contract
from device_profiles.role import Role
from hil_tests.trace import Row, TraceError, exponents_of, read_rows

if TYPE_CHECKING:
    from pathlib import Path

_ENTRANCE = re.compile(r"entr|entry|front|main|exit|outside|outdoor|back|porch", re.IGNORECASE)
_WITHIN = re.compile(
    r"bed|bath|toilet|shower|closet|wardrobe|cup?board|cabinet|drawer|pantry|fridge|refrigerator|freezer|office",
    re.IGNORECASE,
)
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
_UNASKED: Final = frozenset({"humidity", "battery"})
MILLENNIUM_MS: Final = 946_684_800_000
WRONG_CLOCK_MS: Final = 60 * 1440 * MINUTE_MS  # no recording has such a hole; a clock that was set has
BY_DAY_MIN: Final = (7 * 60, 21 * 60)  # when behind a door that closes nobody sleeps
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
        left_out: what of the file is not played, and why; a sentence each.
    """

    sensors: Mapping[str, Sensor]
    liveness: Mapping[str, Liveness]
    events: Sequence[Event]
    from_ms: int
    to_ms: int
    left_out: tuple[str, ...] = ()


def load(path: Path, parameters: Parameters) -> Recording:
    """Read a trace file as a home.

    Raises:
        TraceError: it cannot be read, or a row is wrong.
    """
    rows, left_out = _sound(path, read_rows(path))
    sensors = describe(rows, parameters)
    scale = {kind: 10.0**exponent for kind, exponent in exponents_of(rows).items()}
    events = [Event(row.ts_ms, row.sensor, row.kind, row.value * scale[row.kind]) for row in rows]
    # A recording promises nothing about its silences, so none of its sensors proves that it lives.
    liveness = {name: Liveness() for name in sensors}
    return Recording(sensors, liveness, events, rows[0].ts_ms, rows[-1].ts_ms, tuple(left_out))


def _sound(path: Path, rows: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """The rows that can be believed, and in words which were left out: repeated ones, and those of a wrong clock."""
    if rows[-1].ts_ms < MILLENNIUM_MS:
        raise TraceError(
            f"Trace {path} ends in {_when(rows[-1])}: its times are not milliseconds since 1970.",
            hint="Multiply seconds by 1000.",
        )
    once = list({(row.ts_ms, row.sensor, row.kind, row.value): row for row in rows}.values())
    said = [f"{len(rows) - len(once)} rows that only repeat another."] if len(once) < len(rows) else []
    parts: list[list[Row]] = [[]]
    for row in once:
        if parts[-1] and row.ts_ms - parts[-1][-1].ts_ms > WRONG_CLOCK_MS:
            parts.append([])
        parts[-1].append(row)
    kept = max(parts, key=len)
    said += [
        f"{len(part)} rows from {_when(part[0])} to {_when(part[-1])} (line {part[0].line}):"
        " months away from the others, so their clock was wrong."
        for part in parts
        if part is not kept
    ]
    if strange := sorted({row.kind for row in kept} - _ROLES.keys() - _UNASKED):
        said.append(f"kinds that no question asks about: {', '.join(strange)}.")
    return kept, said


def _when(row: Row) -> str:
    return f"{datetime.fromtimestamp(row.ts_ms / 1000, UTC):%Y-%m-%d}"


def describe(rows: Iterable[Row], parameters: Parameters) -> dict[str, Sensor]:
    """Where each sensor is and what it is there for: as the parameters say, else as its name and kind suggest."""
    rows = list(rows)
    kinds: dict[str, set[str]] = {}
    for row in rows:
        kinds.setdefault(row.sensor, set()).add(row.kind)
    sensors = {name: _sensor(name, said, parameters) for name, said in kinds.items()}
    if not any(sensor.role is Role.ENTRANCE for sensor in sensors.values()):
        doors = {name for name, sensor in sensors.items() if sensor.role is Role.INNER_DOOR}
        for name in _ways_out(rows, doors, parameters):
            sensors[name] = Sensor(name, sensors[name].room, Role.ENTRANCE)
    return sensors


def _sensor(name: str, kinds: set[str], parameters: Parameters) -> Sensor:
    if said := parameters.sensors.get(name):
        return Sensor(name, said.room, said.role)
    role = next((role for kind, role in _ROLES.items() if kind in kinds), Role.OTHER)
    if role is Role.INNER_DOOR and _ENTRANCE.search(name) and not _WITHIN.search(name):
        role = Role.ENTRANCE
    room = _ROOM.match(name)
    return Sensor(name, room.group() if room else name, role)


def _ways_out(rows: Sequence[Row], doors: set[str], parameters: Parameters) -> list[str]:
    """The doors at both ends of long silences by day, at least twice."""
    found: Counter[str] = Counter()
    signs = [row for row in rows if row.value and (row.kind == "motion" or row.sensor in doors)]
    for before, (left, back) in enumerate(itertools.pairwise(signs)):
        if back.ts_ms - left.ts_ms < GONE_MS or back.sensor not in doors:
            continue
        if not BY_DAY_MIN[0] <= local(left.ts_ms, parameters.clock).minute < BY_DAY_MIN[1]:
            continue
        leaving = {
            row.sensor
            for row in signs[max(0, before - 20) : before + 1]
            if left.ts_ms - row.ts_ms <= AT_THE_DOOR_MS
        }
        if back.sensor in leaving:
            found[back.sensor] += 1
    return [name for name, times in found.items() if times > 1]
