"""Pins what stock bleak sees of the rig's ``org.bluez``, faults included."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.bluezdbus.utils import assert_gatt_reply
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError, BleakError, BleakGATTProtocolError
from bumble import hci
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from hil_tests.rig.air import Air, Link, Pdu
from hil_tests.rig.bluez import devices
from hil_tests.rig.bluez.evidence import Crashed, Deafened, Emptied, StuckInProgress, look
from hil_tests.rig.bluez.facade import FORGET_AFTER_S, FakeBluez
from hil_tests.rig.bluez.gatt import refusal
from hil_tests.rig.errors import RigError
from hil_tests.rig.gatt_sensors import (
    BATTERY_LEVEL,
    BODY_TEMPERATURE,
    HUMIDITY,
    TEMPERATURE,
    Fault,
    GattSensor,
    body_temperature,
    environmental_sensor,
    health_thermometer,
    humidity,
    temperature,
)

pytestmark = pytest.mark.needs("dbus-daemon")

BEACON, ROOM, FEVER = (f"C0:00:00:00:00:0{number}" for number in range(1, 4))
BTHOME = "0000fcd2-0000-1000-8000-00805f9b34fb"
BTHOME_ADVERT, APPLE_ADVERT = bytes.fromhex("0416d2fc40"), bytes.fromhex("04ff4c0002")
WAIT_S = 10.0


class _Bench:
    """An air, ``org.bluez`` over it, and what a bleak scanner heard."""

    def __init__(self, bluez: FakeBluez, air: Air) -> None:
        self.air = air
        self.bluez = bluez
        self.heard: list[tuple[BLEDevice, AdvertisementData]] = []

    def send(self, data: bytes = BTHOME_ADVERT, address: str = BEACON) -> None:
        """Put one advert of a beacon on the air."""
        self.air.broadcast(address, Pdu(hci.Address(address), data))

    def scanner(self, *, duplicates: bool = True) -> BleakScanner:
        """Make a stock scanner that keeps what it hears."""
        return BleakScanner(
            lambda device, data: self.heard.append((device, data)),
            bluez={"filters": {"DuplicateData": duplicates}},
        )

    @asynccontextmanager
    async def doomed_scan(self) -> AsyncIterator[BleakScanner]:
        """A scan that a fault will end, so that it cannot be stopped in good order."""
        scanner = self.scanner()
        await scanner.start()
        try:
            yield scanner
        finally:
            with contextlib.suppress(BleakError, OSError, EOFError):
                await scanner.stop()

    async def came(self, count: int) -> list[AdvertisementData]:
        """Wait for so many adverts; more must not follow those on their way."""
        await until(lambda: len(self.heard) >= count)
        await look(self.address)  # a round trip over the same bus, behind all signals
        assert len(self.heard) == count
        return [data for _, data in self.heard]

    @property
    def address(self) -> str:
        """Of the bus."""
        return self.bluez.environment["DBUS_SYSTEM_BUS_ADDRESS"]

    @asynccontextmanager
    async def sensor(self, sensor: GattSensor) -> AsyncIterator[BLEDevice]:
        """A sensor that must be connected to, heard by a scanner that goes on."""
        async with self.doomed_scan():
            await sensor.start()
            await until(lambda: any(device.address == sensor.address for device, _ in self.heard))
            yield next(device for device, _ in self.heard if device.address == sensor.address)
        sensor.stop()

    def room(self) -> GattSensor:
        """A sensor of temperature and humidity."""
        return environmental_sensor(
            self.air, "Room", ROOM, lambda: 21.5, lambda: 44.4, lambda: 90, lambda *_: None
        )


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[_Bench]:
    """Open a bench for one test; stock bleak finds its bus by the environment."""
    async with bench_in(tmp_path, monkeypatch) as bench:
        yield bench


@asynccontextmanager
async def bench_in(
    directory: Path, monkeypatch: pytest.MonkeyPatch, forget_after_s: float = FORGET_AFTER_S
) -> AsyncIterator[_Bench]:
    """Open a bench that forgets silent devices after so long."""
    air = Air(1)
    async with FakeBluez(air, directory, forget_after_s=forget_after_s) as bluez:
        for name, value in bluez.environment.items():
            monkeypatch.setenv(name, value)
        yield _Bench(bluez, air)
    await asyncio.sleep(0)  # bleak takes note that its bus has ended


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so; at most some seconds."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110  # other processes have no event for it
            await asyncio.sleep(0.01)


# Scanning.


async def test_an_advert_arrives_as_it_was_sent(bench: _Bench) -> None:
    """Address, name, services, data and signal strength are in place."""
    bench.air.arrange(BEACON, "hub", Link(signal_dbm=-71))
    async with bench.scanner():
        bench.send(BTHOME_ADVERT + APPLE_ADVERT + bytes.fromhex("03030f18") + bytes.fromhex("04094c756d"))
        await bench.came(1)
    ((device, data),) = bench.heard
    assert (device.address, device.name, data.local_name, data.rssi) == (BEACON, "Lum", "Lum", -71)
    assert (data.service_data, data.manufacturer_data) == ({BTHOME: b"\x40"}, {0x004C: b"\x02"})
    assert data.service_uuids == ["0000180f-0000-1000-8000-00805f9b34fb"]


async def test_a_device_without_a_name_has_none(bench: _Bench) -> None:
    """BlueZ makes up an alias from the address; bleak sees through it."""
    async with bench.scanner():
        bench.send()
        await bench.came(1)
    ((device, data),) = bench.heard
    assert (device.name, data.local_name) == (None, None)


async def test_with_duplicates_each_copy_is_told(bench: _Bench) -> None:
    """The same advert ten times is heard ten times."""
    async with bench.scanner():
        for _ in range(10):
            bench.send()
        await bench.came(10)


async def test_without_duplicates_only_changes_are_told(bench: _Bench) -> None:
    """Copies are silent, also after another advert came between; the medium does not call them delivered."""
    async with bench.scanner(duplicates=False):
        for data in (BTHOME_ADVERT, BTHOME_ADVERT, APPLE_ADVERT, BTHOME_ADVERT, bytes.fromhex("0416d2fc41")):
            bench.send(data)
        heard = await bench.came(3)
    assert [data.service_data[BTHOME] for data in heard] == [b"\x40", b"\x40", b"\x41"]
    assert bench.air.counts.delivered == 3


async def test_what_a_device_said_stays_until_said_anew(bench: _Bench) -> None:
    """Properties merge by kind: service data stays while manufacturer data comes, and is replaced by its like."""
    other = bytes.fromhex("04161a1807")
    async with bench.scanner():
        for data in (BTHOME_ADVERT, APPLE_ADVERT, other):
            bench.send(data)
        heard = await bench.came(3)
    assert heard[1].service_data == {BTHOME: b"\x40"}
    assert heard[1].manufacturer_data == {0x004C: b"\x02"}
    assert heard[2].service_data == {"0000181a-0000-1000-8000-00805f9b34fb": b"\x07"}
    assert heard[2].manufacturer_data == {0x004C: b"\x02"}


async def test_a_burst_is_told_whole_and_in_order(bench: _Bench) -> None:
    """A thousand adverts at once lose none on the way to the client."""
    async with bench.scanner():
        for number in range(1000):
            bench.send(bytes((5, 0xFF, 0x4C, 0, *number.to_bytes(2, "little"))))
        heard = await bench.came(1000)
    told = [int.from_bytes(data.manufacturer_data[0x4C], "little") for data in heard]
    assert told == list(range(1000))


async def test_a_scan_can_end_and_begin_again(bench: _Bench) -> None:
    """Nothing is heard between two scans; the second hears."""
    async with bench.scanner():
        assert (await look(bench.address)).discovering
    bench.send()
    assert not (await look(bench.address)).discovering
    assert bench.heard == []
    async with bench.scanner():
        bench.send()
        await bench.came(1)


async def test_a_client_has_one_discovery(bench: _Bench) -> None:
    """A second scan of the same process is refused as InProgress, and the first one goes on."""
    async with bench.scanner():
        with pytest.raises(BleakDBusError, match="InProgress"):
            await bench.scanner().start()
        bench.send()
        await bench.came(1)


async def test_a_discovery_ends_with_its_client(bench: _Bench) -> None:
    """Who leaves the bus without a word leaves no discovery behind."""
    client = await MessageBus(bus_address=bench.address).connect()
    await client.call(
        Message("org.bluez", path="/org/bluez/hci0", interface="org.bluez.Adapter1", member="StartDiscovery")
    )
    assert bench.bluez.sessions == 1
    client.disconnect()
    await until(lambda: bench.bluez.sessions == 0)
    await until(lambda: not any(station.le_scan_enable for station in bench.air.controllers))


async def test_silent_devices_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not heard for a while is gone, and told as new when it comes again; a connected one stays."""
    async with bench_in(tmp_path, monkeypatch, forget_after_s=0.2) as bench:
        async with bench.sensor(bench.room()) as device, BleakClient(device) as client:
            bench.send()
            await until(lambda: bench.bluez.devices == 2)
            await until(lambda: bench.bluez.devices == 1)
            assert await client.read_gatt_char(TEMPERATURE)
            bench.send()
            await until(lambda: bench.bluez.devices == 2)
        assert Counter(device.address for device, _ in bench.heard)[BEACON] == 2


async def test_devices_are_bounded(bench: _Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pass by, only so many are remembered, the latest."""
    monkeypatch.setattr(devices, "DEVICES_MAX", 5)
    async with bench.scanner() as scanner:
        for number in range(20):
            bench.send(address=f"C0:00:00:00:01:{number:02X}")
        await bench.came(20)
        assert bench.bluez.devices == 5
        await until(lambda: len(scanner.discovered_devices) == 5)
        assert {int(device.address[-2:], 16) for device in scanner.discovered_devices} == set(range(15, 20))


# Connecting.


async def test_a_sensor_can_be_read(bench: _Bench) -> None:
    """Its services and characteristics are found by their UUIDs, and read."""
    async with bench.sensor(bench.room()) as device, BleakClient(device) as client:
        assert await client.read_gatt_char(TEMPERATURE) == temperature(21.5)
        assert await client.read_gatt_char(HUMIDITY) == humidity(44.4)
        assert await client.read_gatt_char(BATTERY_LEVEL) == b"\x5a"
        found = client.services.get_characteristic(TEMPERATURE)
        assert found is not None
        assert found.properties == ["read"]


async def test_a_sensor_can_be_listened_to(bench: _Bench) -> None:
    """What it indicates arrives, and the client is told when it hangs up."""
    told: list[bytes] = []
    over = asyncio.Event()
    fever = health_thermometer(bench.air, "Thermometer", FEVER, lambda: 80, lambda *_: None)
    fever.set(BODY_TEMPERATURE, body_temperature(37.2))

    def take(_characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
        told.append(bytes(value))

    async with bench.sensor(fever) as device, BleakClient(device, lambda _client: over.set()) as client:
        await client.start_notify(BODY_TEMPERATURE, take)
        async with asyncio.timeout(WAIT_S):
            await over.wait()
        assert not client.is_connected
    assert told == [body_temperature(37.2)]


async def test_listening_can_be_ended(bench: _Bench) -> None:
    """After StopNotify a second one is refused, and the connection stands."""
    fever = health_thermometer(bench.air, "Thermometer", FEVER, lambda: 80, lambda *_: None)
    fever.set(BODY_TEMPERATURE, body_temperature(37.2))
    async with bench.sensor(fever) as device, BleakClient(device) as client:
        changed = next(
            one for one in client.services.characteristics.values() if "indicate" in one.properties
        )
        await client.start_notify(changed, lambda _one, _value: None)
        await client.stop_notify(changed)
        with pytest.raises(BleakError):
            await client.stop_notify(changed)
        assert client.is_connected


@pytest.mark.parametrize("code", [0x02, 0x03, 0x07, 0x08, 0x0A, 0x0D, 0x0E, 0x80], ids=hex)
def test_a_refusal_has_bluezs_words(code: int) -> None:
    """Bleak makes the ATT error of our words that the sensor had answered with."""
    words = refusal(code)
    reply = Message(
        message_type=MessageType.ERROR,
        reply_serial=1,
        error_name=words.name,
        signature="s",
        body=[words.words],
    )
    with pytest.raises(BleakGATTProtocolError) as error:
        assert_gatt_reply(reply)
    assert error.value.code == code


async def test_a_value_can_be_written(bench: _Bench) -> None:
    """A client's features are written with a response; Bumble's server reads them back."""
    async with bench.sensor(bench.room()) as device, BleakClient(device) as client:
        await client.write_gatt_char("00002b29-0000-1000-8000-00805f9b34fb", b"\x01", response=True)
        assert await client.read_gatt_char("00002b29-0000-1000-8000-00805f9b34fb") == b"\x01"


async def test_pairing_is_refused(bench: _Bench) -> None:
    """A sensor that wants to be paired with is named as such, and pairing is rejected."""
    room = bench.room()
    async with bench.sensor(room) as device:
        room.fail(Fault.UNPAIRED)
        async with BleakClient(device) as client:
            with pytest.raises(BleakDBusError, match="Not paired"):
                await client.read_gatt_char(TEMPERATURE)
            with pytest.raises(BleakDBusError, match="AuthenticationRejected"):
                await client.pair()


async def test_a_sensor_that_does_not_answer_can_be_left_alone(bench: _Bench) -> None:
    """Connecting times out on the client's side, and the next attempt succeeds."""
    room = bench.room()
    async with bench.sensor(room) as device:
        bench.air.cut(ROOM, "hub")
        bench.air.cut("Room", "hub")
        bench.air.cut(room.address, "hub")
        with pytest.raises((TimeoutError, BleakError)):
            await BleakClient(device, timeout=0.5).connect()
        for name in (ROOM, "Room", room.address):
            bench.air.heal(name, "hub")
        async with BleakClient(device) as client:
            assert await client.read_gatt_char(TEMPERATURE) == temperature(21.5)


# Faults, each with its evidence.


async def test_a_crash_silences_a_scanner_without_a_word(bench: _Bench) -> None:
    """Bleak's scanner hears nothing and learns nothing; a new scan fails until the service is back."""
    async with bench.doomed_scan():
        bench.send()
        await bench.came(1)
        crashed = await bench.bluez.crash()
        assert crashed.fired()
        assert (crashed.sessions, crashed.devices) == (1, 1)
        with pytest.raises(BleakDBusError, match="ServiceUnknown"):
            await bench.scanner().start()
        assert (await bench.bluez.restart()).fired()
        bench.send()
        assert len(bench.heard) == 1, "the scan is lost with the service that did it"
        async with bench.scanner():
            bench.send()
            await until(lambda: len(bench.heard) > 1)


async def test_a_crash_can_happen_once(bench: _Bench) -> None:
    """What does not run cannot crash, and says so."""
    await bench.bluez.crash()
    with pytest.raises(RigError, match="does not run"):
        await bench.bluez.crash()
    with pytest.raises(RigError, match="does not run"):
        await bench.bluez.power_off()


async def test_a_crash_leaves_connections_to_die(bench: _Bench) -> None:
    """The sensor of a connection is free again after its supervision timeout."""
    room = bench.room()
    async with bench.sensor(room) as device:
        client = BleakClient(device)
        await client.connect()
        await bench.bluez.crash()
        with pytest.raises(BleakError):
            await client.read_gatt_char(TEMPERATURE)
        with pytest.raises(BleakError):
            await client.disconnect()
        await bench.bluez.restart()
        count = len(bench.heard)
        async with bench.scanner():
            await until(lambda: any(device.address == ROOM for device, _ in bench.heard[count:]))


async def test_a_deaf_adapter_says_that_it_discovers(bench: _Bench) -> None:
    """All calls succeed and Discovering is true, but nothing is heard, and the medium knows."""
    async with bench.scanner():
        await bench.bluez.deafen()
        bench.send()
        bench.send()
        assert (await look(bench.address)).discovering
        assert bench.bluez.evidence() == (Deafened(2),)
        assert (await bench.bluez.undeafen()).fired()
        assert bench.air.counts.delivered == 0
        bench.send()
        await bench.came(1)


async def test_a_fault_nobody_met_did_not_fire(bench: _Bench) -> None:
    """Without an advert, or a call, there is no proof."""
    await bench.bluez.deafen()
    await bench.bluez.stick_in_progress()
    await bench.bluez.empty_adverts()
    assert not any(one.fired() for one in bench.bluez.evidence())
    bench.send()
    assert not (await bench.bluez.undeafen()).fired(), "nobody scanned"
    assert await bench.bluez.unstick() == StuckInProgress(0)
    assert await bench.bluez.fill_adverts() == Emptied(0)
    assert len(bench.bluez.evidence()) == 3


async def test_a_stuck_discovery_is_in_progress(bench: _Bench) -> None:
    """StartDiscovery is refused until it is released; what went on goes on."""
    async with bench.scanner():
        await bench.bluez.stick_in_progress()
        bench.send()
        await bench.came(1)
    with pytest.raises(BleakDBusError, match="InProgress"):
        await bench.scanner().start()
    assert await bench.bluez.unstick() == StuckInProgress(1)
    async with bench.scanner():
        bench.send()
        await bench.came(2)


async def test_an_unplugged_adapter_is_none(bench: _Bench) -> None:
    """Without an adapter bleak finds no Bluetooth; plugged in again, it scans."""
    async with bench.doomed_scan():
        unplugged = await bench.bluez.unplug()
        assert (unplugged.fired(), unplugged.sessions) == (True, 1)
        assert not bench.air.controllers
        with pytest.raises(BleakBluetoothNotAvailableError, match="No Bluetooth adapters found"):
            await bench.scanner().start()
        await bench.bluez.plug()
    async with bench.scanner():
        bench.send()
        await bench.came(1)


async def test_an_adapter_that_is_off_is_told_from_none(bench: _Bench) -> None:
    """Bleak names the reason; the end of the discovery comes as an advert without a signal strength."""
    async with bench.doomed_scan():
        bench.send()
        off = await bench.bluez.power_off()
        assert (off.fired(), off.sessions) == (True, 1)
        with pytest.raises(BleakBluetoothNotAvailableError, match="No powered Bluetooth adapters"):
            await bench.scanner().start()
        await bench.bluez.power_on()
    assert [data.rssi for _, data in bench.heard] == [-60, -127]
    async with bench.scanner():
        bench.send()
        await until(lambda: len(bench.heard) > 2)


async def test_switching_off_hangs_up(bench: _Bench) -> None:
    """Connections end at once, and the client is told."""
    over = asyncio.Event()
    async with bench.sensor(bench.room()) as device, BleakClient(device, lambda _client: over.set()):
        await bench.bluez.power_off()
        async with asyncio.timeout(WAIT_S):
            await over.wait()


async def test_empty_adverts_have_no_data(bench: _Bench) -> None:
    """Devices are reported with a signal strength and nothing else, and are not called delivered."""
    async with bench.scanner():
        await bench.bluez.empty_adverts()
        bench.send()
        (data,) = await bench.came(1)
        assert (data.service_data, data.rssi) == ({}, -60)
        assert bench.air.counts.delivered == 0
        assert await bench.bluez.fill_adverts() == Emptied(1)
        bench.send()
        assert (await bench.came(2))[1].service_data == {BTHOME: b"\x40"}


async def test_a_killed_bus_is_no_bus(bench: _Bench) -> None:
    """Nobody can connect; restart() brings bus and service back, at the same address."""
    scanner = bench.scanner()
    await scanner.start()  # never stopped: bleak would call over a bus that is dead
    bench.send()
    await until(lambda: bool(scanner.discovered_devices))
    assert (await bench.bluez.kill_bus()).fired()
    await until(lambda: not scanner.discovered_devices)
    with pytest.raises(OSError, match=r"."):
        await bench.scanner().start()
    with pytest.raises(RigError, match="does not run"):
        await bench.bluez.kill_bus()
    assert (await bench.bluez.restart()).fired()
    count = len(bench.heard)
    async with bench.scanner():
        bench.send()
        await until(lambda: len(bench.heard) > count)


async def test_evidence_is_kept_in_order(bench: _Bench) -> None:
    """All that was done is in one list."""
    await bench.bluez.crash()
    await bench.bluez.restart()
    await bench.bluez.unplug()
    kept = bench.bluez.evidence()
    assert [type(one).__name__ for one in kept] == ["Crashed", "Restarted", "Unplugged"]
    assert isinstance(kept[0], Crashed)


async def test_without_the_daemon_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing dbus-daemon is one sentence, with what to do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RigError, match="apt-get install dbus"):
        await FakeBluez(Air(1), tmp_path).__aenter__()


def test_a_path_too_long_for_a_socket_is_named(tmp_path: Path) -> None:
    """Unix sockets have short paths; that is said before anything fails."""
    with pytest.raises(RigError, match="too long"):
        FakeBluez(Air(1), tmp_path / ("x" * 100))
