"""An HCI transport with one Bumble host on it: it scans without a pause, and connects in between.

A controller has one host, so the scanner (``hci.py``) and the clients of visits
(``hci_client.py``) share this one. Commands always run to their end: one that is cancelled
half-way leaves Bumble's host unusable.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeAlias, TypeVar

import msgspec
from bumble import hci
from bumble.core import BaseBumbleError
from bumble.host import Host
from bumble.transport import open_transport
from bumble.transport.common import Transport, TransportSpecError

from edge_agent.adapters import hci_commands
from edge_agent.adapters.hci_connection import HciConnection
from edge_agent.errors import ConfigError, RadioError, RadioTrouble

START_TIMEOUT_S = 10.0  # a healthy controller answers all of it in 0.02 s
COMMAND_TIMEOUT_S = 5.0

Answer = TypeVar("Answer")
AdvertReport: TypeAlias = (
    hci.HCI_LE_Advertising_Report_Event.Report | hci.HCI_LE_Extended_Advertising_Report_Event.Report
)

# Bumble logs what it also raises, with tracebacks; we raise it as one sentence.
logging.getLogger("bumble").setLevel(logging.CRITICAL)


class HciPeer(msgspec.Struct, frozen=True):
    """A sensor that can be connected to; what a scanned bleak device holds for ``HciClient``."""

    link: HciLink
    address: hci.Address


class HciLink:
    """The host's end of a transport; may be opened again after it was closed."""

    def __init__(
        self,
        spec: str,
        *,
        active: bool,
        hear: Callable[[AdvertReport], None],
        lost: Callable[[RadioError], None],
    ) -> None:
        """Prepare to open.

        Args:
            spec: Bumble's name of an HCI transport.
            active: Whether to ask for scan responses, too.
            hear: Given each report of an advert.
            lost: Called once, with what to raise, if the controller fails while it is open.
        """
        self._spec = spec
        self._active = active
        self._hear = hear
        self._lost = lost
        self._connections: dict[int, HciConnection] = {}
        self._wanted: asyncio.Future[HciConnection] | None = None
        self._paused = False
        self._watched = False
        self._transport: Transport | None = None
        self._host: Host

    async def open(self) -> None:
        """Open the transport, reset the controller and scan.

        Raises:
            ConfigError: There is no such kind of transport.
            RadioError: The transport cannot be opened, or no controller answers on it.
        """
        self._transport = transport = await _open(self._spec)
        try:
            await _to_its_end(self._begin(transport))
        except (TimeoutError, BaseBumbleError, RuntimeError, AssertionError) as error:  # on odd answers
            trouble = self._trouble()
            await self.close()
            raise trouble from error
        except BaseException:
            await self.close()
            raise
        self._watched = True
        transport.source.terminated.add_done_callback(functools.partial(self._notice_loss, transport))

    @property
    def gone(self) -> bool:
        """Whether the transport has ended, by itself or by ``close``."""
        return self._transport is None or self._transport.source.terminated.done()

    async def close(self) -> None:
        """Let go of the controller; closing its transport ends scan and connections with it."""
        transport, self._transport = self._transport, None
        self._watched = False
        if transport is not None:
            self._end_all()
            await transport.close()

    async def connect(self, address: hci.Address) -> HciConnection:
        """Connect to a sensor, however long it takes; cancel to give up. One at a time.

        Raises:
            HCI_Error: The controller refused, or the sensor did.
            RadioError: The controller failed.
        """
        wanted: asyncio.Future[HciConnection] = asyncio.get_running_loop().create_future()
        wanted.add_done_callback(_take_note)
        self._wanted = wanted
        try:
            await _to_its_end(self._ask_for(address))
            return await asyncio.shield(wanted)
        except asyncio.CancelledError:
            await _to_its_end(self._give_up(wanted))
            raise
        finally:
            self._wanted = None
            await _to_its_end(self._resume_scan())

    async def disconnect(self, connection: HciConnection) -> None:
        """Hang up, unless it is over already."""
        await _to_its_end(self._hang_up(connection))

    # Opening.

    async def _begin(self, transport: Transport) -> None:
        self._host = host = Host(transport.source, transport.sink)
        host.on("advertising_report", self._hear)
        host.on("le_connection", self._connected)
        host.on("connection_failure", self._not_connected)
        host.on("disconnection", self._disconnected)
        host.on("l2cap_pdu", self._receive)
        async with asyncio.timeout(START_TIMEOUT_S):
            await host.reset()
            # A new address each time: scan requests of a hub must not make its home trackable.
            await self._order(hci_commands.random_address())
            await self._order(hci_commands.scan_parameters(extended=self._extended, active=self._active))
            await self._order(hci_commands.scan(extended=self._extended, on=True))

    # Connecting; none of these may be cancelled.

    async def _ask_for(self, address: hci.Address) -> None:
        command = hci_commands.connection(address, extended=self._extended)
        with self._in_words():
            try:
                await self._order_slowly(command)
            except hci.HCI_Error as error:
                if error.error_code != hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR:
                    raise
                # Simple controllers scan or connect, one at a time.
                await self._order(hci_commands.scan(extended=self._extended, on=False))
                self._paused = True
                await self._order_slowly(command)

    async def _give_up(self, wanted: asyncio.Future[HciConnection]) -> None:
        with contextlib.suppress(RadioError), self._in_words():
            try:
                await self._order(hci_commands.connection_cancel())
            except hci.HCI_Error:
                if not wanted.done():  # nothing is pending: the controller had refused
                    return
            try:
                async with asyncio.timeout(COMMAND_TIMEOUT_S):
                    connection = await wanted
            except hci.HCI_Error:  # as it should: cancelled
                return
            await self._hang_up(connection)  # it was made in the very moment

    async def _hang_up(self, connection: HciConnection) -> None:
        if connection.over.done():
            return
        with contextlib.suppress(RadioError, hci.HCI_Error), self._in_words():
            await self._order_slowly(hci_commands.disconnection(connection.handle))
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                await asyncio.shield(connection.over)
        self._end(connection.handle)

    async def _resume_scan(self) -> None:
        if not self._paused:
            return
        self._paused = False
        try:
            with self._in_words():
                await self._order(hci_commands.scan(extended=self._extended, on=True))
        except (RadioError, hci.HCI_Error):
            self._fail(self._trouble())  # deaf from here on, so run() has to end

    # What the host reports.

    def _connected(self, handle: int, _peer: hci.Address, *_parameters: object) -> None:
        connection = self._connections[handle] = HciConnection(self._host, handle)
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(connection)

    def _not_connected(self, _transport: object, _peer: hci.Address, status: int) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_exception(hci.HCI_Error(status))  # type: ignore[no-untyped-call]  # Bumble leaves it untyped

    def _disconnected(self, handle: int, _reason: int) -> None:
        self._end(handle)

    def _receive(self, handle: int, channel: int, pdu: bytes) -> None:
        if (connection := self._connections.get(handle)) is not None:
            connection.receive(channel, pdu)

    def _notice_loss(self, transport: Transport, _ended: asyncio.Future[None]) -> None:
        if transport is self._transport:  # else we closed it ourselves
            self._fail(self._trouble())
            self._end_all()

    def _end(self, handle: int) -> None:
        connection = self._connections.pop(handle, None)
        if connection is not None and not connection.over.done():
            connection.over.set_result(None)

    def _end_all(self) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_exception(self._trouble())
        for handle in tuple(self._connections):
            self._end(handle)

    # Commands.

    async def _order(self, command: hci.HCI_SyncCommand[Any]) -> None:
        """Send a command that is answered when it is done."""
        await self._host.send_sync_command(command, response_timeout=COMMAND_TIMEOUT_S)

    async def _order_slowly(self, command: hci.HCI_AsyncCommand) -> None:
        """Send a command that is answered when it has begun."""
        await self._host.send_async_command(command, response_timeout=COMMAND_TIMEOUT_S)

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        """Raise and tell a RadioError if the controller is gone, or does not answer, or answers oddly."""
        if self.gone:
            raise self._trouble()
        try:
            yield
        except (TimeoutError, RuntimeError, AssertionError) as error:
            trouble = self._trouble()
            self._fail(trouble)
            raise trouble from error

    def _trouble(self) -> RadioError:
        if self.gone:
            return RadioError(
                f"The radio on {self._spec} went away.",
                RadioTrouble.LOST,
                hint="Check that the dongle is plugged in; the hub tries again by itself.",
            )
        return RadioError(
            f"No Bluetooth controller answers on {self._spec}.",
            RadioTrouble.ABSENT,
            hint="Check that the dongle is plugged in and that nothing else uses it.",
        )

    def _fail(self, trouble: RadioError) -> None:
        if self._watched:
            self._watched = False
            self._lost(trouble)

    @property
    def _extended(self) -> bool:
        return self._host.supports_le_features(hci.LeFeatureMask.LE_EXTENDED_ADVERTISING)


async def _open(spec: str) -> Transport:
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            return await open_transport(spec)
    except (TransportSpecError, ValueError, AssertionError) as error:  # Bumble asserts that there is a path
        raise ConfigError(
            f"The radio transport {spec!r} is none that Lum knows.",
            hint="Write usb:0, serial:/dev/ttyACM0, tcp-client:HOST:PORT or unix-client:/PATH, or leave it out for BlueZ.",
        ) from error
    except (OSError, BaseBumbleError, ImportError, TimeoutError) as error:
        raise RadioError(
            f"The radio transport {spec} cannot be opened: {_words(error)}.",
            RadioTrouble.ABSENT,
            hint="Check that the dongle is plugged in and that this user may open it.",
        ) from error


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).rstrip(".") or "no answer"


async def _to_its_end(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Await ``work``; if we are cancelled, let it end first, then be cancelled."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(_take_note)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _take_note(ended: asyncio.Future[Any]) -> None:
    """Look at an exception that nobody may be waiting for, so that asyncio does not complain."""
    if not ended.cancelled():
        ended.exception()
