"""Attacks on evidence: batches back-dated with a stolen issuing key, never received, altered, of a revoked hub."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

import msgspec

from hil_tests.attack.attack import Family, Said
from hil_tests.attack.auditor import TAMPERED, Handed, handed_over, verified
from hil_tests.attack.pen import now_ms
from hil_tests.attack.target import Target
from hil_tests.rig.site import SITE_NAME
from zero_trust import keys
from zero_trust.audit import Row, make_row
from zero_trust.audit_file import write_evidence, write_log
from zero_trust.authority import SERIAL_BYTES, issue
from zero_trust.credential import Use, certificate_bytes
from zero_trust.envelope import sign_inside
from zero_trust.evidence import Evidence, Received, issued_facts, received_facts

attack = Family("audit")


@attack("stolen-authority-back-dates", "certificate-not-in-issuance-log", heard=TAMPERED)
async def back_dated(site: Target) -> Said:
    """With the stolen data authority a certificate is made, a batch signed, and a row of its receipt added to the log."""
    return await _forged_batch(site, issued_after=False)


@attack("stolen-authority-adds-the-issue-later", "certificate-not-in-issuance-log", heard=TAMPERED)
async def issued_later(site: Target) -> Said:
    """The same, and a row that says that the certificate was issued here: it stands after the batch."""
    return await _forged_batch(site, issued_after=True)


async def _forged_batch(site: Target, *, issued_after: bool) -> Said:
    handed = await handed_over(site)
    pen, key = handed.pen, keys.generate_key()
    forged = issue(
        site.stolen("data-ca"),
        key.public_key(),
        name=pen.name,
        use=Use.HUB_DATA,
        now_ms=now_ms(),
        serial=os.urandom(SERIAL_BYTES),
    )
    evidence = Evidence(pen.hub, sign_inside(key, b"forged", pen.site, pen.hub))
    rows = _with(handed.read().rows, "received", _received(evidence, certificate_bytes(forged)))
    if issued_after:
        rows = _with(rows, "issued", issued_facts(forged, pen.name, Use.HUB_DATA))
    return await _proven(site, handed, rows, evidence)


@attack("batch-after-its-hub-was-revoked", "hub-revoked", heard=TAMPERED)
async def after_revocation(site: Target) -> Said:
    """A stolen hub's batch is added to the log after the row that revoked it."""
    handed = await handed_over(site)
    pen = handed.pen
    [(der,)] = site.rows("SELECT data_certificate FROM hub WHERE id = ?", pen.hub)
    evidence = Evidence(pen.hub, pen.signed(b"later"))
    revoked = {"hub": pen.hub, "standing": "revoked", "reason": "stolen"}
    rows = _with(handed.read().rows, "standing", revoked)
    return await _proven(site, handed, _with(rows, "received", _received(evidence, der)), evidence)


@attack("batch-that-never-came", "batch-not-in-log", heard=TAMPERED)
async def never_came(site: Target) -> Said:
    """A batch that a hub has signed, and that this site never received, is handed in as evidence."""
    handed = await handed_over(site)
    return await _proven(
        site, handed, handed.read().rows, Evidence(handed.pen.hub, handed.pen.signed(b"never"))
    )


@attack("evidence-altered", "batch-not-in-log", heard=TAMPERED)
async def evidence_altered(site: Target) -> Said:
    """One byte of a stored batch is changed before it is handed in."""
    handed = await handed_over(site)
    first = handed.evidence.read_text().splitlines()[0]
    facts = msgspec.json.decode(first)
    facts["signed"] = ("B" if facts["signed"][40] != "B" else "C").join(
        [facts["signed"][:40], facts["signed"][41:]]
    )
    site.begin()
    file = site.directory / f"altered-{time.monotonic_ns()}.jsonl"
    file.write_text(msgspec.json.encode(facts).decode() + "\n")
    return await verified(site, handed.log, handed, file)


async def _proven(site: Target, handed: Handed, rows: Sequence[Row], evidence: Evidence) -> Said:
    """A log that holds, and one batch that it is to prove."""
    site.begin()
    log = site.directory / f"tampered-{time.monotonic_ns()}.jsonl"
    log.write_text("".join(f"{line}\n" for line in write_log(SITE_NAME, rows, [])))
    file = log.with_suffix(".evidence")
    file.write_text(write_evidence(evidence) + "\n")
    return await verified(site, log, handed, file)


def _with(rows: Sequence[Row], kind: str, facts: Mapping[str, object]) -> list[Row]:
    """One more row at the end."""
    last = rows[-1]
    return [*rows, make_row(last.hash, last.number + 1, now_ms(), kind, facts)]


def _received(evidence: Evidence, certificate: bytes) -> Mapping[str, object]:
    """What the log would say of that batch's receipt."""
    return received_facts(
        hub=evidence.hub,
        epoch=bytes(8),
        stream="urgent",
        head=9,
        chain=bytes(32),
        certificate=certificate,
        batches=[Received(9, evidence.signed, now_ms())],
    )
