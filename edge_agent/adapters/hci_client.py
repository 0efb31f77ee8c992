"""Connecting without BlueZ: a bleak client over the link of the running ``HciScanner``.

Loaded at the first visit only. Lum reads from sensors and listens to them, so that is what this
client can do; it writes nothing but subscriptions, and does not pair.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble import att, core, hci
from bumble.gatt_client import Client, ServiceProxy

from edge_agent.adapters.hci_connection import ATT_MTU_MIN, HciConnection

if TYPE_CHECKING:
    from bleak.args import SizedBuffer
    from bleak.backends.descriptor import BleakGATTDescriptor

    from edge_agent.adapters.hci_link import HciPeer

MTU_WANTED = 247  # fills one link-layer packet of today's radios; sensors of old keep to 23

Answer = TypeVar("Answer")


class HciClient(BaseBleakClient):
    """A bleak client backend; give ``BleakClient`` a device that ``HciScanner`` has found."""

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **_others: Any,
    ) -> None:
        """Prepare to connect; bleak makes this call.

        Args:
            address_or_ble_device: A device with an ``HciPeer`` for its details; a bare address will
                not do, since it does not tell which link and which kind of address.
            disconnected_callback: Called when the connection is over, whoever ended it.
            timeout: How long connecting may take, finding out what the sensor has included, in seconds.
            **_others: What bleak passes for backends of other systems.

        Raises:
            TypeError: It is a bare address.
        """
        if not isinstance(address_or_ble_device, BLEDevice):
            raise TypeError("HciClient connects to devices that HciScanner found, not to bare addresses")
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout)
        self._peer: HciPeer = address_or_ble_device.details
        self._connection: HciConnection | None = None
        self._gatt: Client
        self._uuids_before = 0

    @property
    def mtu_size(self) -> int:
        """Longest ATT PDU that both sides take, in bytes."""
        return self._connection.att_mtu if self._connection else ATT_MTU_MIN

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands."""
        return self._connection is not None and not self._connection.over.done()

    async def connect(self, pair: bool, **_others: Any) -> None:  # noqa: FBT001  # bleak's signature
        """Connect and find out what the sensor has.

        Raises:
            TimeoutError: It took longer than it may.
            BleakError: The sensor or the controller refused, or the sensor hung up.
            RadioError: The controller failed.
        """
        if pair:
            _refuse()
        async with asyncio.timeout(self._timeout):
            try:
                self._connection = await self._peer.link.connect(self._peer.address)
            except hci.HCI_Error as error:
                raise BleakError(error.error_name.lower().replace("_", " ")) from error
            self._begin(self._connection)
            try:
                await self._discover()
            except BaseException:
                await self.disconnect()
                raise

    async def disconnect(self) -> None:
        """Hang up."""
        if self._connection is not None:
            await self._peer.link.disconnect(self._connection)

    async def read_gatt_char(self, characteristic: BleakGATTCharacteristic, **_others: Any) -> bytearray:
        """Read a value, however long it is.

        Raises:
            BleakGATTProtocolError: The sensor refused.
            BleakError: The sensor hung up, gave no answer or none that makes sense.
        """
        return bytearray(await self._answer(characteristic.obj.read_value()))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_others: Any
    ) -> None:
        """Be told of new values: notified if the sensor can do that, else indicated.

        Raises:
            BleakGATTProtocolError: The sensor refused.
            BleakError: The sensor hung up, gave no answer or none that makes sense.
        """
        await self._answer(characteristic.obj.subscribe(lambda value: callback(bytearray(value))))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Not needed: hanging up ends all subscriptions."""
        _refuse(characteristic)

    async def read_gatt_descriptor(self, descriptor: BleakGATTDescriptor, **_others: Any) -> bytearray:
        """Not needed."""
        _refuse(descriptor)

    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: SizedBuffer,
        response: bool,  # noqa: FBT001
    ) -> None:
        """Not wanted."""
        _refuse(characteristic, data, response)

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        """Not wanted."""
        _refuse(descriptor, data)

    async def pair(self, *_args: Any, **_others: Any) -> None:
        """Not possible here; over BlueZ it is."""
        _refuse()

    async def unpair(self) -> None:
        """Not possible here; over BlueZ it is."""
        _refuse()

    def _begin(self, connection: HciConnection) -> None:
        self._uuids_before = len(core.UUID.UUIDS)
        self._gatt = Client(cast("att.Bearer", connection))
        connection.receive_att = self._receive
        connection.over.add_done_callback(self._notice_end)

    async def _discover(self) -> None:
        await self._agree_on_mtu()
        found = BleakGATTServiceCollection()
        for service in await self._answer(self._gatt.discover_services()):
            await self._discover_in(service, found)
        self.services = found

    async def _agree_on_mtu(self) -> None:
        try:
            await self._answer(self._gatt.request_mtu(MTU_WANTED))
        except BleakGATTProtocolError:  # Vol 3, Part F, 3.4.2.1: a sensor need not know the request
            return

    async def _discover_in(self, proxy: ServiceProxy, found: BleakGATTServiceCollection) -> None:
        service = BleakGATTService(proxy, proxy.handle, _uuid_text(proxy.uuid))
        found.add_service(service)
        for characteristic in await self._answer(proxy.discover_characteristics()):
            found.add_characteristic(
                BleakGATTCharacteristic(
                    characteristic,
                    characteristic.handle,
                    _uuid_text(characteristic.uuid),
                    list(gatt_char_props_to_strs(characteristic.properties)),
                    lambda: self.mtu_size - 3,
                    service,
                )
            )

    async def _answer(self, question: Coroutine[Any, Any, Answer]) -> Answer:
        """Await an answer of the sensor, with Bumble's errors as bleak's."""
        try:
            return await question
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(error.error_code) from error
        except Exception as error:  # whatever a stranger's bytes upset in Bumble
            raise BleakError(self._why(error)) from error

    def _why(self, error: Exception) -> str:
        if not self.is_connected:
            return "it hung up"
        if isinstance(error, core.TimeoutError):
            return "it gives no answer"
        return "its answers make no sense"

    def _receive(self, pdu: bytes) -> None:
        if pdu[0] in att.ATT_REQUESTS:  # Vol 3, Part F, 3.4.1.1: a request must be answered
            refusal = att.ATT_Error_Response(
                request_opcode_in_error=pdu[0],
                attribute_handle_in_error=0,
                error_code=att.ATT_REQUEST_NOT_SUPPORTED_ERROR,
            )
            self._gatt.send_gatt_pdu(bytes(refusal))
        else:
            self._gatt.on_gatt_pdu(att.ATT_PDU.from_bytes(pdu))

    def _notice_end(self, _over: asyncio.Future[None]) -> None:
        self.services = None
        # Bumble keeps every UUID it ever met; a sensor that invents them would fill the memory.
        del core.UUID.UUIDS[self._uuids_before :]
        waiting = self._gatt.pending_response
        if waiting is not None and not waiting.done():
            waiting.set_exception(ConnectionError("it hung up"))
        if self._disconnected_callback is not None:
            self._disconnected_callback()


def _uuid_text(bumbles: core.UUID) -> str:
    return str(uuid.UUID(bytes=bumbles.to_bytes(force_128=True)[::-1]))


def _refuse(*_wanted: object) -> NoReturn:
    raise BleakError("Without BlueZ, Lum only reads from sensors and listens to them")
