"""Links that open one home's page until they run out. Pure.

A token is base64url of ``version, expires_ms, home, HMAC-SHA256`` under the portal's secret: who
holds it may look, nobody can make or stretch one. It is checked by making it again, so that each
link has exactly one spelling.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from dataclasses import dataclass

from zero_trust.errors import BadNameError
from zero_trust.names import check_label

SECRET_BYTES = 32
TOKEN_MAX_CHARS = 128

_TAG = b"lum-portal-link-1\0"
_HEAD = struct.Struct(">BQ")  # version, expiry in ms since 1970
_VERSION = 1
_MAC_BYTES = 32


@dataclass(frozen=True, slots=True)
class Link:
    """A link of ours; whether it opens anything is for the desk to decide.

    Attributes:
        home: the home that it is for.
        expires_ms: wall clock at which it runs out.
        name: tells one link from another, and gives nothing away.
    """

    home: str
    expires_ms: int
    name: str


def make_link(secret: bytes, home: str, expires_ms: int) -> str:
    """The token that opens the page of ``home`` until ``expires_ms`` (wall clock).

    Raises:
        BadNameError: ``home`` is no home id.
    """
    content = _HEAD.pack(_VERSION, expires_ms) + check_label(home, "home").encode()
    mac = hmac.digest(secret, _TAG + content, hashlib.sha256)
    return base64.urlsafe_b64encode(content + mac).rstrip(b"=").decode()


def read_link(secret: bytes, token: str) -> Link | None:
    """The link that ``token`` is, run out or not; None if it is none of ours."""
    try:
        home, expires_ms = _read(token)
        expected = make_link(secret, home, expires_ms)
    except (ValueError, struct.error, BadNameError):
        return None
    if not hmac.compare_digest(token.encode(), expected.encode()):
        return None
    return Link(home, expires_ms, link_name(token))


def link_name(token: str) -> str:
    """How the audit calls a link: ``link-`` and eight characters, from which nobody can make it."""
    return "link-" + hashlib.sha256(token.encode()).hexdigest()[:8]


def _read(token: str) -> tuple[str, int]:
    """Home and expiry as the token claims them, not yet believed."""
    if len(token) > TOKEN_MAX_CHARS or not token.isascii():
        raise ValueError("no token of ours is so long")
    packed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    content = packed[:-_MAC_BYTES]
    version, expires_ms = _HEAD.unpack(content[: _HEAD.size])
    home = content[_HEAD.size :].decode("ascii")
    if version != _VERSION:
        raise ValueError("another version")
    return home, expires_ms
