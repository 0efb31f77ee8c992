"""The devices an adapter knows: heard lately, or connected."""

from __future__ import annotations

import asyncio
import functools
from collections import OrderedDict
from typing import TYPE_CHECKING

from bumble import core
from bumble.device import Advertisement, Connection
from dbus_fast import Variant

from hil_tests.rig.bluez.adverts import changes, said
from hil_tests.rig.bluez.gatt import Attributes
from hil_tests.rig.bluez.objects import DEVICE, NOTHING, BluezError, Objects, Reply, Values

if TYPE_CHECKING:
    from bumble import hci
    from dbus_fast import Message

    from hil_tests.rig.bluez.dongle import Dongle

DEVICES_MAX = 1000
SWEEP_EVERY_S = 0.5
FLEETING = ("RSSI", "TxPower")  # not known any more once discovery has ended


class Devices:
    """All of them, the one heard longest ago first."""

    def __init__(self, objects: Objects, adapter: str, dongle: Dongle, forget_after_s: float) -> None:
        """Know none yet.

        Args:
            objects: Where they are exported.
            adapter: Object path of the adapter.
            dongle: Its hardware, to connect with.
            forget_after_s: How long one that is silent and not connected is remembered.
        """
        self._objects = objects
        self._adapter = adapter
        self._dongle = dongle
        self._forget_after_s = forget_after_s
        self._known: OrderedDict[str, _Device] = OrderedDict()
        self._loop = asyncio.get_running_loop()
        self._sweeping = self._loop.call_later(SWEEP_EVERY_S, self._sweep)

    def __len__(self) -> int:
        return len(self._known)

    def hear(self, advert: Advertisement, *, duplicates: bool) -> None:
        """Take in an advert: tell of a new device, or of what changed about a known one."""
        path = f"{self._adapter}/dev_{_spelled(advert.address).replace(':', '_')}"
        news = said(advert.data.ad_structures)
        device = self._known.get(path)
        if device is None:
            values = self._new(advert.address)
            values |= changes(values, news, advert.rssi, duplicates=duplicates)
            device = self._add(path, advert.address, values)
        elif changed := changes(self._objects.values(path), news, advert.rssi, duplicates=duplicates):
            self._objects.change(path, changed)
        device.heard_s = self._loop.time()
        self._known.move_to_end(path)

    def end_discovery(self) -> None:
        """Signal strengths are of the past now."""
        for path in self._known:
            if "RSSI" in self._objects.values(path):
                self._objects.change(path, {}, FLEETING)

    def client_left(self, client: str) -> None:
        """Forget what that client subscribed to; connections stay, as BlueZ's do."""
        for device in self._known.values():
            device.client_left(client)

    def forget(self, path: str) -> None:
        """Remove a device.

        Raises:
            BluezError: There is none of that path.
        """
        device = self._known.pop(path, None)
        if device is None:
            raise BluezError("DoesNotExist", "Does Not Exist")
        device.close()
        self._objects.remove(path)

    def close(self) -> None:
        """Forget all, and tell nobody: the adapter is gone, or the service."""
        self._sweeping.cancel()
        for device in self._known.values():
            device.close()
        self._known.clear()

    def _add(self, path: str, address: hci.Address, values: Values) -> _Device:
        if len(self._known) >= DEVICES_MAX:
            oldest = next((one for one, device in self._known.items() if not device.busy), None)
            if oldest is not None:
                self.forget(oldest)
        device = self._known[path] = _Device(self._objects, path, address, self._dongle)
        device.export(values)
        return device

    def _new(self, address: hci.Address) -> Values:
        spelled = _spelled(address)
        no = ("Paired", "Bonded", "Trusted", "Blocked", "LegacyPairing", "Connected", "ServicesResolved")
        return {
            "Address": Variant("s", spelled),
            "AddressType": Variant("s", "random" if address.is_random else "public"),
            "Alias": Variant("s", spelled.replace(":", "-")),
            "Adapter": Variant("o", self._adapter),
            "UUIDs": Variant("as", []),
        } | {name: Variant("b", False) for name in no}

    def _sweep(self) -> None:
        self._sweeping = self._loop.call_later(SWEEP_EVERY_S, self._sweep)
        until_s = self._loop.time() - self._forget_after_s
        for path, device in tuple(self._known.items()):
            if device.heard_s > until_s:
                break
            if not device.busy:
                self.forget(path)


class _Device:
    """One device as an object."""

    def __init__(self, objects: Objects, path: str, address: hci.Address, dongle: Dongle) -> None:
        self.heard_s = 0.0
        self._objects = objects
        self._path = path
        self._address = address
        self._dongle = dongle
        self._connecting = False
        self._connection: Connection | None = None
        self._attributes: Attributes | None = None
        self._resolving: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        return self._connecting or self._connection is not None

    def export(self, values: Values) -> None:
        answers = {"Connect": self._connect, "Disconnect": self._disconnect, "Pair": self._pair}
        self._objects.add(self._path, DEVICE, values, answers)

    def client_left(self, client: str) -> None:
        if self._attributes is not None:
            self._attributes.client_left(client)

    def close(self) -> None:
        self._connection = None
        if self._resolving is not None:
            self._resolving.cancel()

    async def _connect(self, _call: Message) -> Reply:
        if self._connection is not None:
            return NOTHING
        if self._connecting:
            raise BluezError("InProgress", "In Progress")
        self._connecting = True
        try:
            connection = await self._dongle.connect(self._address)
        except core.BaseBumbleError as error:
            raise BluezError("Failed", "le-connection-abort-by-local") from error
        finally:
            self._connecting = False
        self._begin(connection)
        return NOTHING

    async def _disconnect(self, _call: Message) -> Reply:
        if self._connecting:
            await self._dongle.give_up()
        elif self._connection is None:
            raise BluezError("NotConnected", "Not Connected")
        else:
            await self._connection.disconnect()
        return NOTHING

    async def _pair(self, _call: Message) -> Reply:
        raise BluezError("AuthenticationRejected", "Authentication Rejected")

    def _begin(self, connection: Connection) -> None:
        self._connection = connection
        self._objects.change(self._path, {"Connected": Variant("b", True)})
        connection.on(Connection.EVENT_DISCONNECTION, functools.partial(self._end, connection))
        if connection.handle not in self._dongle.device.connections:  # it was over before we looked
            self._end(connection, 0)
            return
        self._attributes = Attributes(self._objects, self._path)
        self._resolving = asyncio.get_running_loop().create_task(self._resolve(connection))

    async def _resolve(self, connection: Connection) -> None:
        assert self._attributes is not None  # noqa: S101  # set right before
        try:
            await self._attributes.discover(connection)
        except BluezError:  # clients wait in vain, or are told of the end of the connection
            return
        self._objects.change(self._path, {"ServicesResolved": Variant("b", True)})

    def _end(self, connection: Connection, _reason: int) -> None:
        if self._connection is not connection:
            return
        self._connection = self._attributes = None
        if self._resolving is not None:
            self._resolving.cancel()
        self.heard_s = asyncio.get_running_loop().time()
        self._objects.remove_below(self._path)
        no = Variant("b", False)
        self._objects.change(self._path, {"ServicesResolved": no, "Connected": no})


def _spelled(address: hci.Address) -> str:
    return address.to_string(with_type_qualifier=False)
