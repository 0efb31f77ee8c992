"""How the site's own services renew their certificates, both halves: as hubs do, by proof over a nonce. Pure.

A service names the certificate that it uses and signs that with its key; the authority has pinned the key. So
the question works at any age, and what a service was seen to use is known: one that does not get on is an
alarm long before the end. The key stays; only its certificate is new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography import x509

from zero_trust import fields, keys
from zero_trust.credential import certificate_key, serial_bytes, validity_ms
from zero_trust.envelope import sign_tagged, verify_tagged
from zero_trust.errors import CredentialError, SignatureError
from zero_trust.reasons import Refused

VERSION: Final = 1
RENEW_AFTER_PART: Final = 2 / 3  # of a certificate's life, as at a hub
RENEW_JITTER: Final = 0.1  # of that
ALARM_AFTER_PART: Final = 3 / 4  # of its life; with 400 days a hundred are left

_TAG: Final = b"lum-service-1\0"


@dataclass(frozen=True, slots=True)
class ServiceQuestion:
    """A service's question for its certificate, read but not yet believed.

    Attributes:
        label: which certificate of which service.
        nonce: from the authority.
        serial: of the certificate that it uses.
        signed: the bytes under its key's signature, and the signature.
    """

    label: str
    nonce: bytes
    serial: bytes
    signed: bytes


def ask_certificate(key: keys.PrivateKey, label: str, nonce: bytes, certificate: x509.Certificate) -> bytes:
    """Ask for the certificate to use from now on (service); it uses ``certificate``."""
    return sign_tagged(key, _TAG, fields.pack(VERSION, label, nonce, serial_bytes(certificate)))


def read_service_question(packed: bytes) -> ServiceQuestion:
    """Read a question (authority). Nothing in it is believed yet.

    Raises:
        TrustError: ``request-malformed``.
    """
    body = packed[: -keys.SIGNATURE_BYTES]
    version, label, nonce, serial = fields.unpack(body, (int, str, bytes, bytes))
    if version != VERSION:
        raise CredentialError("request-malformed", f"version {version}")
    return ServiceQuestion(label, nonce, serial, packed)


def judge_service(
    question: ServiceQuestion, *, pinned: x509.Certificate | None, nonce_fresh: bool
) -> Refused | None:
    """Judge a question (authority); None means: answer it.

    Args:
        question: as read.
        pinned: the certificate that this service was last seen to use; None if there is no such service.
        nonce_fresh: whether the authority gave out this nonce, lately, and saw it not used.
    """
    if not nonce_fresh:
        return Refused("nonce-unknown", question.label[:32])
    if pinned is None:
        return Refused("service-unknown", question.label[:32])
    try:
        verify_tagged(certificate_key(pinned), _TAG, question.signed, code="service-proof-wrong")
    except SignatureError as error:
        return Refused(error.code, question.label)
    return None


def due(certificate: x509.Certificate, issuer: x509.Certificate, now_ms: int) -> bool:
    """Whether it is time for another one: two thirds are over, or another authority issues now.

    The jitter is drawn from the serial number, which is random: a site's services must not march in step.
    """
    starts_ms, ends_ms = validity_ms(certificate)
    draw = serial_bytes(certificate)[-1] / 256
    part = RENEW_AFTER_PART * (1 - RENEW_JITTER * draw)
    return now_ms >= starts_ms + (ends_ms - starts_ms) * part or not _issued_by(certificate, issuer)


def overdue(certificate: x509.Certificate, now_ms: int) -> bool:
    """Whether it should have been renewed long ago: operations must look."""
    starts_ms, ends_ms = validity_ms(certificate)
    return now_ms >= starts_ms + (ends_ms - starts_ms) * ALARM_AFTER_PART


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    named = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return named.key_identifier == own.digest
