"""Simulated sensors that a hub must connect to: a real GATT server behind each.

Two kinds, as homes have them. One advertises all the time and is read every so often, such as an
environmental sensor. The other is shy: it advertises only while it has something to tell, tells
it to who subscribes, and hangs up, such as a thermometer for fevers.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import functools
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from bumble import att, core, gatt, hci
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from device_profiles.advert import Advert, full_uuid
from hil_tests.rig.advertising import advert_bytes
from hil_tests.rig.controller import VirtualController
from hil_tests.rig.errors import RigError

if TYPE_CHECKING:
    from bumble import ll

    from hil_tests.rig.air import Air

ADVERTISING_INTERVAL_MS = 500.0
LINGER_S = 0.5  # how long a shy sensor stays after it has told everything, to be asked for its battery
VALUE_MAX_BYTES = 20  # fits one PDU at the smallest MTU (Vol 3, Part F, 3.4.7), so that one answer is all

ENVIRONMENTAL_SENSING, HEALTH_THERMOMETER, BATTERY = map(full_uuid, ("181a", "1809", "180f"))
TEMPERATURE, HUMIDITY, BODY_TEMPERATURE, BATTERY_LEVEL = map(full_uuid, ("2a6e", "2a6f", "2a1c", "2a19"))

_CCCD = core.UUID.from_16_bits(0x2902)
_PAIRED_ONLY = att.Attribute.READ_REQUIRES_AUTHENTICATION | att.Attribute.WRITE_REQUIRES_AUTHENTICATION


class Tells(enum.Enum):
    """How a sensor tells a value that it was ``set``."""

    WHEN_ASKED = gatt.Characteristic.Properties.READ
    UNCONFIRMED = gatt.Characteristic.Properties.NOTIFY
    CONFIRMED = gatt.Characteristic.Properties.INDICATE


class Fault(enum.Enum):
    """What may be wrong with a sensor."""

    REFUSES = "refuses"  # advertises, but answers no request for a connection
    HANGS_UP = "hangs up"  # ends each connection at once
    SILENT = "silent"  # lets itself be connected to, and says nothing
    UNPAIRED = "unpaired"  # tells its values to paired hubs only


Source: TypeAlias = Tells | Callable[[], bytes]  # a function: read anew each time somebody asks
Services: TypeAlias = Mapping[str, Mapping[str, Source]]  # sources by characteristic, by service
Report: TypeAlias = Callable[[str, str, bytes], None]  # address, characteristic, value


class GattSensor:
    """A sensor with a radio, a name and services; on the air it is the station named by its address."""

    def __init__(
        self,
        air: Air,
        name: str,
        address: str,
        advertised: tuple[str, ...],
        services: Services,
        *,
        report: Report = lambda _address, _characteristic, _value: None,
        shy: bool = False,
    ) -> None:
        """Set up a sensor, silent as yet. UUIDs are full ones, lower case.

        Args:
            air: The medium.
            name: Its local name.
            address: Its random static address, upper case with colons.
            advertised: Services that its adverts list.
            services: Its services and how their characteristics are told.
            report: Told each value that got to a hub: read, confirmed, or notified over a link
                that is not cut. What is set but never fetched is not reported.
            shy: Advertise only while a value waits to be told, and hang up after that.

        Raises:
            RigError: The advert does not fit into 31 bytes.
        """
        self.address = address
        self.connections = 0
        self._air = air
        self._name = name
        self._services = services
        self._report = report
        self._shy = shy
        self._advert = advert_bytes(Advert(address, name, advertised, {}, {}, 0, 0))
        self._sources = {one: source for service in services.values() for one, source in service.items()}
        self._values: dict[str, bytes] = {}
        self._waiting: dict[str, bytes] = {}  # to be told without being asked
        self._subscribed: set[str] = set()
        self._fault: Fault | None = None
        self._powered: _Powered | None = None
        self._stirred = asyncio.Event()
        self._settling = asyncio.Lock()
        self._serving: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Power it up; it advertises, unless it is shy and has nothing to tell."""
        powered = self._powered = _Powered(self._air, self._name, self.address, self._advert)
        for service, sources in self._services.items():
            powered.add_service(service, {one: self._characteristic(one) for one in sources})
        powered.device.on(Device.EVENT_CONNECTION, functools.partial(self._connected, powered))
        await powered.device.power_on()
        powered.fail(self._fault)
        await self._settle()

    def stop(self) -> None:
        """Take its battery out: hubs miss it by supervision timeout."""
        powered, self._powered = self._powered, None
        self._cease_serving()
        for task in self._tasks:
            task.cancel()
        if powered is not None:
            powered.off()

    def set(self, characteristic: str, value: bytes) -> None:
        """Give a characteristic its newest value; it is told as its source says.

        A value that waits to be told and is set anew is forgotten: the sensor remembers one of each.

        Raises:
            RigError: It has no such characteristic, or the value is longer than 20 bytes.
        """
        if not isinstance(self._sources.get(characteristic), Tells):
            raise RigError(f"The sensor {self._name} has no characteristic {characteristic} to set.")
        if len(value) > VALUE_MAX_BYTES:
            raise RigError(f"A value of {len(value)} bytes is too long for {self._name}: 20 is the most.")
        self._values[characteristic] = value
        if self._sources[characteristic] is not Tells.WHEN_ASKED:
            self._waiting[characteristic] = value
            self._stirred.set()
            self._spawn(self._settle())

    def fail(self, fault: Fault | None) -> None:
        """Break it in this way from now on, or mend it."""
        self._fault = fault
        if self._powered is not None:
            self._powered.fail(fault)

    # Advertising.

    async def _settle(self) -> None:
        async with self._settling:
            powered = self._powered
            if powered is None:
                return
            if self._serving is None and (self._waiting or not self._shy):
                await powered.advertise()
            else:
                await powered.cease()

    # One connection.

    def _connected(self, powered: _Powered, connection: Connection) -> None:
        if powered is not self._powered:  # the battery is out, or is a new one
            return
        powered.advertising = False
        self.connections += 1
        self._subscribed.clear()
        self._serving = asyncio.get_running_loop().create_task(self._serve(connection))
        connection.on(Connection.EVENT_DISCONNECTION, functools.partial(self._disconnected, powered))

    def _disconnected(self, powered: _Powered, _reason: int) -> None:
        if powered is self._powered:
            self._cease_serving()
            self._spawn(self._settle())

    def _cease_serving(self) -> None:
        serving, self._serving = self._serving, None
        if serving is not None:
            serving.cancel()

    async def _serve(self, connection: Connection) -> None:
        if self._fault is Fault.HANGS_UP:
            self._spawn(_hang_up(connection))
            return
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            for characteristic in [one for one in self._waiting if one in self._subscribed]:
                await self._tell(connection, characteristic)
            if self._shy and not self._waiting:
                await asyncio.sleep(LINGER_S)
                self._spawn(_hang_up(connection))
                return

    async def _tell(self, connection: Connection, characteristic: str) -> None:
        powered, value = self._powered, self._waiting[characteristic]
        if powered is None:
            return
        if self._sources[characteristic] is Tells.CONFIRMED:
            await powered.device.indicate_subscriber(connection, powered.values[characteristic], value)
        else:
            await powered.device.notify_subscriber(connection, powered.values[characteristic], value)
            if not powered.reaches(connection):
                return
        if self._waiting[characteristic] == value:
            del self._waiting[characteristic]
        self._report(self.address, characteristic, value)

    def _characteristic(self, uuid: str) -> gatt.Characteristic[bytes]:
        source = self._sources[uuid]
        tells = source if isinstance(source, Tells) else Tells.WHEN_ASKED
        characteristic: gatt.Characteristic[bytes] = gatt.Characteristic(
            _uuid(uuid),
            tells.value,
            att.Attribute.READABLE,
            att.AttributeValue(read=lambda connection: self._read(connection, uuid)),
        )
        characteristic.on(
            gatt.Characteristic.EVENT_SUBSCRIPTION,
            lambda _bearer, notified, indicated: self._subscribe(uuid, wanted=notified or indicated),
        )
        return characteristic

    def _read(self, connection: Connection, uuid: str) -> bytes:
        source = self._sources[uuid]
        value = self._values.get(uuid, b"") if isinstance(source, Tells) else source()
        if self._powered is not None and self._powered.reaches(connection):
            self._report(self.address, uuid, value)
        return value

    def _subscribe(self, uuid: str, *, wanted: bool) -> None:
        if wanted:
            self._subscribed.add(uuid)
        else:
            self._subscribed.discard(uuid)
        self._stirred.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Powered:
    """A sensor's radio and Bluetooth stack while it has power."""

    def __init__(self, air: Air, name: str, address: str, advert: bytes) -> None:
        self.values: dict[str, gatt.Characteristic[bytes]] = {}
        # Bumble's own word cannot be trusted after a connection that was made at the first advert.
        self.advertising = False
        self._air = air
        self._advert = advert
        self._controller = _Controller(address, air)
        self.device = Device(
            config=DeviceConfiguration(name=name, address=hci.Address(address)),
            host=Host(self._controller, AsyncPipeSink(self._controller)),
        )

    def add_service(self, uuid: str, characteristics: dict[str, gatt.Characteristic[bytes]]) -> None:
        self.device.add_service(gatt.Service(_uuid(uuid), characteristics.values()))
        self.values |= characteristics

    async def advertise(self) -> None:
        if self.advertising:
            return
        self.advertising = True  # before the first advert, for a hub may answer that one
        await self.device.start_advertising(
            advertising_data=self._advert,
            scan_response_data=b"",
            advertising_interval_min=ADVERTISING_INTERVAL_MS,
            advertising_interval_max=ADVERTISING_INTERVAL_MS,
        )

    async def cease(self) -> None:
        self.advertising = False
        await self.device.stop_advertising()

    def fail(self, fault: Fault | None) -> None:
        self._controller.fault = fault
        for attribute in self.device.gatt_server.attributes:
            if isinstance(attribute, gatt.Characteristic) or attribute.type == _CCCD:
                attribute.permissions &= ~_PAIRED_ONLY
                if fault is Fault.UNPAIRED:
                    attribute.permissions |= _PAIRED_ONLY

    def reaches(self, connection: Connection) -> bool:
        return self._air.reaches(self._controller, connection.peer_address)

    def off(self) -> None:
        self._controller.stop()
        self._air.remove_controller(self._controller)


class _Controller(VirtualController):
    """A sensor's radio, which may be faulty."""

    fault: Fault | None = None

    def on_le_connect_ind(self, packet: ll.ConnectInd) -> None:
        if self.fault is not Fault.REFUSES:
            super().on_le_connect_ind(packet)

    def on_link_acl_data(
        self, sender_address: hci.Address, transport: core.PhysicalTransport, data: bytes
    ) -> None:
        if self.fault is not Fault.SILENT:
            super().on_link_acl_data(sender_address, transport, data)


def environmental_sensor(
    air: Air,
    name: str,
    address: str,
    temperature_c: Callable[[], float],
    humidity_percent: Callable[[], float],
    battery_percent: Callable[[], int],
    report: Report,
) -> GattSensor:
    """Make a sensor of the Environmental Sensing service, to be read every so often."""
    services: Services = {
        ENVIRONMENTAL_SENSING: {
            TEMPERATURE: lambda: temperature(temperature_c()),
            HUMIDITY: lambda: humidity(humidity_percent()),
        },
        BATTERY: {BATTERY_LEVEL: lambda: bytes((battery_percent(),))},
    }
    return GattSensor(air, name, address, (ENVIRONMENTAL_SENSING,), services, report=report)


def health_thermometer(
    air: Air, name: str, address: str, battery_percent: Callable[[], int], report: Report
) -> GattSensor:
    """Make a thermometer that shows itself once it is ``set`` a ``BODY_TEMPERATURE``."""
    services: Services = {
        HEALTH_THERMOMETER: {BODY_TEMPERATURE: Tells.CONFIRMED},
        BATTERY: {BATTERY_LEVEL: lambda: bytes((battery_percent(),))},
    }
    return GattSensor(air, name, address, (HEALTH_THERMOMETER,), services, report=report, shy=True)


def temperature(celsius: float) -> bytes:
    """Pack a Temperature: sint16 in 0.01 °C (GATT Specification Supplement)."""
    return round(celsius * 100).to_bytes(2, "little", signed=True)


def humidity(percent: float) -> bytes:
    """Pack a Humidity: uint16 in 0.01 % (GATT Specification Supplement)."""
    return round(percent * 100).to_bytes(2, "little")


def body_temperature(celsius: float) -> bytes:
    """Pack a Temperature Measurement in °C, without time or place: flags, then an IEEE 11073 FLOAT."""
    mantissa = round(celsius * 100).to_bytes(3, "little", signed=True)
    return b"\x00" + mantissa + (-2).to_bytes(1, "little", signed=True)


def _uuid(full: str) -> core.UUID:
    return core.UUID(full[4:8] if full == full_uuid(full[4:8]) else full)


async def _hang_up(connection: Connection) -> None:
    with contextlib.suppress(core.BaseBumbleError):  # the hub was quicker
        await connection.disconnect()
