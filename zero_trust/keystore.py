"""Keys and certificates in files: 0600 in 0700 directories, written whole or not at all.

A write is: temporary file, fsync, rename, fsync of the directory; a power cut leaves the
old content or the new one. A key that others can read is refused: it may be anybody's by now.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from zero_trust import keys
from zero_trust.errors import KeyStoreError

IN_FILES: Final = "in files"

AnyPrivateKey = keys.PrivateKey | Ed25519PrivateKey | X25519PrivateKey

PRIVATE_FILE = 0o600
PUBLIC_FILE = 0o644
PRIVATE_DIRECTORY = 0o700

_READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class FileStore:
    """A hub's lasting keys as files in ``state``: whoever copies the card has them."""

    place = IN_FILES

    def __init__(self, state: Path) -> None:
        self._state = state

    def make(self, name: str) -> keys.PrivateKey:
        """As :meth:`zero_trust.hub_keys.KeyStore.make`."""
        if not self._file(name).exists():
            save_key(self._file(name), keys.generate_key())
        return self.load(name)

    def load(self, name: str) -> keys.PrivateKey:
        """As :meth:`zero_trust.hub_keys.KeyStore.load`."""
        return load_key(self._file(name))

    def _file(self, name: str) -> Path:
        return self._state / f"{name}.key"


def save_key(path: Path, key: AnyPrivateKey) -> None:
    """Write a private key (PKCS 8, PEM) that only its owner can read."""
    write_private(path, key_pem(key))


def load_key(path: Path) -> keys.PrivateKey:
    """Read a P-256 private key.

    Raises:
        KeyStoreError: ``key-missing``, ``key-readable-by-others`` or ``key-unreadable``.
    """
    key = _load(path)
    if not isinstance(key, keys.PrivateKey):
        raise KeyStoreError("key-unreadable", f"{path} holds no P-256 key")
    return key


def load_site_key(path: Path) -> X25519PrivateKey:
    """Read a site's X25519 key, which opens sealed batches; raises as :func:`load_key`."""
    key = _load(path)
    if not isinstance(key, X25519PrivateKey):
        raise KeyStoreError("key-unreadable", f"{path} holds no X25519 key")
    return key


def load_callout_key(path: Path) -> Ed25519PrivateKey:
    """Read the Ed25519 key that signs answers to the broker; raises as :func:`load_key`."""
    key = _load(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyStoreError("key-unreadable", f"{path} holds no Ed25519 key")
    return key


def save_certificates(path: Path, chain: tuple[x509.Certificate, ...]) -> None:
    """Write certificates (PEM, leaf first); anybody may read them."""
    write_file(path, certificates_pem(chain), PUBLIC_FILE)


def load_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """Read certificates (PEM, leaf first).

    Raises:
        KeyStoreError: ``key-missing`` or ``key-unreadable``.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except OSError as error:
        raise KeyStoreError("key-missing", f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise KeyStoreError("key-unreadable", f"{path} holds no certificate") from error


def key_pem(key: AnyPrivateKey) -> bytes:
    """A private key as PKCS 8 PEM, unencrypted: keep it in memory or in a private file."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certificates_pem(chain: tuple[x509.Certificate, ...]) -> bytes:
    """Certificates as PEM, in order."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in chain)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, in a directory that only its owner can enter."""
    make_private_directory(path.parent)
    write_file(path, content, PRIVATE_FILE)


def read_private(path: Path) -> bytes:
    """Read a file that only its owner can read.

    Raises:
        KeyStoreError: ``key-missing`` or ``key-readable-by-others``.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read()
    except OSError as error:
        raise KeyStoreError("key-missing", f"{path}: {error.strerror}") from error
    if mode & _READABLE_BY_OTHERS:
        raise KeyStoreError("key-readable-by-others", f"{path} has mode {stat.S_IMODE(mode):04o}")
    return content


def make_private_directory(path: Path) -> None:
    """Create ``path`` if it is missing, for its owner alone; a power cut does not take it away with all it holds."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    for made in missing:
        _sync_directory(made.parent)


def write_file(path: Path, content: bytes, mode: int) -> None:
    """Replace ``path`` with ``content``, durably and in one step."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)  # what a power cut may have left
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - wraps the descriptor made with the right mode
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    _sync_directory(path.parent)


def _load(path: Path) -> object:
    try:
        return serialization.load_pem_private_key(read_private(path), password=None)
    except (ValueError, TypeError) as error:
        raise KeyStoreError("key-unreadable", str(path)) from error


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
