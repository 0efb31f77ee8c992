"""An address outside that whoever knows it may use: kept whole in one place, shown by its host alone. Pure."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

_PORTS = {"https": 443, "http": 80}


class Address:
    """Where to send something over HTTPS; plain HTTP only to this machine.

    Raises:
        ValueError: it is no such address; the sentence does not repeat it.
    """

    __slots__ = ("host", "port", "secure", "target")

    def __init__(self, text: str) -> None:
        parts = urlsplit(text)
        if parts.scheme not in _PORTS or not parts.hostname or parts.username or parts.fragment:
            raise ValueError("Expected an address such as https://host/path, without a user or a #")
        if not text.isascii() or any(character <= " " for character in text):
            raise ValueError("Expected an address of plain characters, without spaces")
        self.host = parts.hostname
        self.secure = parts.scheme == "https"
        if not self.secure and not _is_here(self.host):
            raise ValueError("Expected https: plain http is for this machine alone")
        self.port = parts.port or _PORTS[parts.scheme]
        self.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def __repr__(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}/..."

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self._whole == other._whole

    def __hash__(self) -> int:
        return hash(self._whole)

    @property
    def _whole(self) -> tuple[bool, str, int, str]:
        return self.secure, self.host, self.port, self.target


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
