"""Simulated sensors that are connected to; how hubs see them is in ``tests/integration/test_visits.py``."""

from __future__ import annotations

import asyncio

import pytest

from device_profiles.advert import full_uuid
from hil_tests.rig.air import Air, Delivery
from hil_tests.rig.errors import RigError
from hil_tests.rig.gatt_sensors import (
    BATTERY_LEVEL,
    BODY_TEMPERATURE,
    GattSensor,
    Services,
    Tells,
    body_temperature,
    environmental_sensor,
    health_thermometer,
    humidity,
    temperature,
)
from hil_tests.rig.virtual_loop import run_virtually
from tests.helpers.controllers import CENTRAL, Station

ADDRESS = "C0:00:00:00:00:02"


def _ignore(_address: str, _characteristic: str, _value: bytes) -> None:
    """Take a report."""


def test_values_are_packed_as_the_specification_has_them() -> None:
    """Hundredths, little endian, signed where it may be cold outside; a FLOAT is mantissa and exponent."""
    assert temperature(21.5) == bytes.fromhex("6608")
    assert temperature(-5.25) == bytes.fromhex("f3fd")
    assert humidity(44.4) == bytes.fromhex("5811")
    assert body_temperature(38.25) == bytes.fromhex("00 f10e00 fe")


def _delivered(air: Air, sensor: GattSensor, *, value: bytes | None = None) -> list[Delivery]:
    """Let a sensor run for ten seconds, given a value after five, in reach of a scanner."""
    delivered: list[Delivery] = []

    async def main() -> None:
        air.wall = asyncio.get_running_loop().time
        air.observe(delivered.append)
        Station("hub", air, CENTRAL).scan()
        await sensor.start()
        await asyncio.sleep(5)
        if value is not None:
            sensor.set(BODY_TEMPERATURE, value)
        await asyncio.sleep(5)
        sensor.stop()
        sensor.stop()
        await asyncio.sleep(5)

    run_virtually(main())
    return delivered


def test_a_sensor_advertises_until_it_is_stopped() -> None:
    """Twice a second, under its address, with services and name; a second stop does no harm."""
    air = Air(1)
    adverts = _delivered(air, environmental_sensor(air, "Room", ADDRESS, float, float, int, _ignore))
    assert 19 <= len(adverts) <= 20
    assert {advert.address for advert in adverts} == {ADDRESS}
    assert {advert.data for advert in adverts} == {bytes.fromhex("020106 03031a18 0509526f6f6d")}
    assert max(advert.at for advert in adverts) < 10


def test_a_shy_sensor_advertises_once_it_has_something_to_tell() -> None:
    """Until then it saves its battery."""
    air = Air(1)
    adverts = _delivered(air, health_thermometer(air, "Fever", ADDRESS, int, _ignore), value=b"\0")
    assert 9 <= len(adverts) <= 10
    assert min(advert.at for advert in adverts) >= 5


def test_a_value_may_be_set_before_there_is_power() -> None:
    """A sensor that is switched on with something to tell advertises at once."""
    air = Air(1)
    sensor = health_thermometer(air, "Fever", ADDRESS, int, _ignore)

    async def main() -> int:
        sensor.set(BODY_TEMPERATURE, b"\0")
        Station("hub", air, CENTRAL).scan()
        await sensor.start()
        await asyncio.sleep(1)
        sensor.stop()
        return air.counts.delivered

    assert run_virtually(main()) >= 1


def test_only_what_is_there_is_set() -> None:
    """An unknown characteristic, one that is measured when it is read, and a long value are refused."""
    sensor = health_thermometer(Air(1), "Fever", ADDRESS, int, _ignore)
    for characteristic in (full_uuid("2a37"), BATTERY_LEVEL):
        with pytest.raises(RigError, match="no characteristic"):
            sensor.set(characteristic, b"\0")
    with pytest.raises(RigError, match="too long"):
        sensor.set(BODY_TEMPERATURE, bytes(21))


def test_a_name_that_fits_no_advert_is_refused() -> None:
    """A legacy advert holds 31 bytes."""
    services: Services = {full_uuid("180f"): {BATTERY_LEVEL: Tells.WHEN_ASKED}}
    with pytest.raises(RigError, match="31"):
        GattSensor(Air(1), "A name of far too many letters", ADDRESS, (full_uuid("180f"),), services)
