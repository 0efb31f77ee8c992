"""The TLS certificate in hand: renewed at two thirds of its life, given up only for a better one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import structlog

from edge_agent.adapters import authority
from edge_agent.adapters.authority import TlsCredential
from edge_agent.adapters.identity import HubIdentity
from edge_agent.errors import UplinkError
from zero_trust import keys
from zero_trust.trust_set import issuer_among

RENEW_AFTER_PART = 2 / 3
RENEW_JITTER = 0.1  # of the time until renewal: fleets must not march in step
RETRY_MAX_MS = 900_000  # while an older certificate is still good
EARLY_MS = 300_000  # a certificate begins so long before its issue: clocks differ a little

log = structlog.get_logger()


class Credentials:
    """One hub's TLS certificates, by the clock that no time server moves."""

    def __init__(
        self,
        identity: HubIdentity,
        boot_ms: Callable[[], int],
        now_ms: Callable[[], int],
        chance: random.Random,
    ) -> None:
        self._identity = identity
        self._boot_ms = boot_ms
        self._now_ms = now_ms
        self._chance = chance
        self._key = keys.generate_key()  # the next one: asked for again and again until it is certified
        self._held: TlsCredential | None = None
        self._renew_ms = self._ends_ms = 0

    async def good(self) -> TlsCredential:
        """A certificate to connect with: the one in hand until it is due, then a fresh one.

        Raises:
            CredentialError: the authority refuses this hub.
            UplinkError: no certificate in hand is good any more, and the authority cannot be reached.
        """
        if self._held is None or self.due_s() <= 0 or self._withdrawn(self._held):
            await self._renew()
        assert self._held is not None  # noqa: S101 - renewing either brings one or fails
        return self._held

    def due_s(self) -> float:
        """How long the certificate in hand may be used before it is time to renew."""
        return max(0.0, (self._renew_ms - self._boot_ms()) / 1000)

    def superseded(self) -> None:
        """The site no longer admits the certificate in hand: the next connection needs a fresh one."""
        self._renew_ms = self._ends_ms = 0

    def _withdrawn(self, held: TlsCredential) -> bool:
        """Whether its issuer left with a newer bundle: the site admits nobody by it any more."""
        return issuer_among(held.chain[0], self._identity.trust.tls_authorities) is None

    async def _renew(self) -> None:
        asked_ms = self._boot_ms()
        try:
            fresh = await asyncio.to_thread(
                authority.renew, self._identity, self._key, self._held, self._now_ms
            )
        except UplinkError as error:
            if asked_ms >= self._ends_ms:
                raise
            # Two thirds are over and one is left: no reason to cut the line that works.
            retry_ms = asked_ms + int(RETRY_MAX_MS * self._chance.random())
            self._renew_ms = min(retry_ms, self._ends_ms)
            log.warning("credential.not_renewed", trouble=str(error))
            return
        self._held, self._key = fresh, keys.generate_key()
        left_ms = fresh.life_ms - EARLY_MS  # little, if its issuer is about to end
        part = RENEW_AFTER_PART * (1 - RENEW_JITTER * self._chance.random())
        self._renew_ms = asked_ms + int(left_ms * part)
        self._ends_ms = asked_ms + left_ms
