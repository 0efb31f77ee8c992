"""A service's half of how it gets its certificates: asks the authority, puts the next one in place, goes on with it.

Its key stays where it is. What is asked and judged stands in ``zero_trust/service.py``.
"""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgpack
import structlog
from cryptography import x509

from cloud_sync.receiver.config import ReceiverConfig
from zero_trust import fields
from zero_trust.credential import certificate_key, load_certificate
from zero_trust.errors import CredentialError, TrustError
from zero_trust.keystore import load_certificates, load_key, save_certificates
from zero_trust.reasons import Refused, reasons
from zero_trust.service import ask_certificate
from zero_trust.tls import service_question_context
from zero_trust.trust_set import issuer_among

LOOK_PERIOD_S = 20.0  # soon enough that a roll-over is over within a minute
RETRY_S = 5.0
TIMEOUT_S = 10.0
ANSWER_MAX_BYTES = 16_384
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # where to ask what listens there

Make = Callable[[bytes], bytes]  # nonce -> question
Ask = Callable[[Make], Awaitable[bytes]]

log = structlog.get_logger()


class Keeper:
    """Keeps one certificate of one service good, ``<name>.crt`` beside ``<name>.key`` and ``ca.pem``."""

    def __init__(self, label: str, directory: Path, ask: Ask, reload: Callable[[], None]) -> None:
        self._label = label
        self._directory = directory
        self._name = label.partition("/")[2]
        self._ask = ask
        self._reload = reload
        self._loaded = self._content()

    async def keep(self) -> None:
        """Look at once and then again and again, until cancelled."""
        while True:
            asked = await self.look()
            await asyncio.sleep(LOOK_PERIOD_S if asked else RETRY_S)

    async def look(self) -> bool:
        """Ask, and go on with what came; False if it could not be had."""
        try:
            await self._renew()
            content = self._content()
            if content != self._loaded:
                self._reload()
                self._loaded = content
                log.info("certificate.taken_up", service=self._label)
        except (OSError, http.client.HTTPException) as error:  # away, or the disk takes nothing
            log.info("certificate.not_asked", service=self._label, trouble=str(error))
            return False
        except TrustError as error:
            log.warning(
                "certificate.not_renewed", service=self._label, reason_code=error.code, trouble=str(error)
            )
        return True

    async def _renew(self) -> None:
        key, (using, *_) = load_key(self._file("key")), load_certificates(self._file("crt"))
        packed = await self._ask(lambda nonce: ask_certificate(key, self._label, nonce, using))
        answer = fields.unpack(packed, (bytes, bytes), code="answer-not-believed")
        leaf, issuer = map(load_certificate, answer)
        if leaf == using:
            return
        # Else whoever trusts ca.pem, as this service does itself, would not believe it.
        if issuer_among(leaf, [issuer]) is None or issuer_among(issuer, self._roots()) is None:
            raise CredentialError("certificate-untrusted", self._label)
        if certificate_key(leaf) != key.public_key():
            raise CredentialError("answer-not-believed", "the certificate is for another key")
        save_certificates(self._file("crt"), (leaf, issuer))

    def _roots(self) -> tuple[x509.Certificate, ...]:
        return load_certificates(self._directory / "ca.pem")

    def _content(self) -> tuple[bytes, bytes]:
        return self._file("crt").read_bytes(), (self._directory / "ca.pem").read_bytes()

    def _file(self, suffix: str) -> Path:
        return self._directory / f"{self._name}.{suffix}"


def over_https(config: ReceiverConfig, directory: Path) -> Ask:
    """Ask the authority of this site over HTTPS; ``directory`` holds the roots that are believed."""

    async def ask(make: Make) -> bytes:
        return await asyncio.to_thread(_exchange, config, directory / "ca.pem", make)

    return ask


def _exchange(config: ReceiverConfig, roots: Path, make: Make) -> bytes:
    host = _EVERYWHERE.get(config.bind, config.bind)
    context = service_question_context(roots)
    connection = http.client.HTTPSConnection(host, config.ports.authority, timeout=TIMEOUT_S, context=context)
    try:
        nonce = _post(connection, "/v1/nonce", b"")
        return _post(connection, "/v1/service", make(nonce))
    finally:
        connection.close()


def _post(connection: http.client.HTTPSConnection, path: str, body: bytes) -> bytes:
    connection.request("POST", path, body)
    response = connection.getresponse()
    try:
        answer: Any = msgpack.unpackb(response.read(ANSWER_MAX_BYTES))
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise TrustError("answer-not-believed") from error
    if response.status != HTTPStatus.OK:
        raise _refused(answer)
    if not isinstance(answer, bytes):
        raise TrustError("answer-not-believed")
    return answer


def given(answer: bytes | Refused) -> bytes:
    """What the authority answers its own services, without a wire between.

    Raises:
        TrustError: it refuses.
    """
    if isinstance(answer, Refused):
        raise TrustError(answer.code, answer.detail)
    return answer


def _refused(answer: Any) -> TrustError:
    code = answer.get("code") if isinstance(answer, dict) else None
    return TrustError(code if code in reasons() else "answer-not-believed")
