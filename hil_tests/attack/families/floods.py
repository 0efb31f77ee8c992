"""Attacks by mere number: strangers who cost the authority more than they cost themselves, so that no hub gets through."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

from hil_tests.attack.attack import BrokenError, Family, Said
from hil_tests.attack.target import Target

attack = Family("flood")
CONNECTIONS = 280  # the authority serves 256 at a time
AT_A_TIME = 20
NEVER_ENDING = b"POST /v1/enrol HTTP/1.1\r\nHost: lum\r\nContent-Length: 4000\r\n\r\n"
HEARD = "a hub is answered all the same"


async def _through(site: Target, says: bytes) -> Said:
    """Many connections that say no more than that; then a hub asks."""
    pen = await site.pen()
    site.begin()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(CONNECTIONS // AT_A_TIME):
            opened = await asyncio.gather(
                *(asyncio.to_thread(_open, site.door.port) for _ in range(AT_A_TIME))
            )
            for line in opened:
                stack.callback(line.close)
                with contextlib.suppress(OSError):  # hung up on already
                    line.sendall(says)
        answer = await pen.renewal(site.door)
    if not answer.granted:
        raise BrokenError(f"A hub got no certificate: {answer.told}.")
    return Said(HEARD, f"renewed hub {pen.hub}", changes=(f"~ lineage {pen.hub}",))


def _open(port: int) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10))


@attack("connections-that-say-nothing", "", heard=HEARD)
async def silent(site: Target) -> Said:
    """A stranger opens more connections to the authority than it serves at a time, and leaves them open."""
    return await _through(site, b"")


@attack("requests-that-never-end", "", heard=HEARD)
async def never_ending(site: Target) -> Said:
    """The same, each with a request whose end never comes."""
    return await _through(site, NEVER_ENDING)
