"""A site and a hub in memory, with everything that may be forged about them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from cryptography import x509

from zero_trust import keys
from zero_trust.authority import (
    SERIAL_BYTES,
    Issuer,
    issue,
    make_data_authority,
    make_root,
    make_tls_authority,
)
from zero_trust.bundle import LIFE_MS, sign_bundle
from zero_trust.credential import Use
from zero_trust.names import HubName, ServiceName
from zero_trust.trust_set import TrustSet

NOW_MS = 1_800_000_000_000  # 2027-01-15
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
HUB = HubName("demo", "h-17", "abcdefghijk27")


def serial() -> bytes:
    """Random bytes for one certificate."""
    return os.urandom(SERIAL_BYTES)


@dataclass(frozen=True)
class Site:
    """Root, issuing authorities, and the trust set that hubs get."""

    name: str = "demo"
    now_ms: int = NOW_MS
    root: Issuer = field(init=False)
    tls: Issuer = field(init=False)
    data: Issuer = field(init=False)
    trust: TrustSet = field(init=False)
    bundle: bytes = field(init=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        now_ms, name = self.now_ms, self.name
        put(self, "root", make_root(keys.generate_key(), site=name, now_ms=now_ms, serial=serial()))
        for kind, make in (("tls", make_tls_authority), ("data", make_data_authority)):
            put(self, kind, make(self.root, keys.generate_key(), site=name, now_ms=now_ms, serial=serial()))
        authorities = ((self.root.certificate,), (self.tls.certificate,), (self.data.certificate,))
        put(self, "trust", TrustSet(name, *authorities, 1, 1, now_ms + LIFE_MS))
        put(self, "bundle", sign_bundle(self.trust, [self.root.key]))

    def leaf(
        self, key: keys.PrivateKey, name: HubName | ServiceName, use: Use, now_ms: int | None = None
    ) -> x509.Certificate:
        """A leaf from the issuer that is for ``use``."""
        issuer = self.data if use in {Use.HUB_DATA, Use.RECEIPT, Use.TIME} else self.tls
        at_ms = self.now_ms if now_ms is None else now_ms
        return issue(issuer, key.public_key(), name=name, use=use, now_ms=at_ms, serial=serial())
