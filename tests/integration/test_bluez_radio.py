"""The hub's radio over BlueZ: it hears and visits, and notices what bleak's scanner does not tell."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bumble import hci

from device_profiles.advert import Advert
from edge_agent.adapters.radio import Radio, Visit
from edge_agent.errors import RadioError, RadioTrouble, VisitError
from hil_tests.rig.air import Air, Pdu
from hil_tests.rig.bluez.facade import FakeBluez
from hil_tests.rig.gatt_sensors import (
    BODY_TEMPERATURE,
    HUMIDITY,
    TEMPERATURE,
    Fault,
    body_temperature,
    environmental_sensor,
    health_thermometer,
    humidity,
    temperature,
)
from tests.helpers.site import eventually

pytestmark = pytest.mark.needs("dbus-daemon")

BEACON, ROOM, FEVER = (f"C0:00:00:00:00:0{number}" for number in range(1, 4))
BTHOME = "0000fcd2-0000-1000-8000-00805f9b34fb"
NOTICED_MAX_S = 5.0
ROOM_VISIT = Visit(ROOM, (TEMPERATURE, HUMIDITY), (), 0.0, 10.0)


class _Bench:
    """An air, BlueZ, and a hub's radio that keeps what it hears and is told."""

    def __init__(self, directory: Path) -> None:
        self.air = Air(1)
        self.bluez = FakeBluez(self.air, directory)
        self.heard: list[Advert] = []
        self.told: list[tuple[str, bytes]] = []
        self.radio = Radio(self.heard.append, boot_ms=lambda: 4711)
        self.room = environmental_sensor(
            self.air, "Room", ROOM, lambda: 21.5, lambda: 44.4, lambda: 90, lambda *_: None
        )

    def send(self) -> None:
        """Put one advert of the beacon on the air."""
        self.air.broadcast(BEACON, Pdu(hci.Address(BEACON), bytes.fromhex("0416d2fc40")))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Task[None]]:
        """Run the radio until the context ends; its task is given."""
        run = asyncio.create_task(self.radio.run())
        try:
            await eventually(lambda: self.bluez.sessions or run.done(), "the radio listens")
            yield run
        finally:
            run.cancel()
            await asyncio.wait([run])

    async def ended(self, run: asyncio.Task[None]) -> RadioError:
        """Wait for the radio to end by itself, and return why."""
        await asyncio.wait([run], timeout=NOTICED_MAX_S)
        error = run.exception()
        assert isinstance(error, RadioError)
        assert error.hint
        return error

    async def visit(self, visit: Visit) -> None:
        """Visit a sensor with this bench's radio."""
        await self.radio.visit(visit, lambda uuid, value: self.told.append((uuid, value)))

    async def hears(self) -> None:
        """See that the radio, run anew, hears the beacon."""
        count = len(self.heard)
        async with self.listening():
            self.send()
            await eventually(lambda: len(self.heard) > count, "the beacon is heard again")


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[_Bench]:
    """Open a bench for one test."""
    bench = _Bench(tmp_path)
    async with bench.bluez:
        for name, value in bench.bluez.environment.items():
            monkeypatch.setenv(name, value)
        yield bench
        bench.room.stop()
    gc.collect()  # dbus-fast leaves a failed send behind, which asyncio logs: here rather than anywhere


async def test_an_advert_arrives_as_it_was_sent(bench: _Bench) -> None:
    """Over BlueZ it is the same advert as over HCI."""
    async with bench.listening():
        bench.send()
        await eventually(lambda: bench.heard, "the advert")
    assert bench.heard == [Advert(BEACON, None, (), {BTHOME: b"\x40"}, {}, -60, 4711)]


async def test_a_sensor_is_visited(bench: _Bench) -> None:
    """Connected to by its path, read, and left."""
    async with bench.listening():
        await bench.room.start()
        await eventually(lambda: bench.heard, "the room")
        await bench.visit(ROOM_VISIT)
        await bench.visit(ROOM_VISIT)
    assert bench.told == 2 * [(TEMPERATURE, temperature(21.5)), (HUMIDITY, humidity(44.4))]


async def test_a_sensor_that_tells_is_listened_to(bench: _Bench) -> None:
    """What it indicates is taken, and its hanging up ends the visit."""
    fever = health_thermometer(bench.air, "Thermometer", FEVER, lambda: 80, lambda *_: None)
    fever.set(BODY_TEMPERATURE, body_temperature(37.2))
    async with bench.listening():
        await fever.start()
        await eventually(lambda: bench.heard, "the thermometer")
        await bench.visit(Visit(FEVER, (), (BODY_TEMPERATURE,), 60.0, 10.0))
    fever.stop()
    assert bench.told == [(BODY_TEMPERATURE, body_temperature(37.2))]


async def test_a_sensor_that_wants_to_be_paired_says_so(bench: _Bench) -> None:
    """BlueZ's "Not paired" is a sentence that says what to do."""
    async with bench.listening():
        await bench.room.start()
        bench.room.fail(Fault.UNPAIRED)
        await eventually(lambda: bench.heard, "the room")
        with pytest.raises(VisitError, match="not paired with") as refusal:
            await bench.visit(ROOM_VISIT)
    assert "bluetoothctl" in refusal.value.hint


async def test_a_service_that_ends_is_noticed(bench: _Bench) -> None:
    """A crashed bluetoothd ends the radio at once, and until it is back that is the trouble."""
    async with bench.listening() as run:
        assert (await bench.bluez.crash()).fired()
        error = await bench.ended(run)
    assert (error.reason, str(error)) == (RadioTrouble.LOST, "The Bluetooth service ended.")
    async with bench.listening() as run:
        error = await bench.ended(run)
    assert error.reason is RadioTrouble.ABSENT
    assert str(error) == "Bluetooth cannot be used: the bluetooth service does not run."
    assert (await bench.bluez.restart()).fired()
    await bench.hears()


async def test_a_service_that_restarts_at_once_is_noticed(bench: _Bench) -> None:
    """The new one knows nothing of the old one's scan; the radio does not wait for it in vain."""
    async with bench.listening() as run:
        await bench.bluez.crash()
        await bench.bluez.restart()
        assert (await bench.ended(run)).reason is RadioTrouble.LOST
    await bench.hears()


async def test_a_switch_is_noticed(bench: _Bench) -> None:
    """Switched off is OFF, while it lasts, and what ends with it is not taken for an advert."""
    async with bench.listening() as run:
        bench.send()
        await eventually(lambda: bench.heard, "the advert")
        assert (await bench.bluez.power_off()).fired()
        error = await bench.ended(run)
    assert (error.reason, str(error)) == (RadioTrouble.OFF, "The Bluetooth adapter was switched off.")
    async with bench.listening() as run:
        error = await bench.ended(run)
    assert (error.reason, str(error)) == (RadioTrouble.OFF, "Bluetooth is switched off.")
    assert len(bench.heard) == 1
    await bench.bluez.power_on()
    await bench.hears()


async def test_a_pulled_adapter_is_noticed(bench: _Bench) -> None:
    """Without its adapter the radio ends, and begins again when it is back."""
    async with bench.listening() as run:
        assert (await bench.bluez.unplug()).fired()
        error = await bench.ended(run)
    assert (error.reason, str(error)) == (RadioTrouble.LOST, "The Bluetooth adapter hci0 went away.")
    async with bench.listening() as run:
        assert (await bench.ended(run)).reason is RadioTrouble.ABSENT
    await bench.bluez.plug()
    await bench.hears()


async def test_another_adapter_does_not_matter(bench: _Bench) -> None:
    """A radio that was given its adapter looks at no other."""
    bench.radio = Radio(bench.heard.append, boot_ms=lambda: 4711, adapter="hci7")
    async with bench.listening() as run:
        error = await bench.ended(run)
    assert str(error) == "Bluetooth cannot be used: adapter 'hci7' not found."


async def test_a_bus_that_ends_is_noticed(bench: _Bench) -> None:
    """D-Bus itself may end, too."""
    async with bench.listening() as run:
        assert (await bench.bluez.kill_bus()).fired()
        error = await bench.ended(run)
    assert (error.reason, str(error)) == (RadioTrouble.LOST, "The system's D-Bus ended.")
    async with bench.listening() as run:
        assert (await bench.ended(run)).reason is RadioTrouble.ABSENT
    await bench.bluez.restart()
    await bench.hears()


async def test_a_stuck_discovery_is_told(bench: _Bench) -> None:
    """InProgress is a sentence; once it is released, the radio hears."""
    await bench.bluez.stick_in_progress()
    async with bench.listening() as run:
        error = await bench.ended(run)
    assert "somebody else's scan" in str(error)
    assert (await bench.bluez.unstick()).fired()
    await bench.hears()


async def test_a_visit_is_broken_off_with_the_service(bench: _Bench) -> None:
    """A visit under way when the service ends is the radio's trouble, not the sensor's."""
    async with bench.listening() as run:
        await bench.room.start()
        bench.room.fail(Fault.SILENT)
        await eventually(lambda: bench.heard, "the room")
        visit = asyncio.create_task(bench.visit(Visit(ROOM, (TEMPERATURE,), (), 0.0, 1.0)))
        await eventually(lambda: bench.room.connections, "the connection")
        await bench.bluez.crash()
        await bench.ended(run)
        with pytest.raises(RadioError):
            await visit
