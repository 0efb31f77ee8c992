"""The firmware's pure modules under CPython, and flash that loses power."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

FIRMWARE = Path(__file__).parents[2] / "device_profiles" / "firmware"


def load(name: str) -> Any:
    """A module of the firmware; those that import what only a chip has cannot be loaded."""
    sys.path.append(str(FIRMWARE))  # last, so that it hides nothing
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FIRMWARE))


class Aes:
    """AES by the block, as ``cryptolib.aes(key, 1)`` on the chip."""

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305  # one block, as the chip has it

    def encrypt(self, block: bytes) -> bytes:
        """Encipher one block of 16 bytes."""
        encryptor = self._cipher.encryptor()
        return encryptor.update(block) + encryptor.finalize()


class PowerLostError(Exception):
    """The power went."""


class ModelFlash:
    """Files in memory; the power may go in the middle of a write, before or after the file is replaced."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.writes = 0
        self.dies_before: int | None = None  # writes from now; None: the power stays
        self.dies_after: int | None = None

    def read(self, name: str) -> bytes | None:
        """What the file holds."""
        return self.files.get(name)

    def write(self, name: str, data: bytes) -> None:
        """Replace it, unless the power goes first.

        Raises:
            PowerLostError: The power went.
        """
        self.writes += 1
        self._count_down("dies_before")
        self.files[name] = data
        self._count_down("dies_after")

    def _count_down(self, which: str) -> None:
        left = getattr(self, which)
        if left is None:
            return
        setattr(self, which, left - 1 if left else None)
        if not left:
            raise PowerLostError
