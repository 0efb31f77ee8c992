"""Where a site keeps its bundles, and the certificates of its own services.

``authority/bundles/<version>`` is a bundle; each stays for ever, so that a hub that was asleep can walk.
``authority/services/<service>-<name>.crt`` is the certificate that a service was last seen to use; its key is believed
when it asks for the next, at any age.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography import x509

from zero_trust.credential import Use
from zero_trust.errors import KeyStoreError
from zero_trust.keystore import (
    load_certificates,
    make_private_directory,
    read_private,
    save_certificates,
    write_private,
)

SERVICES: Final = {  # by their files without suffix, relative to the site's directory
    "authority/https": Use.SERVER,
    "authority/client": Use.SERVICE_TLS,
    "broker/server": Use.SERVER,
    "intake/client": Use.SERVICE_TLS,
    "intake/receipt": Use.RECEIPT,
}


def save_bundle(authority: Path, version: int, packed: bytes) -> None:
    """Publish a bundle: from the moment it is there, the authority gives it out."""
    write_private(authority / "bundles" / str(version), packed)


def load_bundles(authority: Path) -> dict[int, bytes]:
    """All bundles by their version, in order.

    Raises:
        KeyStoreError: ``key-missing``: there is none; or one cannot be read.
    """
    directory = authority / "bundles"
    versions = sorted(int(file.name) for file in directory.glob("[1-9]*") if file.name.isdecimal())
    if not versions:
        raise KeyStoreError("key-missing", str(directory))
    return {version: read_private(directory / str(version)) for version in versions}


def newest_version(authority: Path) -> int:
    """The version of the newest bundle; 0 if there is none."""
    files = (authority / "bundles").glob("[1-9]*")
    return max((int(file.name) for file in files if file.name.isdecimal()), default=0)


def pin(authority: Path, label: str, certificate: x509.Certificate) -> None:
    """Remember the certificate that a service was seen to use; the first one pins its key."""
    make_private_directory(authority / "services")
    save_certificates(_pin_file(authority, label), (certificate,))


def pinned(authority: Path, label: str) -> x509.Certificate | None:
    """The certificate that a service was last seen to use; None if there is no such service.

    Raises:
        KeyStoreError: it is there and cannot be read.
    """
    if label not in SERVICES or not _pin_file(authority, label).exists():
        return None
    return load_certificates(_pin_file(authority, label))[0]


def _pin_file(authority: Path, label: str) -> Path:
    return authority / "services" / f"{label.replace('/', '-')}.crt"
