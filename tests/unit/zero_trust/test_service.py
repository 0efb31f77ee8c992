"""A service's certificate: when it is due, when operations must look, and who may ask for it."""

from __future__ import annotations

import pytest

from tests.helpers.trust import DAY_MS, NOW_MS, Site
from zero_trust import keys
from zero_trust.credential import Use, serial_bytes
from zero_trust.errors import TrustError
from zero_trust.names import ServiceName
from zero_trust.reasons import Refused
from zero_trust.service import ask_certificate, due, judge_service, overdue, read_service_question

SITE = Site()
KEY, OTHER = keys.generate_key(), keys.generate_key()
NONCE = bytes(16)
CERTIFICATE = SITE.leaf(KEY, ServiceName("demo", "intake"), Use.RECEIPT)
ISSUER = SITE.data.certificate
PACKED = ask_certificate(KEY, "intake/receipt", NONCE, CERTIFICATE)


def test_a_question_says_who_asks_and_what_they_use() -> None:
    """As made, and nothing more."""
    question = read_service_question(PACKED)

    assert (question.label, question.nonce) == ("intake/receipt", NONCE)
    assert question.serial == serial_bytes(CERTIFICATE)
    assert judge_service(question, pinned=CERTIFICATE, nonce_fresh=True) is None


@pytest.mark.parametrize(
    ("packed", "pinned", "fresh", "code"),
    [
        (PACKED, CERTIFICATE, False, "nonce-unknown"),
        (PACKED, None, True, "service-unknown"),
        (
            ask_certificate(OTHER, "intake/receipt", NONCE, CERTIFICATE),
            CERTIFICATE,
            True,
            "service-proof-wrong",
        ),
        (PACKED[:-1] + bytes([PACKED[-1] ^ 1]), CERTIFICATE, True, "service-proof-wrong"),
    ],
    ids=["an old nonce", "no such service", "another key", "damaged"],
)
def test_nobody_else_gets_it(packed: bytes, pinned: object, fresh: bool, code: str) -> None:
    """Each by its own name."""
    refused = judge_service(read_service_question(packed), pinned=pinned, nonce_fresh=fresh)  # type: ignore[arg-type]

    assert isinstance(refused, Refused)
    assert refused.code == code


@pytest.mark.parametrize("packed", [b"", PACKED[:10], bytes(200)])
def test_what_is_no_question_is_malformed(packed: bytes) -> None:
    """Our own error."""
    with pytest.raises(TrustError) as refused:
        read_service_question(packed)
    assert refused.value.code == "request-malformed"


def test_it_is_due_at_two_thirds_with_jitter_and_an_alarm_at_three_quarters() -> None:
    """Of 400 days: between 240 and 267, and at 300, when a hundred are left."""
    began_ms = NOW_MS - 300_000

    for certificate in (SITE.leaf(KEY, ServiceName("demo", "intake"), Use.RECEIPT) for _ in range(20)):
        assert not due(certificate, ISSUER, began_ms + 239 * DAY_MS)
        assert due(certificate, ISSUER, began_ms + 267 * DAY_MS)
        assert not overdue(certificate, began_ms + 299 * DAY_MS)
        assert overdue(certificate, began_ms + 300 * DAY_MS)


def test_it_is_due_at_once_when_another_authority_issues() -> None:
    """The next roll-over takes the old one away."""
    assert not due(CERTIFICATE, ISSUER, NOW_MS)
    assert due(CERTIFICATE, Site().data.certificate, NOW_MS)
