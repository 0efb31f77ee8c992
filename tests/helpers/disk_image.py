"""A thief reads a copied card: every file of it, in every spelling a private key might have there."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from zero_trust.keys import PublicKey

SCALAR_BYTES = 32
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
_EC_PRIVATE_KEY = bytes.fromhex("0201010420")  # RFC 5915, within PKCS 8 too: version 1, 32 octets follow
_BASE64 = re.compile(rb"[A-Za-z0-9+/\r\n]{40,}={0,2}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}[:\s]?){32,}")
_EMPTY = re.compile(rb"(?<=\0{16})\0+(?=\0{16})")  # the rest of a database's pages
_DECIMAL = re.compile(rb"\d{70,80}")


def private_keys_in(directory: Path, publics: Sequence[PublicKey]) -> list[PublicKey]:
    """Which of these keys anybody can use who has a copy of the directory, in the order given.

    No need to know a private key: every 32 octets that stand anywhere, plain or spelled as base64, hex
    or decimal, in either order of octets, are tried as one.
    """
    tried = {window for text in _texts(directory) for window in _windows(text)}
    found = {_public_numbers(candidate) for candidate in tried}
    return [public for public in publics if public.public_numbers() in found]


def any_private_key_in(directory: Path) -> list[str]:
    """Names of files in which an EC private key of any kind stands, encrypted ones aside."""
    return sorted({name for name, text in _named_texts(directory) if _EC_PRIVATE_KEY in text})


def _texts(directory: Path) -> Iterator[bytes]:
    return (text for _, text in _named_texts(directory))


def _named_texts(directory: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(directory.rglob("*")):
        if file.is_file():
            yield from ((file.name, text) for text in _spellings(file.read_bytes()))


def _spellings(text: bytes) -> Iterator[bytes]:
    yield text
    for found in _BASE64.findall(text):
        octets = found.replace(b"\n", b"").replace(b"\r", b"")
        for start in range(4):  # wherever it begins in what surrounds it
            whole = octets[start : start + (len(octets) - start) // 4 * 4]
            with contextlib.suppress(binascii.Error):
                yield base64.b64decode(whole)
    for found in _HEX.findall(text):
        digits = re.sub(rb"[:\s]", b"", found).decode()
        yield from (bytes.fromhex(digits[start : len(digits) - start]) for start in (0, 1))
    for found in _DECIMAL.findall(text):
        if int(found) < _ORDER:
            yield int(found).to_bytes(SCALAR_BYTES, "big")


def _windows(text: bytes) -> Iterator[bytes]:
    for part in _EMPTY.split(text):
        for start in range(len(part) - SCALAR_BYTES + 1):
            window = part[start : start + SCALAR_BYTES]
            yield window
            yield window[::-1]


def _public_numbers(candidate: bytes) -> ec.EllipticCurvePublicNumbers | None:
    scalar = int.from_bytes(candidate, "big")
    if not 0 < scalar < _ORDER:
        return None
    return ec.derive_private_key(scalar, ec.SECP256R1()).public_key().public_numbers()
