"""A log in memory: a site that writes down whom it believes, what it issued, and what it received."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from tests.helpers.trust import HOUR_MS, HUB, NOW_MS, Site
from zero_trust.audit import START, Row, make_row
from zero_trust.audit_check import Checkpoint, SignedCheckpoint, sign_checkpoint
from zero_trust.credential import Use, certificate_bytes
from zero_trust.envelope import sign_inside
from zero_trust.evidence import Evidence, Received, issued_facts, received_facts, site_facts
from zero_trust.keys import PrivateKey, generate_key
from zero_trust.names import ServiceName


def chain(kinds: Mapping[int, str] | None = None, count: int = 10) -> list[Row]:
    """So many rows that follow from each other."""
    rows: list[Row] = []
    for number in range(1, count + 1):
        before = rows[-1].hash if rows else START
        kind = (kinds or {}).get(number, "decision")
        rows.append(make_row(before, number, NOW_MS + number, kind, {"who": "somebody", "n": number}))
    return rows


@dataclass
class WrittenSite:
    """A site with a hub, and the log of what it did."""

    site: Site = field(default_factory=Site)
    hub_key: PrivateKey = field(default_factory=generate_key)
    receipt_key: PrivateKey = field(default_factory=generate_key)
    rows: list[Row] = field(default_factory=list)
    certificate: x509.Certificate = field(init=False)
    receipt: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        """Believe, issue, receive: as a site does."""
        self.certificate = self.site.leaf(self.hub_key, HUB, Use.HUB_DATA)
        self.receipt = self.site.leaf(self.receipt_key, ServiceName("demo", "intake"), Use.RECEIPT)
        self.write("site", site_facts(self.site.bundle))
        self.write("issued", issued_facts(self.certificate, HUB, Use.HUB_DATA))

    def write(self, kind: str, facts: Mapping[str, Any]) -> None:
        """One more row."""
        before = self.rows[-1].hash if self.rows else START
        self.rows.append(make_row(before, len(self.rows) + 1, NOW_MS + len(self.rows), kind, facts))

    def receive(
        self, body: bytes, *, key: PrivateKey | None = None, certificate: x509.Certificate | None = None
    ) -> Evidence:
        """A batch comes an hour after the site began; gives what an auditor is handed later."""
        signed = sign_inside(key or self.hub_key, body, HUB.site, HUB.hub)
        der = certificate_bytes(certificate or self.certificate)
        self.write("received", received(der, signed))
        return Evidence(HUB.hub, signed)

    def checkpoint(self) -> SignedCheckpoint:
        """The signed word how many rows there are now."""
        last = self.rows[-1]
        told = Checkpoint("demo", last.number, last.hash, NOW_MS + HOUR_MS)
        return sign_checkpoint(self.receipt_key, certificate_bytes(self.receipt), told)


def received(certificate: bytes, signed: bytes, received_ms: int = NOW_MS + HOUR_MS) -> dict[str, Any]:
    """What the log says of one batch."""
    return received_facts(
        hub=HUB.hub,
        epoch=bytes(8),
        stream="urgent",
        head=1,
        chain=bytes(32),
        certificate=certificate,
        batches=[Received(1, signed, received_ms)],
    )
