"""Vouchers: the single-use right to enrol one hub in one home.

Text form, one string to paste or to scan::

    LUM1:<host>:<port>:<id>:<code>-<check>:<root>

``id``, ``code`` and ``root`` are Crockford base32 (no I, L, O, U), ``root`` the first 16 bytes of
the SHA-256 of the site's root certificate, so that a hub knows whom to believe before it says
anything. ``check`` catches every single mistyped symbol and every swap of neighbours.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from zero_trust.errors import VoucherError
from zero_trust.names import check_label

ROOT_HASH_BYTES = 16  # finding another certificate with this hash takes 2^128 attempts
WRONG_CODES_MAX = 5
LOCK_MS = 10 * 60 * 1000

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ID_SYMBOLS = 8
_CODE_SYMBOLS = 8  # 40 bits; at 5 guesses in 10 minutes for 48 hours: 1 in 10^9
_ROOT_SYMBOLS = 26
_CHECK_MODULUS = 1021  # prime: no substitution and no swap leaves the remainder alone; two symbols hold it
_TEXT = re.compile(
    r"LUM1:(?P<host>[A-Za-z0-9.:-]{1,253}):(?P<port>[0-9]{1,5})"
    r":(?P<id>[^:-]+):(?P<code>[^:-]+)-(?P<check>[^:-]+):(?P<root>[^:-]+)"
)
_MISREAD = str.maketrans({"I": "1", "L": "1", "O": "0"})

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Voucher:
    """What the installer carries.

    Attributes:
        host: where the authority answers.
        port: its HTTPS port.
        id: names the voucher; no secret.
        code: the secret; never leaves the hub.
        root_hash: first 16 bytes of the SHA-256 of the root certificate (DER).
    """

    host: str
    port: int
    id: str
    code: str = field(repr=False)
    root_hash: bytes

    @property
    def text(self) -> str:
        """The one string to paste or scan. It holds the code: show it to the installer alone."""
        root = _symbols(self.root_hash, _ROOT_SYMBOLS)
        check = _check(self.id + self.code + root)
        return f"LUM1:{self.host}:{self.port}:{self.id}:{self.code}-{check}:{root}"


@dataclass(frozen=True, slots=True)
class VoucherRow:
    """What the authority keeps of a voucher: never the code itself.

    Attributes:
        id: names the voucher.
        home: the one home it is for.
        mac_key: scrypt of the code; checks a request without knowing the code.
        expires_ms: wall clock.
        wrong_codes: since the last lock.
        locked_until_ms: wall clock; 0 if not locked.
        request_hash: SHA-256 of the request that used it, or None.
        answer: what that request was answered.
    """

    id: str
    home: str
    mac_key: bytes = field(repr=False)
    expires_ms: int
    wrong_codes: int = 0
    locked_until_ms: int = 0
    request_hash: bytes | None = None
    answer: bytes | None = None


def new_voucher(
    *, home: str, host: str, port: int, root_certificate: bytes, expires_ms: int, entropy: Entropy
) -> tuple[Voucher, VoucherRow]:
    """Make a voucher and the row to keep of it.

    Raises:
        BadNameError: ``home`` is no home id.
    """
    check_label(home, "home")
    voucher = Voucher(
        host=host,
        port=port,
        id=_symbols(entropy(5), _ID_SYMBOLS),
        code=_symbols(entropy(5), _CODE_SYMBOLS),
        root_hash=root_hash(root_certificate),
    )
    return voucher, VoucherRow(voucher.id, home, mac_key(voucher.id, voucher.code), expires_ms)


def parse_voucher(text: str) -> Voucher:
    """Read the text of a voucher; forgives case, blanks around it, and I, L, O for 1, 1, 0.

    Raises:
        VoucherError: ``voucher-missing`` or ``voucher-malformed``.
    """
    text = text.strip()
    if not text:
        raise VoucherError("voucher-missing")
    parts = _TEXT.fullmatch(text)
    if parts is None or not 1 <= int(parts["port"]) <= 65535:
        raise VoucherError("voucher-malformed", "it should read LUM1:host:port:id:code-check:root")
    voucher_id, code, check, root = (_read(parts[name]) for name in ("id", "code", "check", "root"))
    if (len(voucher_id), len(code), len(root)) != (_ID_SYMBOLS, _CODE_SYMBOLS, _ROOT_SYMBOLS):
        raise VoucherError("voucher-malformed", "a part of it is too short or too long")
    if _check(voucher_id + code + root) != check:
        raise VoucherError("voucher-malformed", "its check symbols do not fit")
    return Voucher(parts["host"], int(parts["port"]), voucher_id, code, _octets(root))


def root_hash(root_certificate: bytes) -> bytes:
    """The part of a root certificate's SHA-256 that a voucher carries."""
    return hashlib.sha256(root_certificate).digest()[:ROOT_HASH_BYTES]


def mac_key(voucher_id: str, code: str) -> bytes:
    """Stretch the code (scrypt, 32 MB, about 0.1 s), so that a stolen registry does not give it away.

    The id is the salt: it is random and each code is used with one id only.
    """
    return hashlib.scrypt(
        code.encode(),
        salt=b"lum-voucher-1\0" + voucher_id.encode(),
        n=2**15,
        r=8,
        p=1,
        maxmem=2**26,
        dklen=32,
    )


def _symbols(octets: bytes, count: int) -> str:
    value = int.from_bytes(octets, "big")
    return "".join(_ALPHABET[value >> (5 * place) & 31] for place in reversed(range(count)))


def _octets(root: str) -> bytes:
    value = _value(root)
    if value >= 1 << (8 * ROOT_HASH_BYTES):
        raise VoucherError("voucher-malformed", "its last part is too large")
    return value.to_bytes(ROOT_HASH_BYTES, "big")


def _read(part: str) -> str:
    symbols = part.upper().translate(_MISREAD)
    if not symbols.isascii() or any(symbol not in _ALPHABET for symbol in symbols):
        raise VoucherError("voucher-malformed", "it holds a symbol that no voucher holds")
    return symbols


def _check(symbols: str) -> str:
    remainder = _value(symbols) % _CHECK_MODULUS
    return _ALPHABET[remainder >> 5] + _ALPHABET[remainder & 31]


def _value(symbols: str) -> int:
    value = 0
    for symbol in symbols:
        value = value << 5 | _ALPHABET.index(symbol)
    return value
