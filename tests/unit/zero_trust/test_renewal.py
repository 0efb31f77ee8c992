"""Renewal and standing: a signed question over a fresh nonce, good at any age."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.trust import HUB, NOW_MS
from zero_trust import fields, keys
from zero_trust.errors import TrustError
from zero_trust.policy import Standing
from zero_trust.reasons import Refused
from zero_trust.renewal import Ask, Nonces, Question, ask_renewal, ask_standing, judge_question, read_question

IDENTITY, TLS, OTHER = keys.generate_key(), keys.generate_key(), keys.generate_key()
IDENTITY_BYTES = keys.public_bytes(IDENTITY.public_key())
NONCE = bytes(16)
RENEWAL = read_question(ask_renewal(IDENTITY, TLS, HUB.hub, NONCE, bundle=1))
STANDING = read_question(ask_standing(IDENTITY, HUB.hub, NONCE, bundle=1))


def judge(
    question: Question = RENEWAL,
    ask: Ask = Ask.RENEW,
    *,
    identity: bytes | None = IDENTITY_BYTES,
    standing: Standing | None = Standing.ENROLLED,
    nonce_fresh: bool = True,
) -> Refused | None:
    """Judge with everything in order but what the test changes."""
    return judge_question(question, ask, identity=identity, standing=standing, nonce_fresh=nonce_fresh)


def test_an_enrolled_hub_is_answered() -> None:
    """Renewal and standing alike; the TLS key and the hub are those it named."""
    assert judge() is None
    assert judge(STANDING, Ask.STANDING) is None
    assert (RENEWAL.hub, RENEWAL.tls) == (HUB.hub, keys.public_bytes(TLS.public_key()))


def test_a_revoked_hub_may_still_ask_why() -> None:
    """It gets no certificate, but it gets words."""
    assert judge(standing=Standing.REVOKED) == Refused("hub-revoked")
    assert judge(STANDING, Ask.STANDING, standing=Standing.REVOKED) is None


REFUSALS: dict[str, tuple[dict[str, object], str]] = {
    "old or foreign nonce": ({"nonce_fresh": False}, "nonce-unknown"),
    "unknown hub": ({"identity": None, "standing": None}, "hub-unknown"),
    "signed by another key": (
        {"question": read_question(ask_renewal(OTHER, TLS, HUB.hub, NONCE, bundle=1))},
        "identity-proof-wrong",
    ),
    "a question for standing as renewal": ({"question": STANDING}, "request-malformed"),
    "another TLS key put in": (
        {"question": replace(RENEWAL, tls=keys.public_bytes(OTHER.public_key()))},
        "no-proof-of-possession",
    ),
    "TLS key not proven": ({"question": replace(RENEWAL, tls_proof=bytes(64))}, "no-proof-of-possession"),
    "no TLS key": ({"question": replace(RENEWAL, tls=b"")}, "key-malformed"),
    "altered after signing": (
        {"question": replace(RENEWAL, signed=b"\0" + RENEWAL.signed[1:])},
        "identity-proof-wrong",
    ),
}


@pytest.mark.parametrize("attack", REFUSALS)
def test_attacks_are_refused_under_their_code(attack: str) -> None:
    """Each named attack gets its own code."""
    changed, code = REFUSALS[attack]

    judgement = judge(**changed)  # type: ignore[arg-type]  # the table mixes the types of several arguments

    assert isinstance(judgement, Refused)
    assert judgement.code == code


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        fields.pack(b"", b""),
        fields.pack(fields.pack(2, "renew", HUB.hub, NONCE, b"") + bytes(64), b""),
        fields.pack(fields.pack(1, "reboot", HUB.hub, NONCE, b"") + bytes(64), b""),
    ],
)
def test_whatever_is_no_question_is_refused(packed: bytes) -> None:
    """Damage, another version, and wishes nobody grants."""
    with pytest.raises(TrustError) as refused:
        read_question(packed)

    assert refused.value.code == "request-malformed"


def test_a_nonce_is_good_once_and_for_a_while() -> None:
    """The second use, a late use and a clock set back are refused."""
    numbers = iter(range(10))
    nonces = Nonces(age_max_ms=1000, count_max=2, entropy=lambda size: next(numbers).to_bytes(size, "big"))
    first, late = nonces.give(NOW_MS), nonces.give(NOW_MS)

    assert nonces.take(first, NOW_MS + 1000)
    assert not nonces.take(first, NOW_MS)
    assert not nonces.take(late, NOW_MS + 1001)
    early = nonces.give(NOW_MS)
    assert not nonces.take(early, NOW_MS - 1)
    assert not nonces.take(b"never given", NOW_MS)


def test_nonces_are_bounded() -> None:
    """Beyond the maximum the oldest is forgotten."""
    numbers = iter(range(10))
    nonces = Nonces(age_max_ms=1000, count_max=2, entropy=lambda size: next(numbers).to_bytes(size, "big"))
    given = [nonces.give(NOW_MS) for _ in range(3)]

    assert [nonces.take(nonce, NOW_MS) for nonce in given] == [False, True, True]
