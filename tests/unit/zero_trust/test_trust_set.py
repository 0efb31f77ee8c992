"""The trust set: survives its bytes, and knows whose receipts to believe."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.trust import DAY_MS, HUB, NOW_MS, Site, serial
from zero_trust import fields, keys
from zero_trust.authority import make_tls_authority
from zero_trust.credential import Use, certificate_bytes
from zero_trust.errors import CredentialError, TrustError
from zero_trust.names import ServiceName
from zero_trust.trust_set import TrustSet

SITE, ROGUE = Site(), Site()
KEY = keys.generate_key()
INTAKE = ServiceName("demo", "intake")


def test_a_trust_set_survives_its_bytes() -> None:
    """Packed and unpacked it is the same."""
    assert TrustSet.unpack(SITE.trust.packed) == SITE.trust


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\x00",
        SITE.trust.packed[:-1],
        SITE.trust.packed + b"\0",
        fields.pack(1, "demo", b"", b"", b""),
        fields.pack(2, "Mrs Smith", 1, 1, NOW_MS, [], [], []),
        fields.pack(2, "demo", 1, 1, NOW_MS, [b"no"], [b"such"], [b"certificate"]),
        fields.pack(2, "demo", 1, 1, NOW_MS, [], [], []),
        replace(SITE.trust, version=0).packed,
        replace(SITE.trust, threshold=0).packed,
        replace(SITE.trust, threshold=2).packed,
        replace(SITE.trust, roots=SITE.trust.roots * 2).packed,
        replace(SITE.trust, roots=SITE.trust.tls_authorities).packed,
        replace(SITE.trust, roots=ROGUE.trust.roots).packed,
        replace(SITE.trust, data_authorities=ROGUE.trust.data_authorities).packed,
        replace(SITE.trust, tls_authorities=SITE.trust.tls_authorities * 9).packed,
    ],
)
def test_whatever_is_no_trust_set_is_refused(packed: bytes) -> None:
    """Damage, another format, nonsense inside, and what would lock a hub out are our own errors."""
    with pytest.raises(TrustError):
        TrustSet.unpack(packed)


def test_the_receipt_key_is_believed_by_its_certificate() -> None:
    """Certified by the data authority for the intake, at a time at which it is valid."""
    certificate = certificate_bytes(SITE.leaf(KEY, INTAKE, Use.RECEIPT))

    assert SITE.trust.receipt_key(certificate, NOW_MS) == KEY.public_key()
    with pytest.raises(CredentialError) as refused:
        SITE.trust.receipt_key(certificate, NOW_MS + 401 * DAY_MS)
    assert refused.value.code == "certificate-expired"


def test_nobody_else_signs_receipts() -> None:
    """Not another site's intake, not another service, not a hub with its data key."""
    cases = [
        (ROGUE.leaf(KEY, INTAKE, Use.RECEIPT), "certificate-untrusted"),
        (SITE.leaf(KEY, ServiceName("demo", "portal"), Use.RECEIPT), "certificate-name-wrong"),
        (SITE.leaf(KEY, HUB, Use.HUB_DATA), "certificate-wrong-use"),
    ]

    for certificate, code in cases:
        with pytest.raises(CredentialError) as refused:
            SITE.trust.receipt_key(certificate_bytes(certificate), NOW_MS)
        assert refused.value.code == code


def test_an_authority_that_is_not_named_is_believed_no_more() -> None:
    """Though the root has certified it, and the certificate has not ended: so is a stolen one withdrawn."""
    certificate = SITE.leaf(KEY, HUB, Use.HUB_TLS)
    after = make_tls_authority(
        SITE.root, keys.generate_key(), site=SITE.name, now_ms=NOW_MS, serial=serial()
    ).certificate
    withdrawn = replace(SITE.trust, tls_authorities=(after,))

    assert SITE.trust.believe(certificate, Use.HUB_TLS, NOW_MS) == HUB
    with pytest.raises(CredentialError) as refused:
        withdrawn.believe(certificate, Use.HUB_TLS, NOW_MS)
    assert refused.value.code == "certificate-untrusted"


def test_nothing_is_believed_by_a_trust_set_that_ran_out() -> None:
    """Though the certificates are still good."""
    ends_ms = NOW_MS + DAY_MS
    ending = replace(SITE.trust, expires_ms=ends_ms)
    certificate = certificate_bytes(SITE.leaf(KEY, INTAKE, Use.RECEIPT))

    assert ending.receipt_key(certificate, ends_ms - 1) == KEY.public_key()
    with pytest.raises(CredentialError) as refused:
        ending.receipt_key(certificate, ends_ms)
    assert refused.value.code == "bundle-expired"
