"""A connected device's services, characteristics and descriptors as BlueZ exports them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from bumble import att, core
from bumble.device import Connection, Peer
from bumble.gatt import Characteristic as Declared
from bumble.gatt_client import CharacteristicProxy, DescriptorProxy, ServiceProxy
from dbus_fast import Variant

from hil_tests.rig.bluez.objects import (
    CHARACTERISTIC,
    DESCRIPTOR,
    NOTHING,
    SERVICE,
    BluezError,
    Objects,
    Reply,
)

if TYPE_CHECKING:
    from dbus_fast import Message

MTU_WANTED = 517  # what BlueZ asks for
GENERIC_ACCESS = core.UUID.from_16_bits(0x1800)  # BlueZ keeps this service to itself
_Flags = Declared.Properties
FLAGS = {
    _Flags.BROADCAST: "broadcast",
    _Flags.READ: "read",
    _Flags.WRITE_WITHOUT_RESPONSE: "write-without-response",
    _Flags.WRITE: "write",
    _Flags.NOTIFY: "notify",
    _Flags.INDICATE: "indicate",
    _Flags.AUTHENTICATED_SIGNED_WRITES: "authenticated-signed-writes",
    _Flags.EXTENDED_PROPERTIES: "extended-properties",
}
_NOT_PAIRED = ("NotPermitted", "Not paired")
REFUSALS: dict[int, tuple[str, str]] = {  # as create_gatt_dbus_error in BlueZ's gatt-client.c
    att.ATT_READ_NOT_PERMITTED_ERROR: ("NotPermitted", "Read not permitted"),
    att.ATT_WRITE_NOT_PERMITTED_ERROR: ("NotPermitted", "Write not permitted"),
    att.ATT_INSUFFICIENT_AUTHENTICATION_ERROR: _NOT_PAIRED,
    att.ATT_INSUFFICIENT_ENCRYPTION_ERROR: _NOT_PAIRED,
    att.ATT_INSUFFICIENT_ENCRYPTION_KEY_SIZE_ERROR: _NOT_PAIRED,
    att.ATT_INVALID_OFFSET_ERROR: ("InvalidArguments", "Invalid offset"),
    att.ATT_INVALID_ATTRIBUTE_LENGTH_ERROR: ("InvalidArguments", "Invalid Length"),
    att.ATT_INSUFFICIENT_AUTHORIZATION_ERROR: ("NotAuthorized", "Not Authorized"),
    att.ATT_REQUEST_NOT_SUPPORTED_ERROR: ("NotSupported", "Operation is not supported"),
}

Told = TypeVar("Told")


class Attributes:
    """All attributes of one connected device, from discovering them to the end of the connection."""

    def __init__(self, objects: Objects, device: str) -> None:
        """Begin with none, below the object path ``device``."""
        self._objects = objects
        self._device = device
        self._characteristics: list[_Characteristic] = []

    async def discover(self, connection: Connection) -> None:
        """Ask the device what it has, and export that.

        Raises:
            BluezError: It gives no answer, or hung up.
        """
        peer = Peer(connection)
        await asked(peer.request_mtu(MTU_WANTED))
        for service in await asked(peer.discover_services()):
            if service.uuid != GENERIC_ACCESS:
                await self._export(service, connection)

    def client_left(self, client: str) -> None:
        """Forget what that client subscribed to."""
        for characteristic in self._characteristics:
            characteristic.client_left(client)

    async def _export(self, service: ServiceProxy, connection: Connection) -> None:
        path = f"{self._device}/service{service.handle:04x}"
        values = {
            "UUID": Variant("s", uuid_text(service.uuid)),
            "Device": Variant("o", self._device),
            "Primary": Variant("b", True),
            "Includes": Variant("ao", []),
        }
        self._objects.add(path, SERVICE, values, {})
        for proxy in await asked(service.discover_characteristics()):
            characteristic = _Characteristic(self._objects, path, proxy)
            characteristic.export(connection.att_mtu)
            self._characteristics.append(characteristic)
            for descriptor in await asked(proxy.discover_descriptors()):
                _Descriptor(characteristic.path, descriptor).export(self._objects)


class _Characteristic:
    """One characteristic as an object; ``_listeners`` are the clients it notifies."""

    def __init__(self, objects: Objects, service: str, proxy: CharacteristicProxy[bytes]) -> None:
        # BlueZ names it by its declaration, which is right before its value (Vol 3, Part G, 3.3).
        self.path = f"{service}/char{proxy.handle - 1:04x}"
        self._objects = objects
        self._service = service
        self._proxy = proxy
        self._listeners: set[str] = set()

    def export(self, mtu: int) -> None:
        flags = [name for flag, name in FLAGS.items() if self._proxy.properties & flag]
        values = {
            "UUID": Variant("s", uuid_text(self._proxy.uuid)),
            "Service": Variant("o", self._service),
            "Value": Variant("ay", b""),
            "Notifying": Variant("b", False),
            "Flags": Variant("as", flags),
            "MTU": Variant("q", mtu),
        }
        answers = {
            "ReadValue": self._read,
            "WriteValue": self._write,
            "StartNotify": self._start,
            "StopNotify": self._stop,
        }
        self._objects.add(self.path, CHARACTERISTIC, values, answers)

    def client_left(self, client: str) -> None:
        self._listeners.discard(client)
        if not self._listeners and self.path in self._objects:
            self._objects.change(self.path, {"Notifying": Variant("b", False)})

    async def _read(self, _call: Message) -> Reply:
        return "ay", [await asked(self._proxy.read_value())]

    async def _write(self, call: Message) -> Reply:
        value, options = call.body
        kind = options.get("type")
        await asked(
            self._proxy.write_value(bytes(value), with_response=kind is None or kind.value == "request")
        )
        return NOTHING

    async def _start(self, call: Message) -> Reply:
        if not self._proxy.properties & (_Flags.NOTIFY | _Flags.INDICATE):
            raise BluezError("NotSupported", "Operation is not supported")
        if call.sender in self._listeners:
            raise BluezError("InProgress", "In Progress")
        if not self._listeners:
            await asked(self._proxy.subscribe(self._tell))
        self._listeners.add(call.sender or "")
        self._objects.change(self.path, {"Notifying": Variant("b", True)})
        return NOTHING

    async def _stop(self, call: Message) -> Reply:
        if call.sender not in self._listeners:
            raise BluezError("Failed", "No notify session started")
        self._listeners.remove(call.sender)
        if not self._listeners:
            await asked(self._proxy.unsubscribe(self._tell))
            self._objects.change(self.path, {"Notifying": Variant("b", False)})
        return NOTHING

    def _tell(self, value: bytes) -> None:
        self._objects.change(self.path, {"Value": Variant("ay", bytes(value))})


class _Descriptor:
    """One descriptor as an object."""

    def __init__(self, characteristic: str, proxy: DescriptorProxy) -> None:
        self._path = f"{characteristic}/desc{proxy.handle:04x}"
        self._characteristic = characteristic
        self._proxy = proxy

    def export(self, objects: Objects) -> None:
        values = {
            "UUID": Variant("s", uuid_text(self._proxy.type)),
            "Characteristic": Variant("o", self._characteristic),
            "Value": Variant("ay", b""),
        }
        objects.add(self._path, DESCRIPTOR, values, {"ReadValue": self._read, "WriteValue": self._write})

    async def _read(self, _call: Message) -> Reply:
        return "ay", [await asked(self._proxy.read_value())]

    async def _write(self, call: Message) -> Reply:
        await asked(self._proxy.write_value(bytes(call.body[0]), with_response=True))
        return NOTHING


async def asked(question: Awaitable[Told]) -> Told:
    """Await what a device is asked, with its refusal in BlueZ's words.

    Raises:
        BluezError: It refuses, gives no answer, or hung up.
    """
    try:
        return await question
    except att.ATT_Error as error:
        raise refusal(error.error_code) from error
    except core.BaseBumbleError as error:
        raise BluezError("Failed", "Operation failed with ATT error: 0x0e") from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # Bumble cancels what waits for an answer when the other side hangs up.
        raise BluezError("Failed", "Not connected") from error


def refusal(code: int) -> BluezError:
    """BlueZ's words for an ATT error."""
    return BluezError(*REFUSALS.get(code, ("Failed", f"Operation failed with ATT error: 0x{code:02x}")))


def uuid_text(bumbles: core.UUID) -> str:
    """Spell one of Bumble's UUIDs in full, lower case."""
    return str(uuid.UUID(bytes=bumbles.to_bytes(force_128=True)[::-1]))
