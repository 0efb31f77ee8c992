"""Somebody who answers hubs in the authority's place, with whatever certificate he has, and writes down what they ask."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import msgpack

from hil_tests.attack.door import Answer

Answers = Callable[[str, bytes], Awaitable[Answer]]


@dataclass
class Impostor:
    """Where he listens, and the addresses that he was asked for, in order."""

    port: int = 0
    asked: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def impostor(context: ssl.SSLContext, answers: Answers) -> AsyncIterator[Impostor]:
    """Listens on a free port of this machine until the block ends.

    Args:
        context: TLS, with the certificate that he shows.
        answers: address and body of a request to what he says.
    """
    himself = Impostor()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            path, body = await _request(reader)
            himself.asked.append(path)
            answer = await answers(path, body)
            content = msgpack.packb(answer.content)
            head = (
                f"HTTP/1.1 {answer.status} .\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + content)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    himself.port = server.sockets[0].getsockname()[1]
    try:
        yield himself
    finally:
        server.close()
        await server.wait_closed()


async def _request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Address and body of an HTTP request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.splitlines()
    headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
    return first.split()[1], await reader.readexactly(int(headers.get("content-length", "0")))
