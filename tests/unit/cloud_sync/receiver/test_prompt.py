"""The authority's HTTP with strangers who say nothing: they are hung up on, and whoever asks is served."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cloud_sync.receiver import prompt
from cloud_sync.receiver.prompt import PromptProtocol

SERVED_MAX = 3
ASKING = b"POST / HTTP/1.1\r\nHost: lum\r\nContent-Length: 2\r\n\r\nhi"
NEVER_ENDING = b"POST / HTTP/1.1\r\nHost: lum\r\nContent-Length: 9\r\n\r\nhi"

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """A server for :data:`SERVED_MAX` at a time; gives its port."""

    async def echo(request: Request) -> Response:
        return PlainTextResponse(await request.body())

    config = uvicorn.Config(
        Starlette(routes=[Route("/", echo, methods=["POST"])]),
        http=PromptProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        limit_concurrency=SERVED_MAX,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = server.force_exit = True
            await running


async def ended(line: Line) -> bool:
    """Whether the server hung up, without a word."""
    with contextlib.suppress(ConnectionError):
        return await line[0].read() == b""
    return True


@pytest.mark.parametrize("says", [b"", NEVER_ENDING], ids=["nothing", "no end"])
async def test_whoever_asks_takes_the_place_of_the_one_who_was_silent_longest(says: bytes) -> None:
    """As many silent ones as are served at a time shut nobody out; the others of them stay."""
    async with serving() as port, asyncio.timeout(20):
        lines: list[Line] = []
        for _ in range(SERVED_MAX):
            lines.append(await asyncio.open_connection("127.0.0.1", port))
            lines[-1][1].write(says)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ASKING)

        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        assert await ended(lines[0])
        assert not lines[-1][0].at_eof()
        for _, each in [*lines, (reader, writer)]:
            each.close()


async def test_silence_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nobody else comes."""
    monkeypatch.setattr(prompt, "REQUEST_WAIT_S", 0.01)
    async with serving() as port, asyncio.timeout(20):
        line = await asyncio.open_connection("127.0.0.1", port)
        assert await ended(line)
        line[1].close()
