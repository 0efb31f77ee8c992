"""The trust set: survives its bytes, and knows whose receipts to believe."""

from __future__ import annotations

import pytest

from tests.helpers.trust import DAY_MS, HUB, NOW_MS, Site
from zero_trust import fields, keys
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
        fields.pack(2, "demo", b"", b"", b""),
        fields.pack(1, "Mrs Smith", b"", b"", b""),
        fields.pack(1, "demo", b"no", b"such", b"certificates"),
    ],
)
def test_whatever_is_no_trust_set_is_refused(packed: bytes) -> None:
    """Damage, another version and nonsense inside are our own errors."""
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
