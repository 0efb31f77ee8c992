"""Signed time: believed over one's own nonce, never below the floor, never far above it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.trust import DAY_MS, HUB, NOW_MS, Site
from zero_trust import fields, keys
from zero_trust.credential import Use, certificate_bytes
from zero_trust.envelope import sign_tagged
from zero_trust.errors import TrustError
from zero_trust.names import ServiceName
from zero_trust.timekeeping import AHEAD_MAX_MS, NONCE_BYTES, believe_time, tell_time

SITE, OTHER = Site(), Site()
KEY, STRANGER = keys.generate_key(), keys.generate_key()
NONCE = bytes(range(NONCE_BYTES))
TIME = ServiceName("demo", "authority")
CERTIFICATE = certificate_bytes(SITE.leaf(KEY, TIME, Use.TIME))
ANSWER = tell_time(KEY, CERTIFICATE, NONCE, NOW_MS)


def believed(packed: bytes, *, floor_ms: int = NOW_MS - DAY_MS, bounded: bool = True) -> int | str:
    """The time, or the code under which it is refused."""
    try:
        return believe_time(packed, SITE.trust, NONCE, floor_ms=floor_ms, bounded=bounded)
    except TrustError as error:
        return error.code


def test_the_time_is_believed_at_and_above_the_floor() -> None:
    """Up to 400 days ahead of it; at enrolment nothing bounds it."""
    assert believed(ANSWER) == believed(ANSWER, floor_ms=NOW_MS) == NOW_MS
    assert believed(ANSWER, floor_ms=NOW_MS - AHEAD_MAX_MS) == NOW_MS
    assert believed(ANSWER, floor_ms=0, bounded=False) == NOW_MS


def _signed(tag: bytes, *values: bytes | int) -> bytes:
    return fields.pack(sign_tagged(KEY, tag, fields.pack(*values)), CERTIFICATE)


ATTACKS: dict[str, tuple[bytes, str]] = {
    "an old answer again": (tell_time(KEY, CERTIFICATE, bytes(NONCE_BYTES), NOW_MS), "time-nonce-mismatch"),
    "another key": (tell_time(STRANGER, CERTIFICATE, NONCE, NOW_MS), "time-not-believed"),
    "signed for something else": (_signed(b"lum-receipt-1\0", 1, NONCE, NOW_MS), "time-not-believed"),
    "another version": (_signed(b"lum-time-1\0", 2, NONCE, NOW_MS), "time-not-believed"),
    "a time before all time": (_signed(b"lum-time-1\0", 1, NONCE, -1), "time-not-believed"),
    "a time after all time": (_signed(b"lum-time-1\0", 1, NONCE, 2**42), "time-not-believed"),
    "another site": (
        tell_time(KEY, certificate_bytes(OTHER.leaf(KEY, TIME, Use.TIME)), NONCE, NOW_MS),
        "certificate-untrusted",
    ),
    "a hub that tells the time": (
        tell_time(KEY, certificate_bytes(SITE.leaf(KEY, HUB, Use.HUB_DATA)), NONCE, NOW_MS),
        "certificate-wrong-use",
    ),
    "the receipt key": (
        tell_time(
            KEY, certificate_bytes(SITE.leaf(KEY, ServiceName("demo", "intake"), Use.RECEIPT)), NONCE, NOW_MS
        ),
        "certificate-wrong-use",
    ),
    "another service": (
        tell_time(
            KEY, certificate_bytes(SITE.leaf(KEY, ServiceName("demo", "intake"), Use.TIME)), NONCE, NOW_MS
        ),
        "certificate-name-wrong",
    ),
    "a time at which its own key was not certified any more": (
        tell_time(KEY, CERTIFICATE, NONCE, NOW_MS + 401 * DAY_MS),
        "certificate-expired",
    ),
    "a time at which its own key was not yet certified": (
        tell_time(KEY, CERTIFICATE, NONCE, NOW_MS - DAY_MS),
        "certificate-not-yet-valid",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_refused_under_their_code(attack: str) -> None:
    """Each named attack gets its own code."""
    packed, code = ATTACKS[attack]

    assert believed(packed, floor_ms=0, bounded=False) == code


def test_time_never_goes_back_and_never_leaps() -> None:
    """A millisecond below the floor, a millisecond more than 400 days above it."""
    assert believed(ANSWER, floor_ms=NOW_MS + 1) == "time-went-back"
    assert believed(ANSWER, floor_ms=NOW_MS - AHEAD_MAX_MS - 1) == "time-implausible"


@given(packed=st.binary(max_size=200))
def test_no_bytes_crash_a_reader(packed: bytes) -> None:
    """Whatever a stranger sends."""
    assert isinstance(believed(packed), str)


@given(place=st.integers(0, len(ANSWER) - 1), bit=st.integers(0, 7))
def test_no_flipped_bit_is_believed(place: int, bit: int) -> None:
    """Neither in the time, nor in the signature, nor in the certificate."""
    damaged = bytearray(ANSWER)
    damaged[place] ^= 1 << bit

    assert isinstance(believed(bytes(damaged)), str)
