"""One question to the authority and its answer, over HTTPS; whatever a line does becomes one of our errors here.

Blocking, so call it in a thread. Whom the connection believes is for its TLS context to say.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import msgpack

from edge_agent.errors import AgentError, CredentialError, UplinkError
from zero_trust.reasons import reason

TIMEOUT_S = 10.0  # for one piece of it
ANSWER_MAX_S = 20.0  # for all of it
ANSWER_MAX_BYTES = 65_536

_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED = 9, 10  # X509_V_ERR_..., the only two that time alone can cause
_TRANSIENT = frozenset({"nonce-unknown", "request-too-large"})


def exchange(
    host: str, port: int, context: ssl.SSLContext, method: str, path: str, body: bytes | None = None
) -> Any:
    """Ask, and read the answer (msgpack).

    Raises:
        UplinkError: nobody answers, or whoever does is not believed.
        CredentialError: the answer is a refusal, in its own words.
    """
    where = f"{host}:{port}"
    connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
    try:
        connection.connect()
        with _ended_after(ANSWER_MAX_S, connection.sock):
            connection.request(method, path, body)
            response = connection.getresponse()
            packed = response.read(ANSWER_MAX_BYTES)
            if response.length:
                raise http.client.IncompleteRead(packed, response.length)
    except ssl.SSLCertVerificationError as error:
        raise _certificate_trouble(error, where) from error
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        raise uplink_error("authority-unreachable", f"{where}: the connection broke off") from error
    except ssl.SSLError as error:  # whoever is there speaks, but not as our sites do
        raise uplink_error("stranger-answers", where) from error
    except (OSError, http.client.HTTPException) as error:
        raise uplink_error("authority-unreachable", f"{where}: {error}") from error
    finally:
        connection.close()
    told = f"{where} answered {response.status}"
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise uplink_error("authority-unreachable", told)
    answer = _unpacked(packed, where)
    if response.status == HTTPStatus.OK:
        return answer
    raise _refused(answer, told)


def exchange_bytes(
    host: str, port: int, context: ssl.SSLContext, method: str, path: str, body: bytes | None = None
) -> bytes:
    """As :func:`exchange`, where nothing but bytes can be the answer."""
    return as_bytes(exchange(host, port, context, method, path, body))


def as_bytes(answer: Any) -> bytes:
    """The answer, if it is bytes.

    Raises:
        UplinkError: it is anything else.
    """
    if not isinstance(answer, bytes):
        raise uplink_error("answer-not-believed")
    return answer


@contextlib.contextmanager
def _ended_after(seconds: float, connection: socket.socket) -> Iterator[None]:
    """End the connection if the block lasts longer: each byte may come in time, and all of them never."""
    timer = threading.Timer(seconds, _shut, (connection,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # TLS would want to say goodbye


def _unpacked(packed: bytes, where: str) -> Any:
    try:
        return msgpack.unpackb(packed)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise uplink_error("answer-not-believed", where) from error


def _refused(answer: Any, what: str) -> AgentError:
    if not isinstance(answer, dict) or not all(
        isinstance(answer.get(key), str) for key in ("code", "sentence", "hint")
    ):
        return uplink_error("authority-unreachable", what)
    kind = UplinkError if answer["code"] in _TRANSIENT else CredentialError
    return kind(answer["sentence"], hint=answer["hint"], code=answer["code"])


def _certificate_trouble(error: ssl.SSLCertVerificationError, where: str) -> UplinkError:
    if error.verify_code in {_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED}:
        return uplink_error("site-certificate-ended", where)
    return uplink_error("certificate-untrusted", f"{where}: {error.verify_message}")


def uplink_error(code: str, detail: str = "") -> UplinkError:
    """The error of a code, with its words."""
    words = reason(code)
    return UplinkError(words.told(detail), hint=words.hint, code=code)
