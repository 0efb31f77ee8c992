"""Enrolment, both halves: how a hub trades a voucher for a name, and how the authority judges it.

Hub                                          Authority
``make_request``  -- body, mac, two proofs -> ``read_request``, ``judge``
``accept_answer`` <- name, certificate, trust set -- ``Answer.packed``

The voucher's code is never sent: it keys a MAC over the request. Each key signs the request, so
nobody can enrol a key that he does not hold. The same request again gets the same answer, so an
answer lost on a bad line costs nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from typing import Final, Self

from cryptography import x509

from zero_trust import fields, keys
from zero_trust.bundle import first_bundle, read_bundle
from zero_trust.credential import (
    Use,
    certificate_bytes,
    certificate_key,
    load_certificate,
    validity_ms,
)
from zero_trust.errors import CredentialError, SignatureError, TrustError, VoucherError
from zero_trust.names import HubName
from zero_trust.reasons import Refused
from zero_trust.trust_set import TrustSet
from zero_trust.voucher import LOCK_MS, WRONG_CODES_MAX, Voucher, VoucherRow, mac_key

VERSION: Final = 2
NONCE_BYTES: Final = 16

_MAC_TAG: Final = b"lum-enrol-mac-1\0"
_PROOF_TAG: Final = b"lum-enrol-proof-1\0"


@dataclass(frozen=True, slots=True)
class Request:
    """An enrolment request, read but not yet judged.

    Attributes:
        voucher: id of the voucher it uses.
        identity: identity key, DER SubjectPublicKeyInfo.
        data: data-signing key, DER SubjectPublicKeyInfo.
        digest: SHA-256 over the whole request; tells a repeated request from another one.
        body: the bytes that MAC and proofs are over.
        mac: by the voucher's code.
        identity_proof: signature by the identity key.
        data_proof: signature by the data-signing key.
    """

    voucher: str
    identity: bytes
    data: bytes
    digest: bytes
    body: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    identity_proof: bytes = field(repr=False)
    data_proof: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """The voucher is good: enrol a hub in ``home``."""

    home: str


@dataclass(frozen=True, slots=True)
class Again:
    """This request was answered before: give ``answer`` once more."""

    answer: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What an enrolled hub is told.

    Attributes:
        data_certificate: for its data-signing key; holds its name.
        bundle: whom to believe from now on, under the roots' signatures.
        broker_host: where to hand over batches.
        broker_port: MQTT over TLS.
    """

    data_certificate: x509.Certificate
    bundle: bytes = field(repr=False)
    broker_host: str
    broker_port: int

    @property
    def trust(self) -> TrustSet:
        """What the bundle says; whether to believe that is for :func:`accept_answer`.

        Raises:
            TrustError: ``answer-not-believed``.
        """
        return read_bundle(self.bundle).trust

    @property
    def packed(self) -> bytes:
        """As sent."""
        certificate = certificate_bytes(self.data_certificate)
        return fields.pack(VERSION, certificate, self.bundle, self.broker_host, self.broker_port)

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Read what ``packed`` gave.

        Raises:
            TrustError: ``answer-not-believed``.
        """
        layout = (int, bytes, bytes, str, int)
        version, certificate, bundle, host, port = fields.unpack(packed, layout, code="answer-not-believed")
        if version != VERSION:
            raise CredentialError("answer-not-believed", f"an answer of version {version}")
        return cls(load_certificate(certificate), bundle, host, port)


def make_request(voucher: Voucher, identity: keys.PrivateKey, data: keys.PrivateKey, nonce: bytes) -> bytes:
    """Ask for enrolment (hub). Takes about 0.1 s: it stretches the voucher's code.

    Args:
        voucher: as scanned or pasted.
        identity: the hub's identity key.
        data: its data-signing key.
        nonce: 16 random bytes.
    """
    body = fields.pack(
        VERSION,
        voucher.id,
        keys.public_bytes(identity.public_key()),
        keys.public_bytes(data.public_key()),
        nonce,
    )
    mac = _mac(mac_key(voucher.id, voucher.code), body)
    proven = _PROOF_TAG + body + mac
    return fields.pack(body, mac, keys.sign(identity, proven), keys.sign(data, proven))


def made_with(packed: bytes, voucher: Voucher) -> bool:
    """Whether a kept request was made with this very voucher, code included (hub)."""
    try:
        request = read_request(packed)
    except TrustError:
        return False
    expected = _mac(mac_key(voucher.id, voucher.code), request.body)
    return request.voucher == voucher.id and hmac.compare_digest(expected, request.mac)


def accept_answer(packed: bytes, site_root: bytes, data: keys.PublicKey) -> tuple[HubName, Answer]:
    """Believe the authority's answer, or say why not (hub); ``site_root`` is the hash in the voucher.

    Raises:
        TrustError: ``root-not-believed``, ``bundle-not-signed``, ``answer-not-believed`` or one of the
            ``certificate-`` codes.
    """
    answer = Answer.unpack(packed)
    certificate, trust = answer.data_certificate, first_bundle(answer.bundle, site_root)
    # At its own first moment: a hub that was just unpacked need not know the time.
    start_ms, _ = validity_ms(certificate)
    name = trust.believe(certificate, Use.HUB_DATA, start_ms)
    if certificate_key(certificate) != data or not isinstance(name, HubName):
        raise CredentialError("answer-not-believed", "the certificate is for another key")
    return name, answer


def read_request(packed: bytes) -> Request:
    """Read a request (authority). Nothing in it is believed yet.

    Raises:
        TrustError: ``request-malformed`` or ``key-malformed``.
    """
    body, mac, identity_proof, data_proof = fields.unpack(packed, (bytes, bytes, bytes, bytes))
    version, voucher, identity, data, nonce = fields.unpack(body, (int, str, bytes, bytes, bytes))
    if version != VERSION or len(nonce) != NONCE_BYTES:
        raise VoucherError("request-malformed", f"version {version}, nonce of {len(nonce)} bytes")
    keys.public_key(identity)
    keys.public_key(data)
    digest = hashlib.sha256(packed).digest()
    return Request(voucher, identity, data, digest, body, mac, identity_proof, data_proof)


def judge(
    request: Request, row: VoucherRow | None, *, identity_known: bool, now_ms: int
) -> Granted | Again | Refused:
    """Judge a request (authority).

    Cheap checks come first, and nothing here is slow, so strangers cannot keep the authority busy.
    A wrong code locks the voucher for a while and never burns it: else a prankster could stop an
    installation. See :func:`after_refusal` for what to store.

    Args:
        request: as read.
        row: what is kept of the voucher it names; None if there is none.
        identity_known: whether its identity key belongs to an enrolled hub.
        now_ms: wall clock.
    """
    if row is None:
        return Refused("voucher-unknown", request.voucher[:16])
    if row.request_hash is not None:
        return _judge_again(request, row)
    code = _refusal_code(request, row, identity_known=identity_known, now_ms=now_ms)
    return Refused(code, row.id) if code else Granted(row.home)


def after_refusal(row: VoucherRow, refused: Refused, now_ms: int) -> VoucherRow:
    """What to keep of a voucher after ``refused``: counts wrong codes, locks after five."""
    if refused.code != "voucher-code-wrong":
        return row
    if row.wrong_codes + 1 < WRONG_CODES_MAX:
        return replace(row, wrong_codes=row.wrong_codes + 1)
    return replace(row, wrong_codes=0, locked_until_ms=now_ms + LOCK_MS)


def after_use(row: VoucherRow, request: Request, answer: bytes) -> VoucherRow:
    """What to keep of a voucher that has enrolled a hub."""
    return replace(row, request_hash=request.digest, answer=answer)


def _judge_again(request: Request, row: VoucherRow) -> Again | Refused:
    if request.digest == row.request_hash and row.answer is not None:
        return Again(row.answer)
    fingerprint = hashlib.sha256(request.identity).hexdigest()[:16]
    return Refused("voucher-used", f"{row.id}, now tried with identity {fingerprint}")


def _refusal_code(request: Request, row: VoucherRow, *, identity_known: bool, now_ms: int) -> str:
    if now_ms >= row.expires_ms:
        return "voucher-expired"
    if now_ms < row.locked_until_ms:
        return "voucher-locked"
    if not hmac.compare_digest(_mac(row.mac_key, request.body), request.mac):
        return "voucher-code-wrong"
    if request.identity == request.data or not _proven(request):  # one key must not do two duties
        return "no-proof-of-possession"
    return "identity-already-enrolled" if identity_known else ""


def _proven(request: Request) -> bool:
    proven = _PROOF_TAG + request.body + request.mac
    try:
        keys.verify(keys.public_key(request.identity), request.identity_proof, proven)
        keys.verify(keys.public_key(request.data), request.data_proof, proven)
    except SignatureError:
        return False
    return True


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, _MAC_TAG + body, "sha256")
