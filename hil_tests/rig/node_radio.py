"""The radio of a MicroPython node: what its firmware asks of ``bluetooth``, done by a Bumble device on the air."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from bumble import att, core, gatt, hci
from bumble.device import AdvertisingType, Connection, Device, DeviceConfiguration
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from hil_tests.rig.air import Air
from hil_tests.rig.controller import VirtualController

Command: TypeAlias = Mapping[str, Any]
Tell: TypeAlias = Callable[[dict[str, Any]], None]

# MicroPython's flags beyond those of the characteristic's properties: modbluetooth.h.
_READ, _ANY_WRITE, _ENCRYPTED_WRITE, _PROPERTIES = 0x0002, 0x000C, 0x1000, 0x003E


class NodeRadio:
    """One node's Bluetooth while it has power; on the air it is the station named by its address.

    Args:
        air: The medium.
        name: Its first name; the firmware gives it another.
        address: Random static address, upper case with colons.
        tell: Given the events of the stack, as the bridge sends them.
    """

    def __init__(self, air: Air, name: str, address: str, tell: Tell) -> None:
        self._air = air
        self._tell = tell
        self._controller = VirtualController(address, air)
        self._device = Device(
            config=DeviceConfiguration(name=name, address=hci.Address(address)),
            host=Host(self._controller, AsyncPipeSink(self._controller)),
        )
        self._device.on(Device.EVENT_CONNECTION, self._connected)
        self._connections: dict[int, Connection] = {}
        self._values: dict[int, bytes] = {}
        self._doing: asyncio.Future[None] | None = None

    async def do(self, command: Command) -> None:
        """Do what the firmware asks: one of the methods below, by its name."""
        self._doing = asyncio.ensure_future(getattr(self, f"_{command['op']}")(command))
        # Bumble's host does not survive being cancelled while the controller is about to answer it.
        await asyncio.shield(self._doing)

    async def off(self) -> None:
        """No power: silence, and peers miss it by supervision timeout."""
        self._controller.stop()
        if self._doing is not None:
            await asyncio.wait([self._doing])
            self._controller.stop()  # what was under way may have been the start of an advert
        self._air.remove_controller(self._controller)

    async def _radio(self, command: Command) -> None:
        if command["on"]:
            await self._device.power_on()
        else:
            await self._device.stop_advertising()

    async def _name(self, command: Command) -> None:
        self._device.name = bytes.fromhex(command["name"]).decode()

    async def _advertise(self, command: Command) -> None:
        # MicroPython on an ESP32 answers scan requests also when it is not connectable.
        connectable = AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE
        await self._device.start_advertising(
            connectable if command["connectable"] else AdvertisingType.UNDIRECTED_SCANNABLE,
            advertising_data=bytes.fromhex(command["data"]),
            scan_response_data=bytes.fromhex(command["response"]),
            advertising_interval_min=command["ms"],
            advertising_interval_max=command["ms"],
        )

    async def _silence(self, _command: Command) -> None:
        await self._device.stop_advertising()

    async def _disconnect(self, command: Command) -> None:
        connection = self._connections.get(command["connection"])
        if connection is not None:
            await connection.disconnect()

    async def _services(self, command: Command) -> None:
        for service in command["services"]:
            characteristics = [self._characteristic(one) for one in service["characteristics"]]
            self._device.add_service(gatt.Service(core.UUID(service["uuid"]), characteristics))

    async def _value(self, command: Command) -> None:
        self._values[command["handle"]] = bytes.fromhex(command["value"])

    def _characteristic(self, told: Command) -> gatt.Characteristic[bytes]:
        flags, handle = told["flags"], told["handle"]
        permissions = att.Attribute.Permissions(0)
        if flags & _READ:
            permissions |= att.Attribute.READABLE
        if flags & _ANY_WRITE:
            permissions |= att.Attribute.WRITEABLE
        if flags & _ENCRYPTED_WRITE:
            permissions |= att.Attribute.WRITE_REQUIRES_ENCRYPTION
        return gatt.Characteristic(
            core.UUID(told["uuid"]),
            gatt.Characteristic.Properties(flags & _PROPERTIES),
            permissions,
            att.AttributeValue(
                read=lambda _connection: self._read(handle, permissions),
                write=lambda connection, value: self._written(connection, handle, value),
            ),
        )

    def _connected(self, connection: Connection) -> None:
        self._connections[connection.handle] = connection
        connection.on(Connection.EVENT_DISCONNECTION, lambda _reason: self._disconnected(connection))
        self._tell({"event": "connected", "connection": connection.handle})

    def _disconnected(self, connection: Connection) -> None:
        self._connections.pop(connection.handle, None)
        self._tell({"event": "disconnected", "connection": connection.handle})

    def _read(self, handle: int, permissions: att.Attribute.Permissions) -> bytes:
        if not permissions & att.Attribute.READABLE:  # Bumble's server asks for encryption only
            raise att.ATT_Error(att.ErrorCode.READ_NOT_PERMITTED)
        return self._values.get(handle, b"")

    def _written(self, connection: Any, handle: int, value: bytes) -> None:
        facts = {"event": "written", "connection": connection.handle, "handle": handle}
        self._tell({**facts, "value": bytes(value).hex()})
