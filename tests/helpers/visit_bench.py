"""A bench for visits: three sensors on the air and the hub's radio on a socket, in virtual time.

All is in one process and one loop, so nothing is ever under way while the loop is idle, and
waiting costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from bumble import hci

from device_profiles.advert import Advert, full_uuid
from edge_agent.adapters.radio import Radio, Visit
from edge_agent.errors import VisitError
from hil_tests.rig.air import Air, Pdu
from hil_tests.rig.controller import VirtualController
from hil_tests.rig.gatt_sensors import (
    BATTERY_LEVEL,
    BODY_TEMPERATURE,
    HUMIDITY,
    TEMPERATURE,
    GattSensor,
    Tells,
    environmental_sensor,
    health_thermometer,
    humidity,
    temperature,
)
from hil_tests.rig.hci_server import HciServer
from hil_tests.rig.virtual_loop import run_virtually

BEACON, ROOM, FEVER, PULSE = (f"C0:00:00:00:00:0{number}" for number in range(1, 5))
HEART_RATE = full_uuid("2a37")
ROOM_TELLS = [
    (TEMPERATURE, temperature(21.5)),
    (HUMIDITY, humidity(44.4)),
    (BATTERY_LEVEL, b"\x5a"),
]

Story: TypeAlias = Callable[["VisitBench"], Awaitable[None]]


def in_virtual_time(story: Story) -> Callable[[Path], None]:
    """Make a test of a story on a bench."""

    def test(tmp_path: Path) -> None:
        async def play() -> None:
            bench = VisitBench(tmp_path / "hci.sock")
            async with bench.server, bench.hub():
                await story(bench)

        run_virtually(play())

    test.__name__, test.__doc__ = story.__name__, story.__doc__
    return test


class VisitBench:
    """An air with three sensors, a hub's radio, and what both sides say was told."""

    def __init__(self, path: Path) -> None:
        self.air = Air(1)
        self.server = HciServer(self.air, path)
        self.heard: list[Advert] = []
        self.told: list[tuple[str, bytes]] = []
        self.reported: list[tuple[str, str, bytes]] = []
        self.radio = Radio(self.heard.append, boot_ms=lambda: 0, transport=f"unix-client:{path}")
        self.run: asyncio.Task[None]
        self.on_read: Callable[[], None] = lambda: None
        self.room = environmental_sensor(
            self.air, "Room", ROOM, self._room_temperature, lambda: 44.4, lambda: 90, self.report
        )
        self.fever = health_thermometer(self.air, "Thermometer", FEVER, lambda: 80, self.report)
        services = {full_uuid("180d"): {HEART_RATE: Tells.UNCONFIRMED, TEMPERATURE: Tells.WHEN_ASKED}}
        self.pulse = GattSensor(self.air, "Pulse", PULSE, (full_uuid("180d"),), services, report=self.report)

    def report(self, address: str, characteristic: str, value: bytes) -> None:
        """Keep what a sensor says has got to a hub."""
        self.reported.append((address, characteristic, value))

    def _room_temperature(self) -> float:
        self.on_read()
        return 21.5

    @asynccontextmanager
    async def hub(self) -> AsyncIterator[None]:
        """Run the hub's radio, with the room's sensor in reach and heard."""
        self.run = asyncio.create_task(self.radio.run())
        await until(lambda: any(station.le_scan_enable for station in self.air.controllers))
        await self.bring(self.room)
        try:
            yield
        finally:
            for sensor in (self.room, self.fever, self.pulse):
                sensor.stop()
            self.run.cancel()
            await asyncio.wait([self.run])
            await until(lambda: not self.air.controllers)

    async def bring(self, sensor: GattSensor) -> None:
        """Power a sensor up and wait until it is heard."""
        await sensor.start()
        await until(lambda: any(advert.address == sensor.address for advert in self.heard))

    async def visit(self, visit: Visit) -> None:
        """Visit a sensor with this bench's radio."""
        await self.radio.visit(visit, lambda uuid, value: self.told.append((uuid, value)))

    async def refused(self, visit: Visit) -> VisitError:
        """Visit in vain, and return why."""
        with pytest.raises(VisitError) as refusal:
            await self.visit(visit)
        return refusal.value

    @property
    def controller(self) -> VirtualController:
        """The hub's own, on the air."""
        (controller,) = (station for station in self.air.controllers if station.name == "hub")
        assert isinstance(controller, VirtualController)
        return controller

    async def is_well(self) -> None:
        """See that the hub has hung up, still hears a beacon, and can visit the room."""
        assert self.controller.le_connections == {}
        assert self.controller.pending_le_connection is None
        count = len(self.heard)
        self.air.broadcast(BEACON, Pdu(hci.Address(BEACON), bytes.fromhex("0416d2fc40")))
        await until(lambda: any(advert.address == BEACON for advert in self.heard[count:]))
        self.told.clear()
        await self.visit(room())
        assert self.told == ROOM_TELLS


async def until(condition: Callable[[], bool]) -> None:
    """Let virtual time pass until something is so; at most a quarter of an hour."""
    async with asyncio.timeout(900):
        while not condition():  # noqa: ASYNC110  # the rig has no event for it, and virtual time is free
            await asyncio.sleep(0.01)


def room(*, connect_s: float = 10.0, read: tuple[str, ...] = (TEMPERATURE, HUMIDITY, BATTERY_LEVEL)) -> Visit:
    """Read the room."""
    return Visit(ROOM, read, (), 0.0, connect_s)


def fever(*, stay_s: float = 60.0) -> Visit:
    """Be told of a fever."""
    return Visit(FEVER, (BATTERY_LEVEL,), (BODY_TEMPERATURE,), stay_s, 10.0)


def pulse(*, stay_s: float) -> Visit:
    """Be told of the pulse."""
    return Visit(PULSE, (), (HEART_RATE,), stay_s, 10.0)
