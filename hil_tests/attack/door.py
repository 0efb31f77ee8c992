"""The attacker's way to the authority: HTTPS with a client of its own, and what was answered, in words."""

from __future__ import annotations

import asyncio
import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgpack

WAIT_S = 10.0
ANSWER_MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What the authority answered: an HTTP status, and what was in it."""

    status: int
    content: Any

    @property
    def granted(self) -> bool:
        """Whether it gave what was asked for."""
        return self.status == http.client.OK

    @property
    def told(self) -> str:
        """As somebody reads it: the sentence with its code; or that it was granted."""
        if isinstance(self.content, Mapping) and "sentence" in self.content:
            words = self.content
            return f"{words['sentence']} {words['hint']} [{words.get('help', '')}, {words['code']}]".strip()
        return f"answered {self.status}" if not self.granted else "granted"


class Door:
    """Asks the authority on ``port`` of this machine over a TLS context."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.port = port
        self._context = context

    async def ask(self, path: str, body: bytes = b"", *, context: ssl.SSLContext | None = None) -> Answer:
        """POST ``body``.

        Raises:
            OSError: it does not answer (``ssl.SSLError`` is one).
        """
        return await asyncio.to_thread(self._ask, "POST", path, body, context or self._context)

    async def bundle(self) -> Answer:
        """The site's trust set, as anybody is told it."""
        return await asyncio.to_thread(self._ask, "GET", "/v1/bundle", b"", self._context)

    async def nonce(self) -> bytes:
        """A fresh nonce, as every hub gets one."""
        nonce = (await self.ask("/v1/nonce")).content
        assert isinstance(nonce, bytes)  # noqa: S101 - the authority of the rig's own site
        return nonce

    def _ask(self, method: str, path: str, body: bytes, context: ssl.SSLContext) -> Answer:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=WAIT_S, context=context)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return Answer(response.status, _unpacked(response.read(ANSWER_MAX_BYTES)))
        finally:
            connection.close()


def _unpacked(body: bytes) -> Any:
    try:
        return msgpack.unpackb(body)
    except (ValueError, msgpack.UnpackException):
        return body
