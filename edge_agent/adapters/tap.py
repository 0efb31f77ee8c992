"""The running hub lets commands on this machine listen along: a dongle has one user, and the hub is it.

Both ends of one small protocol on a unix socket, a JSON object a line. A client asks once:
    {"do": "listen"}                        -> every advert from now on, as ``device_profiles/records.py`` has it
    {"do": "confirm", "sensor": ADDRESS}    -> {"ok": true}
    {"do": "pause", "for_s": SECONDS}       -> {"ok": true}; 0 seconds: end what was asked for here
and what cannot be done is answered with {"error": SENTENCE}.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from device_profiles.advert import Advert
from device_profiles.errors import RecordError
from device_profiles.records import advert_of, record_of
from edge_agent.errors import AgentError, NoHubError, TapError

CLIENTS_MAX = 4
UNREAD_MAX_BYTES = 1_000_000  # about 2,000 adverts; a client that is further behind loses later ones
REQUEST_MAX_BYTES = 1_000
REQUEST_WAIT_S = 5.0
LINE_MAX_BYTES = 65_536  # the longest advert there is takes about 4,000
ANSWER_WAIT_S = 10.0
PAUSE_MAX_S = 30 * 86_400

_OWNER_ONLY = 0o177  # a umask: 0600 from the socket's first moment


class Tap:
    """The hub's end; ``confirm`` is called with an address, ``pause`` with seconds; both may refuse with an ``AgentError``."""

    def __init__(
        self, path: Path, confirm: Callable[[str], None], pause: Callable[[int], Awaitable[None]]
    ) -> None:
        self._path = path
        self._confirm = confirm
        self._pause = pause
        self._clients: set[asyncio.Task[None]] = set()
        self._listening: set[asyncio.StreamWriter] = set()

    def hear(self, advert: Advert) -> None:
        """Pass an advert on to whoever listens; returns at once, also where a client does not read."""
        if not self._listening:
            return
        line = _line_of(record_of(advert))
        for client in self._listening:
            if client.transport.get_write_buffer_size() < UNREAD_MAX_BYTES:
                client.write(line)

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            TapError: the socket cannot be made.
        """
        server = await self._open()
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            for client in tuple(self._clients):
                client.cancel()
            self._path.unlink(missing_ok=True)

    async def _open(self) -> asyncio.Server:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return await asyncio.start_unix_server(
                self._serve, sock=_bound(self._path), limit=REQUEST_MAX_BYTES
            )
        except OSError as error:
            raise TapError(
                f"Commands cannot listen along: {self._path} cannot be made ({error.strerror or error}).",
                hint="Check runtime_dir in the configuration.",
            ) from error

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio calls this in a task
        self._clients.add(task)
        # Cancelled when the hub ends, broken when the client does: either way nobody waits for more.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            try:
                await self._answer(reader, writer)
            except AgentError as error:
                writer.write(_line_of({"error": f"{error} {error.hint}".rstrip()}))
        self._clients.discard(task)
        self._listening.discard(writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) > CLIENTS_MAX:
            raise TapError(f"{CLIENTS_MAX} commands listen already.", hint="End one of them.")
        match await _request(reader):
            case {"do": "listen", **rest} if not rest:
                self._listening.add(writer)
                await reader.read(1)  # it has nothing more to say: this is its end
            case {"do": "confirm", "sensor": str(address), **rest} if not rest:
                self._confirm(address)
                writer.write(_line_of({"ok": True}))
            case {"do": "pause", "for_s": for_s, **rest} if not rest and _is_span(for_s):
                await self._pause(for_s)
                writer.write(_line_of({"ok": True}))
            case _:
                raise TapError("The hub does not understand this request.")


async def listen(path: Path, hear: Callable[[Advert], None], boot_ms: Callable[[], int]) -> None:
    """Hand over every advert that the hub hears, until it ends; each stamped with ``boot_ms()``.

    Raises:
        NoHubError: no hub runs.
        TapError: the hub refuses, or cannot be understood.
    """
    async with contextlib.AsyncExitStack() as stack:
        reader = await _ask(path, {"do": "listen"}, stack)
        while record := await _answered(reader):
            try:
                hear(replace(advert_of(record), heard_ms=boot_ms()))
            except RecordError as error:
                raise TapError(f"What the hub says cannot be understood: {error}") from error


async def confirm(path: Path, address: str) -> None:
    """Tell the hub that a sensor's counter starts again, as after a change of its battery.

    Raises:
        NoHubError: no hub runs.
        TapError: the hub refuses, or does not answer.
    """
    await _say(path, {"do": "confirm", "sensor": address})


async def pause(path: Path, for_s: int) -> None:
    """Tell the hub to leave out all but calls and warners for so long, or (0) to end what was asked for here.

    Raises:
        NoHubError: no hub runs.
        TapError: the hub refuses, or does not answer.
    """
    await _say(path, {"do": "pause", "for_s": for_s})


async def _say(path: Path, request: Mapping[str, Any]) -> None:
    try:
        async with asyncio.timeout(ANSWER_WAIT_S), contextlib.AsyncExitStack() as stack:
            answer = await _answered(await _ask(path, request, stack))
    except TimeoutError as error:
        raise TapError("The hub does not answer.", hint="See: lum-hub status") from error
    if answer is None:
        raise NoHubError("The hub has just ended.", hint="Start it, and say it again.")


def _is_span(for_s: object) -> bool:
    return type(for_s) is int and 0 <= for_s <= PAUSE_MAX_S


def _bound(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)  # what a killed hub left
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(_OWNER_ONLY)
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(umask)
    return listener


async def _request(reader: asyncio.StreamReader) -> Any:
    """What a client asks; None for what is no JSON, too long or too late."""
    try:
        async with asyncio.timeout(REQUEST_WAIT_S):
            return json.loads(await reader.readline())
    except (ValueError, TimeoutError):  # too long a line is a ValueError too
        return None


async def _ask(
    path: Path, request: Mapping[str, Any], stack: contextlib.AsyncExitStack
) -> asyncio.StreamReader:
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=LINE_MAX_BYTES)
    except (FileNotFoundError, ConnectionError) as error:
        raise NoHubError(
            "No hub is running here.", hint="Start it: lum-hub run (or systemctl start lum-hub)."
        ) from error
    except OSError as error:
        raise TapError(
            f"The hub's socket {path} cannot be used: {error.strerror or error}.",
            hint="Run the command as the user that the hub runs as, or as root.",
        ) from error
    stack.callback(writer.close)
    writer.write(_line_of(request))
    return reader


async def _answered(reader: asyncio.StreamReader) -> Mapping[str, Any] | None:
    """The hub's next line; None if it has ended."""
    try:
        line = await reader.readline()
    except ConnectionError:
        return None
    if not line.endswith(b"\n"):  # nothing, or cut short
        return None
    answer: Mapping[str, Any] = json.loads(line)
    if "error" in answer:
        raise TapError(answer["error"])
    return answer


def _line_of(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, separators=(",", ":")).encode() + b"\n"
