"""Checks a log: each row against the one before, the whole against checkpoints. Says all that is wrong. Pure.

A checkpoint is ``site, rows, hash of the last row, time``, signed by the site's receipt key. In the hands of
somebody else it shows that the log below it was cut off or written anew, also by whoever holds all of the site.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from zero_trust import fields
from zero_trust.audit import START, Row, row_hash
from zero_trust.bundle import believed_by
from zero_trust.credential import Use, certificate_key, load_certificate
from zero_trust.envelope import sign_tagged, verify_tagged
from zero_trust.errors import CredentialError, TrustError
from zero_trust.keys import SIGNATURE_BYTES, PrivateKey
from zero_trust.names import ServiceName
from zero_trust.reasons import Refused
from zero_trust.trust_set import RECEIPT_SERVICE, TrustSet

FAULTS_MAX: Final = 100

_TAG: Final = b"lum-checkpoint-1\0"
_PREFIX: Final = "LUMCP1:"
_LAYOUT: Final = (str, int, bytes, int)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The signed word that ``site`` had so many rows at ``at_ms``, and what the last one's hash was."""

    site: str
    rows: int
    hash: bytes
    at_ms: int


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint and the certificate (DER) of the key that signed it."""

    signed: bytes
    certificate: bytes

    @property
    def text(self) -> str:
        """One line, for an e-mail or on paper."""
        return _PREFIX + base64.urlsafe_b64encode(fields.pack(self.signed, self.certificate)).decode()

    @property
    def claimed(self) -> Checkpoint:
        """What it says, not yet believed.

        Raises:
            TrustError: ``checkpoint-not-believed``.
        """
        body = self.signed[:-SIGNATURE_BYTES]
        return Checkpoint(*fields.unpack(body, _LAYOUT, code="checkpoint-not-believed"))


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check.

    Attributes:
        rows: how many there are.
        head: hash of the last one.
        faults: all that is wrong, in order; none: the log is intact up to its end.
        held: the checkpoints that the log agrees with.
    """

    rows: int
    head: bytes
    faults: tuple[Refused, ...]
    held: tuple[Checkpoint, ...]


def sign_checkpoint(key: PrivateKey, certificate: bytes, checkpoint: Checkpoint) -> SignedCheckpoint:
    """Sign a checkpoint with the receipt key that ``certificate`` (DER) speaks for."""
    body = fields.pack(checkpoint.site, checkpoint.rows, checkpoint.hash, checkpoint.at_ms)
    return SignedCheckpoint(sign_tagged(key, _TAG, body), certificate)


def parse_checkpoint(text: str) -> SignedCheckpoint:
    """Read what :attr:`SignedCheckpoint.text` gave; nothing in it is believed yet.

    Raises:
        TrustError: ``checkpoint-not-believed``.
    """
    if not text.startswith(_PREFIX) or not text.isascii():
        raise CredentialError("checkpoint-not-believed", f"it does not begin with {_PREFIX}")
    try:
        packed = base64.b64decode(text.removeprefix(_PREFIX), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise CredentialError("checkpoint-not-believed", "it is cut short or mistyped") from error
    return SignedCheckpoint(*fields.unpack(packed, (bytes, bytes), code="checkpoint-not-believed"))


def believe(signed: SignedCheckpoint, *, trusts: Sequence[TrustSet], site: str) -> Checkpoint:
    """The checkpoint, once its signer is known to have been the site's receipt key at the time it names.

    Raises:
        CredentialError: ``checkpoint-not-believed``; the detail says what does not hold.
    """
    try:
        claimed = signed.claimed
        leaf = load_certificate(signed.certificate)
        name = believed_by(trusts, leaf, Use.RECEIPT, claimed.at_ms)
        verify_tagged(certificate_key(leaf), _TAG, signed.signed)
    except TrustError as error:
        raise CredentialError("checkpoint-not-believed", str(error)) from error
    if (name, claimed.site) != (ServiceName(site, RECEIPT_SERVICE), site):
        raise CredentialError("checkpoint-not-believed", "another name signed it, or for another site")
    return claimed


def check(
    rows: Iterable[Row], checkpoints: Sequence[Checkpoint] = (), after: Checkpoint | None = None
) -> Checked:
    """Check all rows, or those that follow the checkpoint ``after``, and compare with ``checkpoints``."""
    count, head = (after.rows, after.hash) if after else (0, START)
    faults: list[Refused] = []
    wanted = {checkpoint.rows for checkpoint in checkpoints}
    hashes = {count: head}
    for row in rows:
        if len(faults) < FAULTS_MAX:
            faults += _row_faults(row, count, head)
        count, head = row.number, row.hash
        if count in wanted:
            hashes[count] = head
    ordered = sorted(checkpoints, key=lambda one: one.rows)
    good = tuple(one for one in ordered if hmac.compare_digest(hashes.get(one.rows, b""), one.hash))
    faults += _checkpoint_faults([one for one in ordered if one not in good], good, count)
    return Checked(count, head, tuple(faults[:FAULTS_MAX]), good)


def _row_faults(row: Row, count: int, head: bytes) -> list[Refused]:
    if row.number != count + 1:
        first, last = count + 1, row.number - 1
        missing = f"row {first}" if first == last else f"rows {first} to {last}"
        return [Refused("log-row-missing", missing)]
    if row_hash(head, row.number, row.at_ms, row.kind, row.text) != row.hash:
        return [Refused("log-row-altered", f"row {row.number}, or row {count} together with its hash")]
    return []


def _checkpoint_faults(bad: Iterable[Checkpoint], good: Sequence[Checkpoint], count: int) -> list[Refused]:
    faults = []
    for one in bad:
        if one.rows > count:
            faults.append(
                Refused("log-truncated", f"it has {count} rows, the checkpoint tells of {one.rows}")
            )
            continue
        below = max((other.rows for other in good if other.rows < one.rows), default=0)
        faults.append(Refused("log-rewritten", f"somewhere in rows {below + 1} to {one.rows}"))
    return faults
