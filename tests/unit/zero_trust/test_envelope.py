"""Envelopes: what is sealed opens for this hub and site alone."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from zero_trust import envelope, keys
from zero_trust.errors import EnvelopeError, SignatureError

SITE, HUB, OTHER_HUB = "demo", "abcdefghijk27", "bbcdefghijk27"
DATA_KEY = keys.generate_key()
SITE_KEY, OTHER_KEY = X25519PrivateKey.generate(), X25519PrivateKey.generate()
SITE_KEYS = {envelope.site_key_id(SITE_KEY.public_key()): SITE_KEY}
SIGNED = envelope.sign_inside(DATA_KEY, b"body", SITE, HUB)
SEALED = envelope.seal(SIGNED, SITE_KEY.public_key(), HUB)


def test_a_batch_survives_the_way() -> None:
    """Signed, sealed, opened, verified: the same body."""
    signed = envelope.open_sealed(SEALED, SITE_KEYS, HUB)

    assert signed == SIGNED
    assert envelope.verify_inside(DATA_KEY.public_key(), signed, SITE, HUB) == b"body"


def test_the_overhead_is_what_the_constant_says() -> None:
    """Senders reckon with it to stay below the broker's limit."""
    assert len(SEALED) - len(SIGNED) == envelope.SEALED_OVERHEAD_BYTES


@pytest.mark.parametrize(
    ("sealed", "site_keys", "hub"),
    [
        (SEALED, SITE_KEYS, OTHER_HUB),
        (SEALED, {}, HUB),
        (SEALED, {envelope.site_key_id(SITE_KEY.public_key()): OTHER_KEY}, HUB),
        (envelope.seal(SIGNED, OTHER_KEY.public_key(), HUB), SITE_KEYS, HUB),
        (SEALED[:-1], SITE_KEYS, HUB),
        (SEALED + b"\0", SITE_KEYS, HUB),
        (SEALED[:8], SITE_KEYS, HUB),
        (SEALED[:20], SITE_KEYS, HUB),
        (b"", SITE_KEYS, HUB),
    ],
    ids=["other hub", "no key", "wrong key", "other site", "cut", "longer", "key id only", "stub", "empty"],
)
def test_what_is_not_for_us_is_refused(
    sealed: bytes, site_keys: dict[bytes, X25519PrivateKey], hub: str
) -> None:
    """Moved, cut or foreign envelopes do not open."""
    with pytest.raises(EnvelopeError) as refused:
        envelope.open_sealed(sealed, site_keys, hub)

    assert refused.value.code == "batch-not-decryptable"


def test_a_signature_of_one_kind_is_none_of_another() -> None:
    """A receipt's signature cannot be passed off as a batch's, by the same key over the same body."""
    receipt = envelope.sign_tagged(DATA_KEY, b"lum-receipt-1\0", b"body")

    with pytest.raises(SignatureError) as refused:
        envelope.verify_inside(DATA_KEY.public_key(), receipt, SITE, HUB)

    assert refused.value.code == "batch-signature-wrong"


def test_another_hubs_signature_is_refused() -> None:
    """A batch signed by another data key does not verify, and neither does an empty one."""
    with pytest.raises(SignatureError):
        envelope.verify_inside(keys.generate_key().public_key(), SIGNED, SITE, HUB)
    with pytest.raises(SignatureError):
        envelope.verify_inside(DATA_KEY.public_key(), b"", SITE, HUB)


@pytest.mark.parametrize(("site", "hub"), [(SITE, OTHER_HUB), ("other", HUB), (SITE + HUB[:1], HUB[1:])])
def test_a_batch_means_nothing_under_other_names(site: str, hub: str) -> None:
    """Site and hub are not sent, but they are signed, each with its length."""
    with pytest.raises(SignatureError):
        envelope.verify_inside(DATA_KEY.public_key(), SIGNED, site, hub)
