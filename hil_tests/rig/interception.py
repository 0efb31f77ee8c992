"""A box that ends TLS in the middle of the line, with certificates of an authority that only it believes in."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HANDSHAKE_WAIT_S = 10.0
CHUNK_BYTES = 65_536
HUNG_UP = "HUNG_UP"  # refused without a word


class Interceptor:
    """Shows a certificate for ``hosts`` (addresses) to whoever comes."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client.check_hostname = False
        self._client.verify_mode = ssl.CERT_NONE
        with tempfile.NamedTemporaryFile("wb") as file:
            file.write(_chain_and_key(hosts))
            file.flush()
            self._server.load_cert_chain(Path(file.name))

    async def meet(
        self, hub: socket.socket, target: tuple[str, int], believed: Callable[[], object]
    ) -> str | None:
        """Let one connection decide what it thinks of us.

        Returns:
            The alert by which we were refused, as OpenSSL names it; None if we were believed. Then
            ``believed`` was called at once, and what was said until it hung up was read, and passed on to ``target``.
        """
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, hub.dup(), ssl=self._server, ssl_handshake_timeout=HANDSHAKE_WAIT_S
            )
        except ssl.SSLError as error:
            return error.reason or HUNG_UP
        except OSError:
            return HUNG_UP
        believed()
        await self._read_along(reader, asyncio.StreamWriter(transport, protocol, reader, loop), target)
        return None

    async def _read_along(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int]
    ) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            site_reader, site_writer = await asyncio.open_connection(*target, ssl=self._client)
            with contextlib.closing(site_writer):
                await asyncio.gather(_copy(reader, site_writer), _copy(site_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while content := await reader.read(CHUNK_BYTES):
        writer.write(content)
        await writer.drain()
    writer.close()


def _chain_and_key(hosts: Sequence[str]) -> bytes:
    """PEM: certificate for the hosts, its authority, and the private key."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A box in the middle")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    alternatives = [x509.IPAddress(ipaddress.ip_address(host)) for host in dict.fromkeys(hosts)]
    authority = _certificate(authority_name, authority_name, authority_key.public_key(), authority_key, [])
    leaf = _certificate(name, authority_name, key.public_key(), authority_key, alternatives)
    pem = serialization.Encoding.PEM
    return (
        leaf.public_bytes(pem)
        + authority.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    alternatives: Sequence[x509.GeneralName],
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=not alternatives, path_length=None), critical=True)
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
