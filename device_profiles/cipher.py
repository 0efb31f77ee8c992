"""The ciphers of encrypted adverts: AES-CCM with a 4-byte tag, each with its own nonce.

A tag of 4 bytes is what the formats have: one forgery in four thousand million tries passes. The
replay guard and the plausible limits stand behind it. MiBeacon 2 and 3 have no tag at all.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

KEY_BYTES = 16
LEGACY_KEY_BYTES = 12  # of MiBeacon 2 and 3; four fixed bytes complete it
TAG_BYTES = 4
BTHOME_TRAILER_BYTES = 8  # counter and tag stand behind the ciphertext
PVVX_OVERHEAD_BYTES = 5  # counter before it, tag behind it

_BTHOME_UUID = b"\xd2\xfc"  # as it travels, least significant byte first
_BTHOME_V1_UUID = b"\x1e\x18"
_ASSOCIATED = b"\x11"  # of BTHome 1, pvvx and MiBeacon
_MIBEACON_TRAILER_BYTES = 7  # extended counter and tag
_LEGACY_TRAILER_BYTES = 4  # extended counter and a byte that proves nothing
_LEGACY_KEY_MIDDLE = bytes.fromhex("8d3d3c97")
_PVVX_UUID = b"\x1a\x18"
_AD_TYPE_SERVICE_DATA = 0x16  # Bluetooth Assigned Numbers 2.3


def open_bthome(key: bytes, address: bytes, header: int, sealed: bytes) -> bytes | None:
    """Open ``ciphertext | counter (4) | tag (4)`` of a BTHome v2 frame.

    Args:
        key: The sensor's bindkey, 16 bytes.
        address: The sender's address as it is written, 6 bytes.
        header: The frame's device information byte.
        sealed: What follows it (and follows the address, if the frame carries one).

    Returns:
        The objects, or ``None`` if the tag does not fit. Source: bthome.io, encryption.
    """
    counter = sealed[-BTHOME_TRAILER_BYTES:-TAG_BYTES]
    nonce = address + _BTHOME_UUID + bytes((header,)) + counter
    return _open(key, nonce, sealed[:-BTHOME_TRAILER_BYTES] + sealed[-TAG_BYTES:], None)


def seal_bthome(key: bytes, address: bytes, header: int, counter: int, objects: bytes) -> bytes:
    """Make what :func:`open_bthome` opens; a counter must never be used twice with one key."""
    counter_bytes = counter.to_bytes(4, "little")
    sealed = _ccm(key).encrypt(address + _BTHOME_UUID + bytes((header,)) + counter_bytes, objects, None)
    return sealed[:-TAG_BYTES] + counter_bytes + sealed[-TAG_BYTES:]


def open_bthome_v1(key: bytes, address: bytes, sealed: bytes) -> bytes | None:
    """Open ``ciphertext | counter (4) | tag (4)`` of a BTHome v1 frame; as :func:`open_bthome`."""
    counter = sealed[-BTHOME_TRAILER_BYTES:-TAG_BYTES]
    body = sealed[:-BTHOME_TRAILER_BYTES] + sealed[-TAG_BYTES:]
    return _open(key, address + _BTHOME_V1_UUID + counter, body, _ASSOCIATED)


def seal_bthome_v1(key: bytes, address: bytes, counter: int, objects: bytes) -> bytes:
    """Make what :func:`open_bthome_v1` opens; a counter must never be used twice with one key."""
    counter_bytes = counter.to_bytes(4, "little")
    sealed = _ccm(key).encrypt(address + _BTHOME_V1_UUID + counter_bytes, objects, _ASSOCIATED)
    return sealed[:-TAG_BYTES] + counter_bytes + sealed[-TAG_BYTES:]


def open_mibeacon(key: bytes, address: bytes, frame: bytes, body: int) -> tuple[bytes | None, int] | None:
    """Open ``ciphertext | extended counter (3) | tag (4)``, which begins at ``body`` of a frame of version 4 or 5.

    Returns:
        The objects (``None`` if the tag does not fit) and the extended counter; ``None`` for a frame too
        short. Source: Xiaomi IoT developer documentation, MiBeacon, "encryption".
    """
    if len(frame) <= body + _MIBEACON_TRAILER_BYTES:
        return None
    extended = frame[-_MIBEACON_TRAILER_BYTES:-TAG_BYTES]
    nonce = address[::-1] + frame[2:5] + extended
    sealed = frame[body:-_MIBEACON_TRAILER_BYTES] + frame[-TAG_BYTES:]
    return _open(key, nonce, sealed, _ASSOCIATED), int.from_bytes(extended, "little")


def seal_mibeacon(key: bytes, address: bytes, identity: bytes, extended: int, objects: bytes) -> bytes:
    """Make what :func:`open_mibeacon` opens; ``identity`` is device type (2) and frame counter (1)."""
    counter_bytes = extended.to_bytes(3, "little")
    sealed = _ccm(key).encrypt(address[::-1] + identity + counter_bytes, objects, _ASSOCIATED)
    return sealed[:-TAG_BYTES] + counter_bytes + sealed[-TAG_BYTES:]


def open_mibeacon_legacy(
    key: bytes, address: bytes, frame: bytes, body: int
) -> tuple[bytes | None, int] | None:
    """Decrypt the body of a frame of version 2 or 3; as :func:`open_mibeacon`, but nothing is proven.

    It is AES-CCM without its tag, which is AES in counter mode from block 1 on (RFC 3610, 2.3).
    """
    if len(frame) <= body + _LEGACY_TRAILER_BYTES:
        return None
    full = key if len(key) == KEY_BYTES else key[:6] + _LEGACY_KEY_MIDDLE + key[6:]
    extended = frame[-_LEGACY_TRAILER_BYTES:-1]
    nonce = frame[:5] + extended + address[::-1][:-1]
    first_block = b"\x01" + nonce + b"\x00\x01"
    decryptor = Cipher(algorithms.AES(full), modes.CTR(first_block)).decryptor()
    opened = decryptor.update(frame[body:-_LEGACY_TRAILER_BYTES]) + decryptor.finalize()
    return opened, int.from_bytes(extended, "little")


def open_pvvx(key: bytes, address: bytes, sealed: bytes) -> bytes | None:
    """Open ``counter (1) | ciphertext | tag (4)`` of the ATC and pvvx thermometer firmware.

    Returns:
        The fields, or ``None`` if the tag does not fit. Source: pvvx/ATC_MiThermometer, custom_beacon.
    """
    return _open(key, _pvvx_nonce(address, len(sealed), sealed[:1]), sealed[1:], _ASSOCIATED)


def seal_pvvx(key: bytes, address: bytes, counter: int, fields: bytes) -> bytes:
    """Make what :func:`open_pvvx` opens; the counter is one byte and wraps."""
    counter_byte = bytes((counter & 0xFF,))
    nonce = _pvvx_nonce(address, len(fields) + PVVX_OVERHEAD_BYTES, counter_byte)
    return counter_byte + _ccm(key).encrypt(nonce, fields, _ASSOCIATED)


def _pvvx_nonce(address: bytes, sealed_bytes: int, counter: bytes) -> bytes:
    """Bind sender, AD header and counter; the AD length counts its type and UUID."""
    return address[::-1] + bytes((sealed_bytes + 3, _AD_TYPE_SERVICE_DATA)) + _PVVX_UUID + counter


def _open(key: bytes, nonce: bytes, sealed: bytes, associated: bytes | None) -> bytes | None:
    try:
        return _ccm(key).decrypt(nonce, sealed, associated)
    except InvalidTag:
        return None


@lru_cache(maxsize=512)
def _ccm(key: bytes) -> AESCCM:
    """Keep the expanded key: setting it up costs more than one frame's decryption."""
    return AESCCM(key, tag_length=TAG_BYTES)
