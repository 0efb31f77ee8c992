"""The site in process: the real intake on the real store, and a hub that was enrolled with it beforehand.

Keys and names follow from the seed, so that two runs of it sign the very same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cloud_sync.assurance.plan import Parameters
from cloud_sync.receiver.service import Incoming, IntakeKeys, Service
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import HubRow, Registry
from cloud_sync.receiver.views import Opened, listened, opened, told
from edge_agent.adapters.bundle import TrustedBundle
from edge_agent.adapters.identity import HubIdentity
from hil_tests.inprocess.watching import VirtualWatch
from zero_trust.authority import (
    SERIAL_BYTES,
    Issuer,
    issue,
    make_data_authority,
    make_root,
    make_tls_authority,
)
from zero_trust.bundle import LIFE_MS
from zero_trust.credential import Use, certificate_bytes
from zero_trust.keys import PrivateKey, public_bytes
from zero_trust.names import HubName, ServiceName
from zero_trust.policy import Standing
from zero_trust.trust_set import RECEIPT_SERVICE, TrustSet
from zero_trust.voucher import VoucherRow

SITE = "demo"
NOBODY = "in.process"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SEC 2, 2.4.2


@dataclass(frozen=True, slots=True)
class Secrets:
    """Whatever must be random in life, drawn from the seed."""

    seed: int

    def draw(self, name: str, size: int = 32) -> bytes:
        """The random bytes of that name."""
        return hashlib.shake_256(f"{self.seed}/{name}".encode()).digest(size)

    def key(self, name: str) -> PrivateKey:
        """The signing key of that name."""
        return ec.derive_private_key(int.from_bytes(self.draw(name)) % (P256_ORDER - 1) + 1, ec.SECP256R1())

    def serial(self, name: str) -> bytes:
        """The certificate's number of that name."""
        return self.draw(f"{name}/serial", SERIAL_BYTES)

    def hub_id(self) -> str:
        """13 letters, as hubs are named."""
        return base64.b32encode(self.draw("hub", 10)).decode().lower()[:13]


@dataclass(frozen=True, slots=True)
class Authority:
    """Root and issuing authorities, made once at the beginning of the story."""

    secrets: Secrets
    now_ms: int
    root: Issuer = field(init=False)
    data: Issuer = field(init=False)
    trust: TrustSet = field(init=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "root", make_root(self.secrets.key("root"), **self._facts("root")))
        put(self, "data", make_data_authority(self.root, self.secrets.key("data"), **self._facts("data")))
        tls = make_tls_authority(self.root, self.secrets.key("tls"), **self._facts("tls"))
        authorities = ((self.root.certificate,), (tls.certificate,), (self.data.certificate,))
        put(self, "trust", TrustSet(SITE, *authorities, 1, 1, self.now_ms + LIFE_MS))

    def certificate(self, key: PrivateKey, name: HubName | ServiceName, use: Use) -> bytes:
        """A certificate for signing, DER."""
        made = issue(
            self.data,
            key.public_key(),
            name=name,
            use=use,
            now_ms=self.now_ms,
            serial=self.secrets.serial(use.name),
        )
        return certificate_bytes(made)

    def _facts(self, name: str) -> dict[str, Any]:
        return {"site": SITE, "now_ms": self.now_ms, "serial": self.secrets.serial(name)}


def claims(evidence: Iterable[Opened]) -> list[tuple[float, float]]:
    """Every span in which the hub says that it listened (wall time, s)."""
    return [(span["from_ms"] / 1000, span["to_ms"] / 1000) for span in listened(evidence)]


class VirtualSite:
    """One site with one hub, its store in ``directory``."""

    def __init__(self, directory: Path, seed: int, home: str, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self._directory, self._home = directory, home
        secrets = Secrets(seed)
        authority = Authority(secrets, wall_ms())
        self._db: sqlite3.Connection = open_database(directory / "lum.db")
        self.registry = Registry(self._db)
        self.batches = Batches(self._db)
        name = HubName(SITE, home, secrets.hub_id())
        self.identity = _enrolled(self.registry, authority, name, directory)
        receipt_key = secrets.key("receipt")
        certificate = authority.certificate(receipt_key, ServiceName(SITE, RECEIPT_SERVICE), Use.RECEIPT)
        site_key = X25519PrivateKey.from_private_bytes(secrets.draw("site"))
        keys = IntakeKeys(receipt_key, certificate, site_key)
        self._service = Service(SITE, keys, self.registry, self.batches)

    def watch(self, parameters: Parameters | None) -> VirtualWatch:
        """The watch over its one home."""
        return VirtualWatch(self._db, self._directory / "homes", self._home, parameters, self._wall_ms)

    def take(self, payload: bytes) -> list[bytes]:
        """What the hub says; the answers."""
        hub = self.identity.hub
        return [answer.payload for answer in self._service.take([Incoming(hub, payload, self._wall_ms())])]

    def evidence(self) -> list[Opened]:
        """Every batch the site holds, its signature verified again."""
        return list(opened(self.batches, SITE))

    def readings(self, evidence: Iterable[Opened]) -> list[dict[str, Any]]:
        """Every reading in the evidence, none twice."""
        return list(told(self.batches, evidence))

    def signed(self) -> list[bytes]:
        """Every batch as signed, in the order received."""
        return [row["signed"] for row in self.batches.stored()]

    def close(self) -> None:
        """Let go of the store."""
        self._db.close()


def _enrolled(registry: Registry, authority: Authority, name: HubName, state_dir: Path) -> HubIdentity:
    """A hub's identity, known to the registry."""
    secrets, now_ms = authority.secrets, authority.now_ms
    identity_key, data_key = secrets.key("hub/identity"), secrets.key("hub/data")
    certificate = authority.certificate(data_key, name, Use.HUB_DATA)
    row = HubRow(
        name.hub,
        name.home,
        public_bytes(identity_key.public_key()),
        certificate,
        Standing.ENROLLED,
        "",
        now_ms,
        now_ms,
    )
    registry.enrol(row, VoucherRow("voucher", name.home, b"", 0))
    known = (name, identity_key, data_key, certificate, TrustedBundle(state_dir, authority.trust))
    return HubIdentity(*known, NOBODY, 0, NOBODY, 0, state_dir)
