"""One HTTP/1.1 request to somebody outside, within a time limit that nothing they do can stretch.

No redirect is followed, nothing of the answer is kept but its status, and nothing that is raised holds the address.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import h11

from cloud_sync.receiver.address import Address

LIMIT_S: Final = 10.0  # from the first byte out to the status in
_CHUNK_BYTES: Final = 4_096
_ANSWER_MAX_BYTES: Final = 16_384  # its head must fit in


class OutgoingError(Exception):
    """It was not accepted; the sentence says why, and nothing of the address but its host."""


@dataclass(frozen=True, slots=True)
class Post:
    """What is sent: a method, headers beside the usual ones, a body."""

    method: str = "GET"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""


async def send(address: Address, post: Post, *, ca: Path | None = None, limit_s: float = LIMIT_S) -> None:
    """Send it, and return once they have said that they took it (a status of 200 to 299).

    Raises:
        OutgoingError: they could not be reached, took too long, or said anything else.
    """
    try:
        async with asyncio.timeout(limit_s):
            status = await _exchange(address, post, ca)
    except TimeoutError as error:
        raise OutgoingError(f"{address.host} did not answer within {limit_s:g} s") from error
    except ssl.SSLError as error:
        raise OutgoingError(f"{address.host}: TLS failed ({error.reason or 'no reason given'})") from error
    except (OSError, ValueError, h11.ProtocolError) as error:  # ValueError: a name that is none
        raise OutgoingError(f"{address.host}: {_plain(error)}") from error
    if not 200 <= status <= 299:
        raise OutgoingError(f"{address.host} answered {status}")


async def _exchange(address: Address, post: Post, ca: Path | None) -> int:
    context = ssl.create_default_context(cafile=ca) if address.secure else None
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    try:
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_ANSWER_MAX_BYTES)
        for event in (_request(address, post), h11.Data(post.body), h11.EndOfMessage()):
            writer.write(http.send(event) or b"")
        await writer.drain()
        return await _status(http, reader)
    finally:
        writer.transport.abort()  # whatever they still say is of no interest


def _request(address: Address, post: Post) -> h11.Request:
    host = f"[{address.host}]" if ":" in address.host else address.host
    headers = [
        ("Host", f"{host}:{address.port}"),
        ("User-Agent", "lum"),
        ("Content-Length", str(len(post.body))),
        ("Connection", "close"),
        *post.headers,
    ]
    return h11.Request(method=post.method, target=address.target, headers=headers)


async def _status(http: h11.Connection, reader: asyncio.StreamReader) -> int:
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(_CHUNK_BYTES))
        elif isinstance(event, h11.Response):
            return event.status_code
        elif not isinstance(event, h11.InformationalResponse):
            raise OSError("the connection ended before an answer")


def _plain(error: Exception) -> str:
    """What went wrong, in the system's own words, never with what was sent."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return "no usable answer" if isinstance(error, h11.ProtocolError) else str(error) or type(error).__name__
