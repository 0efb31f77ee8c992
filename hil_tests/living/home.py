"""A generated home: its sensors, what the hub heard of them, and what is true."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from device_profiles.profile import Contract, ContractKind
from hil_tests.living.chance import SECOND_MS, source
from hil_tests.living.habits import Habits
from hil_tests.living.timeline import Place, Stay, union

BEATS_LOST = 0.002  # a beat is repeated on the air; all its copies are lost this often


class Cause(enum.Enum):
    """Who or what made a sensor speak. It is no part of a trace."""

    RESIDENT = "resident"
    LYING = "lying"  # the resident, after an emergency began
    VISITOR = "visitor"
    GHOST = "ghost"
    SENSOR = "sensor"  # measured at its pace, or broken


class Row(NamedTuple):
    """One line of a trace.

    Attributes:
        ts_ms: By the hub's clock, since the epoch.
        sensor_id: As in ``Sensor``.
        kind: ``motion``, ``door``, ``occupancy``, ``button`` (1, or 0), ``temperature`` (hundredths of a °C).
        value: At the sensor's resolution.
        cause: Who made it; not written to files.
    """

    ts_ms: int
    sensor_id: str
    kind: str
    value: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor as the home's settings describe it.

    Attributes:
        sensor_id: Unique within the home.
        room: Where it hangs.
        kind: Of its rows.
        contract: How it proves that it is alive.
        role: ``entrance``, ``help``, ``bed``, or empty, as in the wire's manifest.
    """

    sensor_id: str
    room: Place
    kind: str
    contract: Contract
    role: str = ""


class Label(enum.Enum):
    """What a span of truth says."""

    AWAY = "away"  # the resident is not at home; others may be
    ASLEEP = "asleep"
    EMERGENCY = "emergency"
    BLIND = "blind"  # nothing of the whole home could be heard, or known at the time
    WANDERING = "wandering"  # through the rooms at night, out of a sleep
    LEFT = "left"  # out of the home at night, out of a sleep


class Span(NamedTuple):
    """One line of truth: from, until (not included), what."""

    start_ms: int
    end_ms: int
    label: Label


class FaultKind(enum.Enum):
    """What failed. The first three are blind truth; ``DEAD`` breaks a contract; of the rest no contract tells."""

    HUB = "hub"  # no power: nothing is heard
    RADIO = "radio"  # deaf: nothing is heard
    LINE = "line"  # what is heard arrives when the line is back
    DEAD = "dead"  # one sensor is silent
    STUCK = "stuck"  # one sensor keeps its contract and its value
    OBSTRUCTED = "obstructed"  # one motion sensor sees little
    HEATING = "heating"  # the boiler is out


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that failed, and when; ``sensor_id`` is empty for the whole home."""

    kind: FaultKind
    start_ms: int
    end_ms: int
    sensor_id: str = ""


class EmergencyKind(enum.Enum):
    """How it shows."""

    COLLAPSE = "collapse"  # lies still
    CRAWLING = "crawling"  # moves a little, in one room, for a while
    NOT_UP = "not-up"  # stays in bed; counted from when they would have risen


@dataclass(frozen=True, slots=True)
class Emergency:
    """One emergency, until somebody came; ``pressed_ms`` if they reached the help button."""

    kind: EmergencyKind
    start_ms: int
    end_ms: int
    room: Place
    pressed_ms: int | None = None


class VisitKind(enum.Enum):
    """Who comes."""

    CARER = "carer"
    FAMILY = "family"
    CLEANER = "cleaner"
    NEIGHBOUR = "neighbour"
    CALLER = "caller"  # does not come in
    RESCUER = "rescuer"


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody in the home, from door to door."""

    kind: VisitKind
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class LivedHome:
    """All of one home.

    Attributes:
        seed: It is all that the home was drawn from, with the two times.
        start_ms: The first midnight.
        end_ms: The last midnight; no row and no span goes beyond.
        habits: Who lives there.
        sensors: What hangs there.
        rows: What reached the hub, in order of time.
        truth: In order of time; spans of one label do not touch.
        stays: Where the resident was, without gaps.
        mornings: When they rose, or would have risen, at home or not: one a day.
        visits: In order of time.
        emergencies: In order of time.
        outages: What was silent: hub, radio, line and dead sensors. ``BLIND`` covers the first three.
        defects: What lied, or was cold: no contract tells of it.
    """

    seed: int
    start_ms: int
    end_ms: int
    habits: Habits
    sensors: tuple[Sensor, ...]
    rows: tuple[Row, ...]
    truth: tuple[Span, ...]
    stays: tuple[Stay, ...]
    mornings: tuple[int, ...]
    visits: tuple[Visit, ...]
    emergencies: tuple[Emergency, ...]
    outages: tuple[Fault, ...]
    defects: tuple[Fault, ...]


def beats(home: LivedHome, sensor: Sensor) -> Iterator[int]:
    """When the hub heard that a sensor was alive, by its contract; nothing for an event-only one.

    A thermometer's beats are its readings. Between beats, events also prove life.
    """
    if sensor.contract.kind is ContractKind.EVENT_ONLY:
        return
    if sensor.contract.kind is ContractKind.PERIODIC:
        yield from (row.ts_ms for row in home.rows if row.sensor_id == sensor.sensor_id)
        return
    rng = source(home.seed, f"beats:{sensor.sensor_id}")
    period_ms = sensor.contract.period_s * SECOND_MS
    silent = deaf_spans(home.outages, sensor.sensor_id)
    due_ms = home.start_ms + rng.randrange(period_ms)
    for at_ms in range(due_ms, home.end_ms, period_ms):
        lost = rng.random() < BEATS_LOST
        while silent and silent[0][1] <= at_ms:
            silent.pop(0)
        if not lost and not (silent and silent[0][0] <= at_ms):
            yield at_ms


def known_ms(outages: Iterable[Fault], ts_ms: int) -> int:
    """When the cloud could know of what the hub heard at ``ts_ms``: at once, or when the line is back."""
    down = (fault for fault in outages if fault.kind is FaultKind.LINE)
    return max((fault.end_ms for fault in down if fault.start_ms <= ts_ms < fault.end_ms), default=ts_ms)


def deaf_spans(outages: Iterable[Fault], sensor_id: str) -> list[tuple[int, int]]:
    """When the hub could hear nothing of this sensor, in order, joined."""
    whole_home = (FaultKind.HUB, FaultKind.RADIO)
    return union(
        (fault.start_ms, fault.end_ms)
        for fault in outages
        if fault.kind in whole_home or (fault.kind is FaultKind.DEAD and fault.sensor_id == sensor_id)
    )
