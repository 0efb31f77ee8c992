"""What hangs in one home and how well it senses, drawn."""

from __future__ import annotations

import random
from dataclasses import dataclass

from device_profiles.profile import Contract, ContractKind
from hil_tests.living.chance import lognormal, normal
from hil_tests.living.home import Sensor
from hil_tests.living.timeline import ROOMS, Place

FRONT_DOOR = "front-door"
BACK_DOOR = "back-door"
FRIDGE = "fridge-door"
BED = "bed"
BUTTON = "help-button"
THERMOMETER = "living-room-climate"

TEMPERATURE_S = 300
GHOSTS_PER_DAY = 4.3 / 22  # of one motion sensor, on average

_HEARTBEATS_S = (60, 60, 60, 300, 300, 600, 3600)
_HOLDS_S = (1.1, 4.0, 10.0, 10.0, 30.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Equipment:
    """One home's sensors and their quirks.

    Attributes:
        sensors: What is fitted.
        hold_ms: A motion sensor says "off" so long after the last movement it saw.
        sees: Of each room's motion sensor: the part of the movements that it sees.
        sees_bed: How much of a sleeper's turning the bedroom's sees, as a part of that.
        ghosts_per_day: Of each room's motion sensor.
        door_missed: The part of the openings that nothing is heard of.
        door_bounces: The part of the openings that come twice within a second.
    """

    sensors: tuple[Sensor, ...]
    hold_ms: int
    sees: dict[Place, float]
    sees_bed: float
    ghosts_per_day: dict[Place, float]
    door_missed: float
    door_bounces: float

    def has(self, sensor_id: str) -> bool:
        """Is it fitted?"""
        return any(sensor.sensor_id == sensor_id for sensor in self.sensors)


def motion_id(room: Place) -> str:
    """The motion sensor of a room."""
    return f"{room.value.lower().replace(' ', '-')}-motion"


def draw_equipment(rng: random.Random) -> Equipment:
    """One home's."""
    cheap = rng.random() < 1 / 8  # nothing that speaks unless something happens
    events = _contract(cheap=cheap, period_s=rng.choice(_HEARTBEATS_S))
    sensors = [Sensor(motion_id(room), room, "motion", events) for room in ROOMS]
    sensors.append(Sensor(FRONT_DOOR, Place.HALL, "door", events, "entrance"))
    if rng.random() < 0.6:
        sensors.append(Sensor(BACK_DOOR, Place.KITCHEN, "door", events, "entrance"))
    if rng.random() < 0.6:
        sensors.append(Sensor(FRIDGE, Place.KITCHEN, "door", events))
    if rng.random() < 0.3:
        sensors.append(Sensor(BED, Place.BEDROOM, "occupancy", events, "bed"))
    if rng.random() < 0.9:
        sensors.append(Sensor(BUTTON, Place.LIVING_ROOM, "button", _contract(cheap=True), "help"))
    periodic = Contract(ContractKind.PERIODIC, TEMPERATURE_S)
    sensors.append(Sensor(THERMOMETER, Place.LIVING_ROOM, "temperature", periodic))
    haunted = lognormal(rng, 0.8, 0.6, 0.1, 6)
    return Equipment(
        sensors=tuple(sensors),
        hold_ms=round(rng.choice(_HOLDS_S) * 1000),
        sees={room: rng.betavariate(8, 1) for room in ROOMS},
        sees_bed=rng.choice((0.0, 0.05, 0.5, 1.0)),
        ghosts_per_day={room: GHOSTS_PER_DAY * haunted * rng.gammavariate(0.8, 1 / 0.8) for room in ROOMS},
        door_missed=normal(rng, 0.01, 0.015, 0, 0.06),
        door_bounces=rng.betavariate(1, 25),
    )


def _contract(*, cheap: bool, period_s: int = 0) -> Contract:
    return Contract(ContractKind.EVENT_ONLY) if cheap else Contract(ContractKind.HEARTBEAT, period_s)
