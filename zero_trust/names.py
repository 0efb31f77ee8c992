"""Names of hubs and services, and their one written form in certificates (SPIFFE URIs).

A name says nothing about a person: site and home ids are chosen labels, hub ids
are random. ``spiffe://<site>/home/<home>/hub/<hub>`` or ``spiffe://<site>/svc/<service>``.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from zero_trust.errors import BadNameError

HUB_ID_ENTROPY_BYTES = 9  # 72 bits in, 65 of them kept: 13 symbols of 5 bits

_HUB_ID = re.compile(r"[a-z2-7]{13}")
_LABEL = re.compile(r"[a-z0-9-]{1,32}")
_HUB_URI = re.compile(r"spiffe://([a-z0-9-]{1,32})/home/([a-z0-9-]{1,32})/hub/([a-z2-7]{13})")
_SERVICE_URI = re.compile(r"spiffe://([a-z0-9-]{1,32})/svc/([a-z0-9-]{1,32})")


@dataclass(frozen=True, slots=True)
class HubName:
    """One hub in one home of one site."""

    site: str
    home: str
    hub: str

    def __post_init__(self) -> None:
        check_label(self.site, "site")
        check_label(self.home, "home")
        check_hub_id(self.hub)

    @property
    def uri(self) -> str:
        """The name as it stands in a certificate."""
        return f"spiffe://{self.site}/home/{self.home}/hub/{self.hub}"


@dataclass(frozen=True, slots=True)
class ServiceName:
    """One service of a site: ``intake``, ``authority``, ``broker``."""

    site: str
    service: str

    def __post_init__(self) -> None:
        check_label(self.site, "site")
        check_label(self.service, "service")

    @property
    def uri(self) -> str:
        """The name as it stands in a certificate."""
        return f"spiffe://{self.site}/svc/{self.service}"


def parse_name(uri: str) -> HubName | ServiceName:
    """Read a SPIFFE URI.

    Raises:
        BadNameError: it is neither a hub's nor a service's name.
    """
    if hub := _HUB_URI.fullmatch(uri):
        return HubName(*hub.groups())
    if service := _SERVICE_URI.fullmatch(uri):
        return ServiceName(*service.groups())
    raise BadNameError("name-malformed", f"{uri[:120]!r} names neither a hub nor a service")


def new_hub_id(entropy: bytes) -> str:
    """Make a hub id of nine random bytes. Brokers see it in topics, so it holds no dot and no star."""
    if len(entropy) != HUB_ID_ENTROPY_BYTES:
        raise ValueError(f"a hub id needs {HUB_ID_ENTROPY_BYTES} random bytes, not {len(entropy)}")
    return base64.b32encode(entropy).decode().lower()[:13]


def check_hub_id(text: str) -> str:
    """Return ``text`` if it is a hub id.

    Raises:
        BadNameError: it is not.
    """
    if not _HUB_ID.fullmatch(text):
        raise BadNameError("name-malformed", f"{text[:40]!r} is not a hub id (13 of a-z and 2-7)")
    return text


def check_label(text: str, kind: str) -> str:
    """Return ``text`` if it may name a ``kind`` (site, home or service).

    Raises:
        BadNameError: it holds anything but 1 to 32 of a-z, 0-9 and ``-``.
    """
    if not _LABEL.fullmatch(text):
        raise BadNameError(
            "name-malformed", f"{text[:40]!r} cannot name a {kind}: use 1 to 32 of a-z, 0-9 and -"
        )
    return text
