"""The objects of ``org.bluez``: paths, their properties, and who answers calls to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from dbus_fast import Message, MessageType, Variant

BLUEZ = "org.bluez"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
DESCRIPTOR = "org.bluez.GattDescriptor1"
MANAGER = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"
WRITABLE = {"Alias", "Trusted"}  # of those that BlueZ lets clients write

Values: TypeAlias = dict[str, Variant]
Reply: TypeAlias = tuple[str, list[Any]]  # signature and body
Answer: TypeAlias = Callable[[Message], Awaitable[Reply]]
NOTHING: Reply = ("", [])


class BluezError(Exception):
    """What a call is refused with: the error's D-Bus name, and BlueZ's words for it."""

    def __init__(self, name: str, words: str = "") -> None:
        super().__init__(words)
        self.name = name if "." in name else f"org.bluez.Error.{name}"
        self.words = words


@dataclass(slots=True)
class _Node:
    interface: str
    values: Values
    answers: Mapping[str, Answer] = field(default_factory=dict)


class Objects:
    """All objects of one life of ``org.bluez``; each change is signalled at once.

    BlueZ gives each object interfaces of its own beside the standard ones; of those that Lum's
    sensors have to do with, one each.
    """

    def __init__(self, send: Callable[[Message], object]) -> None:
        """Begin with none; ``send`` puts a signal on the bus."""
        self._send = send
        self._nodes: dict[str, _Node] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._nodes

    def values(self, path: str) -> Values:
        """Properties of an object, as they stand."""
        return self._nodes[path].values

    def add(self, path: str, interface: str, values: Values, answers: Mapping[str, Answer]) -> None:
        """Add an object; ``answers`` are its methods by name."""
        self._nodes[path] = _Node(interface, values, answers)
        self._signal("/", MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, {interface: values}])

    def remove(self, path: str) -> None:
        """Remove an object and all below it, if it is there."""
        self.remove_below(path)
        if node := self._nodes.pop(path, None):
            self._signal("/", MANAGER, "InterfacesRemoved", "oas", [path, [node.interface]])

    def remove_below(self, path: str) -> None:
        """Remove all below an object: children first, which were added after their parents."""
        for one in reversed([one for one in self._nodes if one.startswith(f"{path}/")]):
            node = self._nodes.pop(one)
            self._signal("/", MANAGER, "InterfacesRemoved", "oas", [one, [node.interface]])

    def change(self, path: str, values: Values, gone: tuple[str, ...] = ()) -> None:
        """Set properties of an object, and let go of those in ``gone``; ignored where there is no such object."""
        node = self._nodes.get(path)
        if node is None:
            return
        node.values.update(values)
        dropped = [name for name in gone if node.values.pop(name, None) is not None]
        self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [node.interface, values, dropped])

    async def answer(self, call: Message) -> Reply:
        """Answer one method call.

        Raises:
            BluezError: There is no such object or method, or it refuses.
        """
        if (call.interface, call.member) == (MANAGER, "GetManagedObjects"):
            return "a{oa{sa{sv}}}", [{path: {one.interface: one.values} for path, one in self._nodes.items()}]
        node = self._nodes.get(call.path or "")
        if node is None:
            raise BluezError(
                "org.freedesktop.DBus.Error.UnknownObject", f"Method {call.member} has no object"
            )
        if call.interface == PROPERTIES:
            return self._property(node, call)
        answer = node.answers.get(call.member or "") if call.interface == node.interface else None
        if answer is None:
            raise BluezError(
                "org.freedesktop.DBus.Error.UnknownMethod", f"Method {call.member} does not exist"
            )
        return await answer(call)

    def _property(self, node: _Node, call: Message) -> Reply:
        interface, *rest = call.body
        if interface != node.interface:
            raise BluezError("org.freedesktop.DBus.Error.InvalidArgs", f"No such interface '{interface}'")
        if call.member == "GetAll":
            return "a{sv}", [node.values]
        name = rest[0]
        if name not in node.values:
            raise BluezError("org.freedesktop.DBus.Error.InvalidArgs", f"No such property '{name}'")
        if call.member == "Get":
            return "v", [node.values[name]]
        if name in WRITABLE:
            self.change(call.path or "", {name: rest[1]})
            return NOTHING
        raise BluezError("org.freedesktop.DBus.Error.PropertyReadOnly", f"Property '{name}' is not writable")

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self._send(
            Message(
                message_type=MessageType.SIGNAL,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=body,
            )
        )
