"""Admission to the broker: reads the broker's question, writes the signed answer.

The broker asks with a JWT that holds the client's verified certificates and MQTT client id, and
wants a JWT back: a user with permissions and an end, or an error. Pure: bytes in, bytes out.
Source: NATS ADR-26 (auth callout).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import nkeys
from cryptography import x509

from zero_trust.errors import CredentialError
from zero_trust.policy import Decision

_MQTT_ONLY = ["MQTT"]
_NO_LIMIT = -1


@dataclass(frozen=True, slots=True)
class Knock:
    """Somebody wants to use the broker.

    Attributes:
        user: key that the broker made for this connection; the answer is about it.
        server: the asking broker.
        client_id: MQTT client id; None if this is no MQTT connection.
        chain: certificates as the client showed them, leaf first; the broker has checked possession.
    """

    user: str
    server: str
    client_id: str | None
    chain: tuple[x509.Certificate, ...]


def read_knock(token: bytes) -> Knock:
    """Read the broker's question.

    The token's own signature is not checked: only the broker may publish on the subject it came by.

    Raises:
        CredentialError: ``request-malformed`` or ``certificate-malformed``.
    """
    try:
        asked = json.loads(_unpad(token.split(b".")[1]))["nats"]
        tls = asked.get("client_tls", {})
        chains = tls.get("verified_chains") or [tls.get("certs") or []]
        pem = "".join(chains[0]).encode()
        client_id = asked["client_info"].get("mqtt_id")
        user, server = str(asked["user_nkey"]), str(asked["server_id"]["id"])
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise CredentialError("request-malformed") from error
    return Knock(user, server, client_id, _chain(pem))


def answer(knock: Knock, decision: Decision, *, pair: nkeys.KeyPair, now_s: int) -> bytes:
    """Write the answer to a question.

    Args:
        knock: as read.
        decision: what policy says.
        pair: key that the broker believes.
        now_s: wall clock.
    """
    response: dict[str, Any] = {"type": "authorization_response", "version": 2}
    if decision.allow:
        response["jwt"] = _user(knock, decision, pair, now_s)
    else:
        response["error"] = decision.code
    claims = {"sub": knock.user, "aud": knock.server, "nats": response}
    return _sign(claims, pair, now_s).encode()


def _user(knock: Knock, decision: Decision, pair: nkeys.KeyPair, now_s: int) -> str:
    rights = {
        "type": "user",
        "version": 2,
        "pub": {"allow": list(decision.publish)},
        "sub": {"allow": list(decision.subscribe)},
        "allowed_connection_types": _MQTT_ONLY,
        "subs": _NO_LIMIT,
        "data": _NO_LIMIT,
        "payload": _NO_LIMIT,
    }
    # The broker cuts the live session at ``exp``: a session must not outlive its certificate. No ``name``: a
    # broker that takes up a new certificate drops each session whose name its configuration does not have.
    claims = {
        "sub": knock.user,
        "aud": "SITE",
        "exp": decision.until_ms // 1000,
        "nats": rights,
    }
    return _sign(claims, pair, now_s)


def _sign(claims: dict[str, Any], pair: nkeys.KeyPair, now_s: int) -> str:
    claims = {**claims, "iss": pair.public_key.decode(), "iat": now_s, "jti": claims["sub"]}
    header = _pad({"typ": "JWT", "alg": "ed25519-nkey"})
    body = f"{header}.{_pad(claims)}"
    return f"{body}.{_base64(pair.sign(body.encode()))}"


def _chain(pem: bytes) -> tuple[x509.Certificate, ...]:
    if not pem:
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise CredentialError("certificate-malformed") from error


def _pad(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _unpad(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"===")
