"""The sensors of a scenario that must be connected to, and what they tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from device_profiles.catalogue import Catalogue
from hil_tests.rig.air import Air, Link
from hil_tests.rig.beacons import Transmission
from hil_tests.rig.gatt_sensors import (
    BODY_TEMPERATURE,
    GattSensor,
    body_temperature,
    environmental_sensor,
    health_thermometer,
)

if TYPE_CHECKING:
    import random

    from hil_tests.scenario import Event, Scenario, SensorPlan

Told = Callable[[Transmission], None]


class VisitedHome:
    """All sensors of a scenario with a GATT server; ``told`` is given each value that got to the hub."""

    def __init__(self, air: Air, scenario: Scenario, told: Told, *, hub: str = "hub") -> None:
        """Set up the sensors, silent as yet.

        Args:
            air: The medium.
            scenario: Who is there and what happens.
            told: Given what a sensor told, as readings of its model.
            hub: The station whose links the scenario describes.
        """
        self._catalogue = Catalogue.load()
        self._air = air
        self._told = told
        self._numbers: dict[str, int] = {}
        self._models: dict[str, str] = {}
        self._timers: list[asyncio.TimerHandle] = []
        self._events = scenario.events
        self._sensors: dict[str, tuple[GattSensor, random.Random]] = {}
        for plan in scenario.sensors:
            make = _MAKERS.get(plan.behaviour)
            if make is None:
                continue
            stream = air.stream(plan.name)
            self._models[plan.address] = plan.model
            self._sensors[plan.name] = (make(air, plan, stream, self._report), stream)
            air.arrange(plan.address, hub, Link(plan.loss, plan.signal_dbm, plan.sigma_db))

    async def start(self) -> None:
        """Begin the story now."""
        loop = asyncio.get_running_loop()
        for sensor, _ in self._sensors.values():
            await sensor.start()
        for event in self._events:
            if event.sensor in self._sensors:
                self._timers.append(loop.call_later(event.at_s, self._do, event))

    def stop(self) -> None:
        """Take everybody's battery out."""
        for timer in self._timers:
            timer.cancel()
        for sensor, _ in self._sensors.values():
            sensor.stop()

    def _do(self, event: Event) -> None:
        """Somebody measures: the thermometer then has something to tell."""
        sensor, stream = self._sensors[event.sensor]
        sensor.set(BODY_TEMPERATURE, body_temperature(stream.gauss(36.6, 0.2)))

    def _report(self, address: str, characteristic: str, value: bytes) -> None:
        outcome = self._catalogue.decode_value(characteristic, value, self._models[address])
        number = self._numbers[address] = self._numbers.get(address, 0) + 1
        self._told(Transmission(address, number, outcome.readings, self._air.wall(), value))


Report = Callable[[str, str, bytes], None]


def _environment(air: Air, plan: SensorPlan, stream: random.Random, report: Report) -> GattSensor:
    return environmental_sensor(
        air,
        "Env",
        plan.address,
        lambda: stream.gauss(20, 0.5),
        lambda: stream.gauss(48, 2),
        lambda: stream.randint(80, 90),
        report,
    )


def _thermometer(air: Air, plan: SensorPlan, stream: random.Random, report: Report) -> GattSensor:
    return health_thermometer(air, "Thermo", plan.address, lambda: stream.randint(60, 70), report)


_MAKERS = {"environment": _environment, "thermometer": _thermometer}
