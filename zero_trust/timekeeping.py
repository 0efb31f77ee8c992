"""Time without a clock: the site signs the time over a hub's nonce, and a floor never goes back. Pure.

A hub believes no certificate's dates before it knows the time, and no time before it has checked the
certificate of the key that signed it. So the answer holds both: the certificate is judged at the very
time that it vouches for, under the root that the hub has pinned.
"""

from __future__ import annotations

from typing import Final

from zero_trust import fields
from zero_trust.envelope import sign_tagged, verify_tagged
from zero_trust.errors import TrustError
from zero_trust.keys import SIGNATURE_BYTES, PrivateKey
from zero_trust.trust_set import TrustSet

VERSION: Final = 1
NONCE_BYTES: Final = 16
AHEAD_MAX_MS: Final = 400 * 86_400_000  # of the floor: a hub's data certificate lives no longer

_TIME_TAG: Final = b"lum-time-1\0"
_CODE: Final = "time-not-believed"


def tell_time(key: PrivateKey, certificate: bytes, nonce: bytes, now_ms: int) -> bytes:
    """Tell the time to whoever chose ``nonce`` (authority); ``certificate`` (DER) is of ``key``."""
    return fields.pack(sign_tagged(key, _TIME_TAG, fields.pack(VERSION, nonce, now_ms)), certificate)


def believe_time(packed: bytes, trust: TrustSet, nonce: bytes, *, floor_ms: int, bounded: bool = True) -> int:
    """The time that was told, wall clock in ms, if it can be believed (hub).

    Args:
        packed: the answer.
        trust: the site's certificates.
        nonce: as asked.
        floor_ms: it cannot be earlier than this.
        bounded: whether it can also not be much later than the floor; at enrolment nothing says so.

    Raises:
        TrustError: ``time-not-believed``, ``time-nonce-mismatch``, ``time-went-back``, ``time-implausible``
            or one of the ``certificate-`` codes.
    """
    signed, certificate = fields.unpack(packed, (bytes, bytes), code=_CODE)
    told_ms: int
    version, echoed, told_ms = fields.unpack(signed[:-SIGNATURE_BYTES], (int, bytes, int), code=_CODE)
    if version != VERSION or not 0 <= told_ms < 2**42:  # the year 2109, within what dates can express
        raise TrustError(_CODE, f"version {version}")
    verify_tagged(trust.time_key(certificate, told_ms), _TIME_TAG, signed, code=_CODE)
    if echoed != nonce:
        raise TrustError("time-nonce-mismatch")
    if told_ms < floor_ms:
        raise TrustError("time-went-back", f"by {(floor_ms - told_ms) // 1000} s")
    if bounded and told_ms > floor_ms + AHEAD_MAX_MS:
        raise TrustError("time-implausible", f"{(told_ms - floor_ms) // 86_400_000} days ahead")
    return told_ms
