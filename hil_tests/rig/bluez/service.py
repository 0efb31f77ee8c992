"""The name ``org.bluez`` on a bus, and one connection behind it: calls in, answers and signals out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from bumble import core
from dbus_fast import Message, MessageType, NameFlag, RequestNameReply
from dbus_fast.aio import MessageBus

from hil_tests.rig.bluez.objects import BLUEZ, Answer, BluezError
from hil_tests.rig.errors import RigError

DAEMON = "org.freedesktop.DBus"
# dbus-fast answers these by itself.
STANDARD = {"org.freedesktop.DBus.Peer", "org.freedesktop.DBus.Introspectable"}


class Service:
    """One life of the service: from taking the name to letting go of it."""

    def __init__(self, address: str, answer: Answer, client_left: Callable[[str], None]) -> None:
        """Prepare it.

        Args:
            address: Of the bus.
            answer: Answers each call; a ``BluezError`` it raises is the refusal.
            client_left: Told the unique name of each client that leaves the bus.
        """
        self._bus = MessageBus(bus_address=address)
        self._answer = answer
        self._client_left = client_left
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def unique_name(self) -> str:
        """The connection's name on the bus, such as ``:1.4``."""
        return self._bus.unique_name or ""

    async def open(self) -> None:
        """Connect, and own the name.

        Raises:
            RigError: There is no bus, or somebody else owns the name.
        """
        try:
            await self._bus.connect()
        except (OSError, EOFError) as error:
            raise RigError(f"The private D-Bus cannot be connected to: {error}.") from error
        self._bus.add_message_handler(self._receive)
        await self._bus.call(
            Message(
                destination=DAEMON,
                path="/org/freedesktop/DBus",
                interface=DAEMON,
                member="AddMatch",
                signature="s",
                body=[f"type='signal',sender='{DAEMON}',member='NameOwnerChanged'"],
            )
        )
        taken = await self._bus.request_name(BLUEZ, NameFlag.DO_NOT_QUEUE)
        if taken is not RequestNameReply.PRIMARY_OWNER:
            raise RigError(f"Somebody else is {BLUEZ} on the private D-Bus.")

    async def close(self) -> None:
        """Leave the bus without a word, as a process that ends; the bus then tells of the lost name."""
        for task in self._tasks:
            task.cancel()
        self._bus.disconnect()
        with contextlib.suppress(OSError, EOFError):  # the bus may have ended before
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast leaves it untyped

    def send(self, signal: Message) -> None:
        """Put a signal on the bus; nothing once the connection has ended."""
        if self._bus.connected:
            self._bus.send(signal)

    def _receive(self, message: Message) -> bool | None:
        if message.message_type is MessageType.SIGNAL:
            if message.sender == DAEMON and message.member == "NameOwnerChanged":
                name, _, owner = message.body
                if not owner and name.startswith(":"):
                    self._client_left(name)
            return None
        if message.message_type is not MessageType.METHOD_CALL or message.interface in STANDARD:
            return None
        task = asyncio.get_running_loop().create_task(self._serve(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _serve(self, call: Message) -> None:
        try:
            signature, body = await self._answer(call)
        except BluezError as error:
            reply = Message.new_error(call, error.name, error.words)
        except core.BaseBumbleError as error:  # the radio's refusal
            reply = Message.new_error(call, "org.bluez.Error.Failed", str(error))
        else:
            reply = Message.new_method_return(call, signature, body)
        if self._bus.connected:
            self._bus.send(reply)
