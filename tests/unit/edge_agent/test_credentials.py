"""The certificate in hand: when it is renewed, and that it is given up only for a better one."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge_agent.adapters import authority
from edge_agent.adapters.authority import TlsCredential
from edge_agent.adapters.bundle import TrustedBundle
from edge_agent.adapters.identity import HubIdentity
from edge_agent.credentials import EARLY_MS, RENEW_AFTER_PART, RENEW_JITTER, RETRY_MAX_MS, Credentials
from edge_agent.errors import CredentialError, UplinkError
from tests.helpers.trust import HUB, NOW_MS, Site
from zero_trust import keys
from zero_trust.credential import Use
from zero_trust.trust_set import TrustSet

HOUR_MS = 3_600_000
LIFE_MS = 72 * HOUR_MS
SITE = Site()


@dataclass
class Desk:
    """An authority that answers, or does not, and a clock since boot."""

    now_ms: int = 1000
    life_ms: int = LIFE_MS
    trouble: Exception | None = None
    asked: list[tuple[keys.PrivateKey, TlsCredential | None]] = field(default_factory=list)

    def renew(
        self,
        _: HubIdentity,
        key: keys.PrivateKey,
        old: TlsCredential | None,
        now_ms: Callable[[], int],
    ) -> TlsCredential:
        """As the adapter does."""
        assert now_ms() == NOW_MS
        self.asked.append((key, old))
        if self.trouble:
            raise self.trouble
        leaf = SITE.leaf(key, HUB, Use.HUB_TLS)
        chain = (leaf, SITE.tls.certificate)
        return TlsCredential(chain, key, TrustedBundle(Path(), SITE.trust), NOW_MS, NOW_MS + self.life_ms)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """In place of the authority."""
    desk = Desk()
    monkeypatch.setattr(authority, "renew", desk.renew)
    return desk


def identity_of(trust: TrustSet) -> HubIdentity:
    """All that is asked of it is whom it believes."""
    identity = object.__new__(HubIdentity)
    object.__setattr__(identity, "bundle", TrustedBundle(Path(), trust))
    return identity


@pytest.fixture
def held(desk: Desk) -> Credentials:
    """A hub's certificates."""
    return Credentials(identity_of(SITE.trust), lambda: desk.now_ms, lambda: NOW_MS, random.Random(1))


async def test_one_certificate_serves_until_two_thirds_of_its_life(desk: Desk, held: Credentials) -> None:
    """However often the hub connects; then it asks with a new key, naming the old certificate."""
    first = await held.good()
    due_ms = held.due_s() * 1000
    latest = (LIFE_MS - EARLY_MS) * RENEW_AFTER_PART
    assert latest * (1 - RENEW_JITTER) - 1 <= due_ms <= latest

    desk.now_ms += int(due_ms) - 1
    assert await held.good() is first
    desk.now_ms += 2
    second = await held.good()

    assert second is not first
    (key, old), (new_key, new_old) = desk.asked
    assert (old, new_old) == (None, first)
    assert key.public_key() != new_key.public_key()


async def test_a_certificate_whose_issuer_is_about_to_end_is_used_as_well(
    desk: Desk, held: Credentials
) -> None:
    """The hub is not locked out by the five minutes that lie before its issue; at its end it is good no more."""
    desk.life_ms = EARLY_MS + 14_000
    first = await held.good()
    assert 8 < held.due_s() < 10

    desk.now_ms += 10_000
    desk.trouble = UplinkError("away")
    assert await held.good() is first
    assert held.due_s() <= 4
    desk.now_ms += 4000
    with pytest.raises(UplinkError):
        await held.good()


async def test_an_authority_that_is_away_costs_nothing_while_the_old_one_is_good(
    desk: Desk, held: Credentials
) -> None:
    """It is asked again within a quarter of an hour, with the same key; only at the end it is an error."""
    first = await held.good()
    desk.now_ms += int(held.due_s() * 1000) + 1
    desk.trouble = UplinkError("away")

    assert await held.good() is first
    assert 0 < held.due_s() * 1000 <= RETRY_MAX_MS
    desk.now_ms += RETRY_MAX_MS
    assert await held.good() is first
    desk.now_ms += LIFE_MS
    with pytest.raises(UplinkError):
        await held.good()
    desk.trouble = None
    await held.good()

    asked = {key.public_key().public_numbers() for key, _ in desk.asked[1:]}
    assert len(asked) == 1


async def test_a_refusal_is_told_and_the_old_one_is_still_named(desk: Desk, held: Credentials) -> None:
    """Refused now may be let in tomorrow: the line of certificates goes on."""
    first = await held.good()
    held.superseded()
    desk.trouble = CredentialError("revoked", code="hub-revoked")
    with pytest.raises(CredentialError):
        await held.good()
    desk.trouble = None

    assert await held.good() is not first
    assert desk.asked[-1][1] is first


async def test_a_certificate_that_the_site_no_longer_admits_is_not_shown_again(
    desk: Desk, held: Credentials
) -> None:
    """Not even while the authority is away."""
    await held.good()
    held.superseded()
    desk.trouble = UplinkError("away")

    with pytest.raises(UplinkError):
        await held.good()


async def test_a_certificate_whose_issuer_left_is_renewed_at_once(desk: Desk) -> None:
    """A newer bundle no longer names it: the site would admit nobody by it."""
    identity = identity_of(SITE.trust)
    credentials = Credentials(identity, lambda: desk.now_ms, lambda: NOW_MS, random.Random(1))
    first = await credentials.good()
    assert await credentials.good() is first

    identity.bundle.trust = Site().trust
    assert await credentials.good() is not first
