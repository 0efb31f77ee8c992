"""The attacker's way to the broker: a handshake and one MQTT packet by hand, to hear each refusal in its own words."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator

import aiomqtt

WAIT_S = 5.0
ADMITTED = "admitted"
_ANSWERS = {0: ADMITTED, 4: "bad user name or password", 5: "not authorized"}


async def knock(port: int, context: ssl.SSLContext | None, client_id: str, *, user: str = "") -> str:
    """Ask to be let in; what came back: ``admitted``, the refusal of MQTT, or an alert as OpenSSL names it."""
    return await asyncio.to_thread(_knock, port, context, client_id, user)


@contextlib.asynccontextmanager
async def connected(
    port: int, context: ssl.SSLContext, client_id: str, **more: object
) -> AsyncIterator[aiomqtt.Client]:
    """A session at the broker, as hubs have one.

    Raises:
        aiomqtt.MqttError: it was refused, or has ended.
    """
    async with aiomqtt.Client(
        "127.0.0.1",
        port,
        identifier=client_id,
        tls_context=context,
        clean_session=True,
        timeout=WAIT_S,
        **more,  # type: ignore[arg-type]
    ) as client:
        yield client


def _knock(port: int, context: ssl.SSLContext | None, client_id: str, user: str) -> str:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as plain:
            if context is None:
                return _ask(plain, client_id, user)
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped:
                return _ask(wrapped, client_id, user)
    except ssl.SSLError as error:
        return f"TLS alert {error.reason or error}"
    except TimeoutError:
        return "silence"
    except OSError as error:
        return f"hung up ({error.strerror})"


def _ask(line: socket.socket, client_id: str, user: str) -> str:
    line.sendall(_connect(client_id, user))
    answer = line.recv(4)
    if len(answer) < 4:
        return "hung up"
    return f"MQTT: {_ANSWERS.get(answer[3], f'refused ({answer[3]})')}"


def _connect(client_id: str, user: str) -> bytes:
    """An MQTT 3.1.1 CONNECT with a clean session."""
    flags = 0x02 | (0x80 if user else 0)
    body = _text("MQTT") + bytes([4, flags, 0, 60]) + _text(client_id) + (_text(user) if user else b"")
    return bytes([0x10, len(body)]) + body


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()
