"""Valid as received: proves years later, from the audit and a stored batch, that it was rightly believed. Pure.

    log intact -> batch in the log -> its certificate in the log of issuance -> chain valid when it came -> signature

So a certificate made with a stolen issuing key proves nothing: nobody here wrote down that it was issued.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from zero_trust.audit import Row
from zero_trust.bundle import believed_by, read_bundle
from zero_trust.credential import Use, certificate_bytes, certificate_key, load_certificate
from zero_trust.envelope import verify_inside
from zero_trust.errors import TrustError
from zero_trust.names import HubName, ServiceName
from zero_trust.policy import Standing
from zero_trust.reasons import Refused
from zero_trust.trust_set import TrustSet


@dataclass(frozen=True, slots=True)
class Received:
    """A batch as it was stored: sequence number, signed bytes, wall clock of its arrival."""

    seq: int
    signed: bytes
    received_ms: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an auditor is handed: a hub's signed bytes. Under which certificate they were believed, the log says."""

    hub: str
    signed: bytes


@dataclass(frozen=True, slots=True)
class Proven:
    """A batch that was valid as received."""

    hub: str
    seq: int
    received_ms: int
    row: int


@dataclass(frozen=True, slots=True)
class _Arrival:
    row: int
    hub: str
    certificate: str
    seq: int
    received_ms: int


@dataclass(slots=True)
class Record:
    """What an intact log says, as far as it matters for the batches that are to be proven.

    Attributes:
        arrivals: by SHA-256 of the signed batch.
        issued: row that says so and the certificate (DER), by its SHA-256; data certificates alone.
        standings: of each hub, rows and what they say, in order.
        bundles: that the site gave out, as it wrote them down; under which root is for the auditor to say.
    """

    arrivals: dict[str, _Arrival] = field(default_factory=dict)
    issued: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    standings: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    bundles: list[bytes] = field(default_factory=list)

    def standing(self, hub: str, row: int) -> str:
        """How ``hub`` stood when ``row`` was written."""
        before = [standing for number, standing in self.standings.get(hub, []) if number < row]
        return before[-1] if before else Standing.ENROLLED.value


def issued_facts(certificate: x509.Certificate, name: HubName | ServiceName, use: Use) -> dict[str, Any]:
    """What the log says of a certificate; one that batches are believed by stands there whole."""
    der = certificate_bytes(certificate)
    whole = {"der": base64.b64encode(der).decode()} if use is Use.HUB_DATA else {}
    return {
        **whole,
        "certificate": _digest(der),
        "name": name.uri,
        "use": use.name.lower().replace("_", "-"),
        "until_ms": int(certificate.not_valid_after_utc.timestamp() * 1000),
    }


def site_facts(bundle: bytes) -> dict[str, Any]:
    """What the log says of a bundle, by which the hubs of a site believe it: all of it.

    Raises:
        TrustError: ``answer-not-believed``: it is none.
    """
    trust = read_bundle(bundle).trust
    return {"site": trust.site, "version": trust.version, "bundle": base64.b64encode(bundle).decode()}


def received_facts(
    *,
    hub: str,
    epoch: bytes,
    stream: str,
    head: int,
    chain: bytes,
    certificate: bytes,
    batches: Sequence[Received],
) -> dict[str, Any]:
    """What the log says of new batches of one stream, and of the head that their receipt tells."""
    return {
        "hub": hub,
        "epoch": epoch.hex(),
        "stream": stream,
        "head": head,
        "chain": chain.hex(),
        "certificate": _digest(certificate),
        "batches": [[one.seq, _digest(one.signed), one.received_ms] for one in batches],
    }


def read_record(rows: Iterable[Row], wanted: AbstractSet[bytes]) -> Record:
    """Read what a log says of the signed batches ``wanted``. Whether it is intact is for the caller to check.

    Raises:
        TrustError: ``log-malformed``: a row does not say what rows of its kind say.
    """
    record, digests = Record(), {_digest(signed) for signed in wanted}
    for row in rows:
        try:
            _read_row(row, record, digests)
        except (LookupError, TypeError, ValueError, TrustError) as error:
            raise TrustError("log-malformed", f"row {row.number}") from error
    return record


def valid_as_received(
    evidence: Evidence, record: Record, *, trusts: Sequence[TrustSet], site: str
) -> Proven | Refused:
    """Prove one batch, or say where the proof breaks; ``trusts`` follow from the root that the auditor has."""
    arrival = record.arrivals.get(_digest(evidence.signed))
    if arrival is None or arrival.hub != evidence.hub:
        return Refused("batch-not-in-log", evidence.hub)
    issued, der = record.issued.get(arrival.certificate, (arrival.row, b""))
    if issued >= arrival.row:
        return Refused("certificate-not-in-issuance-log", evidence.hub)
    if record.standing(arrival.hub, arrival.row) == Standing.REVOKED.value:
        return Refused("hub-revoked", f"before row {arrival.row}")
    return _verified(evidence, der, arrival, trusts, site)


def _verified(
    evidence: Evidence, der: bytes, arrival: _Arrival, trusts: Sequence[TrustSet], site: str
) -> Proven | Refused:
    try:
        leaf = load_certificate(der)
        name = believed_by(trusts, leaf, Use.HUB_DATA, arrival.received_ms)
        if not isinstance(name, HubName) or name.hub != arrival.hub:
            return Refused("certificate-name-wrong", arrival.hub)
        verify_inside(certificate_key(leaf), evidence.signed, site, arrival.hub)
    except TrustError as error:
        return Refused(error.code, error.detail)
    return Proven(arrival.hub, arrival.seq, arrival.received_ms, arrival.row)


def _read_row(row: Row, record: Record, digests: AbstractSet[str]) -> None:
    match row.kind:
        case "issued" if "der" in (facts := row.facts):
            der = base64.b64decode(facts["der"])
            record.issued.setdefault(_digest(der), (row.number, der))
        case "received":
            _read_received(row, record, digests)
        case "standing":
            facts = row.facts
            record.standings.setdefault(facts["hub"], []).append((row.number, facts["standing"]))
        case "site":
            record.bundles.append(base64.b64decode(row.facts["bundle"]))
        case _:
            pass


def _read_received(row: Row, record: Record, digests: AbstractSet[str]) -> None:
    facts: Mapping[str, Any] = row.facts
    for seq, digest, received_ms in facts["batches"]:
        if digest in digests:
            arrival = _Arrival(row.number, facts["hub"], facts["certificate"], seq, received_ms)
            record.arrivals.setdefault(digest, arrival)


def _digest(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()
