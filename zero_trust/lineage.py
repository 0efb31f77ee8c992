"""The line of a hub's TLS certificates: which is the newest, and whether one holder has them all.

Each renewal names the serial of the last certificate. Two holders of one identity (a copied card)
cannot both name the newest for long: the line forks, and a person must say which is the true one.
One step back is no fork while nobody has seen the newer certificate in use: an answer was lost, or
the power failed before it was written down. Pure: values in, values out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

DAY_MS = 86_400_000
OFF_FREE_MS = 30 * DAY_MS  # off for no longer: renewed as if nothing had been
OFF_MAX_MS = 180 * DAY_MS  # off for longer: only a person can let it in again


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where one hub's line of certificates stands.

    Attributes:
        renewed_ms: wall clock of the last renewal, or of the enrolment or release before the first.
        newest: serial of the newest certificate; empty if there is none yet, or none is believed any more.
        key: SHA-256 of the key that it certifies.
        certificate: DER, to be given again to whoever holds that key.
        seen: whether it was seen in use.
        previous: serial of the certificate in whose place it came; still good until the newest is seen.
    """

    renewed_ms: int
    newest: bytes = b""
    key: bytes = b""
    certificate: bytes = field(default=b"", repr=False)
    seen: bool = False
    previous: bytes = b""


@dataclass(frozen=True, slots=True)
class Again:
    """The same key asks again: give the same certificate again."""

    certificate: bytes


@dataclass(frozen=True, slots=True)
class Next:
    """Issue the next certificate. ``held``: why a person must confirm the hub; empty if nobody need."""

    held: str = ""


@dataclass(frozen=True, slots=True)
class TooLong:
    """The hub was off for so long that only a person can let it in again."""

    off_days: int


def judge(lineage: Lineage, *, last: bytes, key: bytes, now_ms: int) -> Again | Next | TooLong:
    """Judge a renewal whose identity is proven.

    Args:
        lineage: as registered.
        last: serial of the last certificate the hub knows of; empty if it knows none.
        key: the new TLS key, DER SubjectPublicKeyInfo; possession is proven.
        now_ms: wall clock.
    """
    off_ms = now_ms - lineage.renewed_ms
    if off_ms > OFF_MAX_MS:
        return TooLong(off_ms // DAY_MS)
    if lineage.key == key_digest(key):
        return Again(lineage.certificate)
    if not _follows(lineage, last):
        return Next("two holders of its identity have asked for certificates: its card may have been copied")
    if off_ms > OFF_FREE_MS:
        return Next(f"it was off for {off_ms // DAY_MS} days")
    return Next()


def issued(*, last: bytes, key: bytes, serial: bytes, certificate: bytes, now_ms: int) -> Lineage:
    """The line after a certificate was issued for ``key`` to whoever named ``last``."""
    return Lineage(now_ms, serial, key_digest(key), certificate, seen=False, previous=last)


def used(lineage: Lineage, serial: bytes) -> Lineage | None:
    """The line after a certificate was shown at the broker; None: it is no longer the one to use."""
    if not lineage.newest:
        return None
    if serial == lineage.newest:
        return replace(lineage, seen=True)
    return lineage if serial == lineage.previous and not lineage.seen else None


def released(now_ms: int) -> Lineage:
    """The line begins anew: no earlier certificate counts, and the next to ask is the one that is believed."""
    return Lineage(now_ms)


def key_digest(key: bytes) -> bytes:
    """How a TLS key (DER SubjectPublicKeyInfo) is remembered."""
    return hashlib.sha256(key).digest()


def _follows(lineage: Lineage, last: bytes) -> bool:
    """Whether ``last`` is what the one true holder can name."""
    if not lineage.newest or last == lineage.newest:
        return True
    return last == lineage.previous and not lineage.seen
