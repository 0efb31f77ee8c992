"""The ``visit`` task: sensors that must be connected to are asked what they measure, one at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from device_profiles.advert import full_uuid
from device_profiles.profile import Profile
from edge_agent.adapters.radio import Radio, Visit
from edge_agent.core.hearing import Told
from edge_agent.core.supervision import sentence
from edge_agent.errors import RadioError, VisitError

if TYPE_CHECKING:
    from edge_agent.hub import Hub

CONNECT_MAX_S = 20.0
LOOK_EVERY_S = 1.0  # whether somebody is due


def visit_of(address: str, profile: Profile) -> Visit:
    """What to do at a sensor of this profile, which must be one to connect to."""
    assert profile.connection is not None  # noqa: S101 - only such sensors are on the schedule
    told = {one.uuid for one in profile.characteristics if one.subscribe}
    wanted = profile.connection.characteristics
    return Visit(
        address,
        read=tuple(full_uuid(uuid) for uuid in wanted if uuid not in told),
        subscribe=tuple(full_uuid(uuid) for uuid in wanted if uuid in told),
        stay_s=profile.connection.stay_s,
        connect_s=CONNECT_MAX_S,
    )


async def visit(hub: Hub, radio: Radio) -> None:
    """Visit whoever is due, for ever; what they tell goes the way of the adverts."""
    while True:
        address = hub.visiting.due(hub.clock.boot_ms())
        if address is None:
            await asyncio.sleep(LOOK_EVERY_S)
        else:
            await _visit_one(hub, radio, address)


async def _visit_one(hub: Hub, radio: Radio, address: str) -> None:
    sensor = hub.sensors[address]

    def take(characteristic: str, value: bytes) -> None:
        hub.put(Told(address, characteristic, value, hub.clock.boot_ms()))

    alarm = f"sensor {sensor.described.name}"
    try:
        await radio.visit(visit_of(address, sensor.profile), take)
    except VisitError as error:
        hub.visiting.over(address, hub.clock.boot_ms(), well=False)
        hub.alarms.set(alarm, f"{sensor.described.name}: {sentence(error)}", code=error.code)
    except RadioError:  # the ``listen`` task tells of it
        await asyncio.sleep(LOOK_EVERY_S)
    else:
        hub.visiting.over(address, hub.clock.boot_ms(), well=True)
        hub.alarms.clear(alarm)
