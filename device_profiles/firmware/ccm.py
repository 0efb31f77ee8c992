"""AES-CCM (RFC 3610) as BTHome uses it: 13-byte nonce, 4-byte tag, nothing beside the message.

MicroPython has AES by the block and no CCM. This is the sending half; a node opens nothing.
"""

TYPE_CHECKING = False  # MicroPython has no typing module; type checkers take the name as true
if TYPE_CHECKING:
    from cryptolib import aes

BLOCK_BYTES = 16
NONCE_BYTES = 13
TAG_BYTES = 4

_LENGTH_BYTES = 2  # L of the RFC: what a 13-byte nonce leaves of a block
_FIRST_FLAGS = (TAG_BYTES - 2) // 2 << 3 | (_LENGTH_BYTES - 1)  # RFC 3610, 2.2: no associated data
_COUNTER_FLAGS = _LENGTH_BYTES - 1  # RFC 3610, 2.3


def seal(cipher: "aes", nonce: bytes, plain: bytes) -> bytes:
    """Encipher ``plain`` and prove it.

    The security rests on one thing: no nonce is ever used twice with one key (``counter.py``).

    Args:
        cipher: AES in ECB mode with the node's key.
        nonce: 13 bytes.
        plain: At most 65535 bytes.

    Returns:
        As many bytes of ciphertext, then the tag of 4 bytes.
    """
    length = len(plain).to_bytes(_LENGTH_BYTES, "big")
    tag = cipher.encrypt(bytes((_FIRST_FLAGS,)) + nonce + length)
    for start in range(0, len(plain), BLOCK_BYTES):
        block = plain[start : start + BLOCK_BYTES]
        tag = cipher.encrypt(_xor(tag, block + bytes(BLOCK_BYTES - len(block))))
    sealed = b""
    for start in range(0, len(plain), BLOCK_BYTES):
        sealed += _xor(
            plain[start : start + BLOCK_BYTES], _key_stream(cipher, nonce, start // BLOCK_BYTES + 1)
        )
    return sealed + _xor(tag[:TAG_BYTES], _key_stream(cipher, nonce, 0))


def _key_stream(cipher: "aes", nonce: bytes, number: int) -> bytes:
    return cipher.encrypt(bytes((_COUNTER_FLAGS,)) + nonce + number.to_bytes(_LENGTH_BYTES, "big"))


def _xor(one: bytes, other: bytes) -> bytes:
    """The bytes of ``one``, each changed by its counterpart; ``other`` may be longer."""
    return bytes(one[place] ^ other[place] for place in range(len(one)))
