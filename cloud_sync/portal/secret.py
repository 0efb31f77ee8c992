"""The portal's secret: made by whoever needs it first, the portal or the command that makes links."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud_sync.portal.links import SECRET_BYTES
from cloud_sync.receiver.config import ReceiverConfig
from zero_trust.errors import KeyStoreError
from zero_trust.keystore import make_private_directory, read_private, write_private


def portal_secret(config: ReceiverConfig) -> bytes:
    """The 32 bytes under which this site's links are made; created if there are none yet.

    Raises:
        KeyStoreError: the file is damaged, or others can read it.
        OSError: it can neither be read nor written.
    """
    path = config.paths.portal / "secret"
    make_private_directory(path.parent)
    with _locked(path.parent):
        if not path.exists():
            write_private(path, secrets.token_bytes(SECRET_BYTES))
    secret = read_private(path)
    if len(secret) != SECRET_BYTES:
        raise KeyStoreError(
            "key-unreadable",
            f"{path} does not hold {SECRET_BYTES} bytes",
            hint="Delete the file: a new one is made, and all links must be made anew.",
        )
    return secret


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One process at a time, so that two that start together agree on one secret."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
