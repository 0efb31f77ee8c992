"""Somebody outside who takes requests over HTTP, as they please: says yes, says no, or never answers."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import h11


@dataclass
class Asked:
    """One request that came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Outside:
    """What came so far, and what is answered: a status, or nothing at all for 0."""

    status: int = 204
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    head: bytes = b""  # sent before anything else, for those who answer oddly
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._answer(reader, writer)
        except (OSError, h11.ProtocolError, asyncio.CancelledError):
            pass  # they have gone, or the test has ended
        finally:
            writer.transport.abort()
            self._serving.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await _request(reader))
        writer.write(self.head)
        if self.status:
            writer.write(f"HTTP/1.1 {self.status} So\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        await reader.read()  # until they leave

    async def end(self) -> None:
        """Leave nobody waiting."""
        for task in [*self._serving]:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> Asked:
    http, body = h11.Connection(h11.SERVER), b""
    request: h11.Request | None = None
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(4096))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage) and request:
            headers = {name.decode(): value.decode() for name, value in request.headers}
            return Asked(request.method.decode(), request.target.decode(), headers, body)
        else:
            raise ConnectionResetError


@contextlib.asynccontextmanager
async def outside(status: int = 204, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Outside]:
    """Listens on this machine until the block ends."""
    one = Outside(status)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=tls)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        await one.end()
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next turn
