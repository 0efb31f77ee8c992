"""Attacks on the audit: rows altered, taken out, exchanged, written anew, cut off; checkpoints forged.

Whoever holds the store can write into it what he likes. What an auditor has been handed before tells it from what was.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

import msgspec

from hil_tests.attack.attack import BrokenError, Family, Said
from hil_tests.attack.auditor import TAMPERED, Handed, handed_over, verified
from hil_tests.attack.pen import now_ms
from hil_tests.attack.target import Target
from hil_tests.rig.site import SITE_NAME
from zero_trust import keys
from zero_trust.audit import START, Row, make_row
from zero_trust.audit_check import Checkpoint, SignedCheckpoint, sign_checkpoint
from zero_trust.audit_file import write_log
from zero_trust.authority import SERIAL_BYTES, issue
from zero_trust.credential import Use, certificate_bytes
from zero_trust.names import ServiceName

attack = Family("audit")


async def _tampered(site: Target, change: Callable[[list[Row]], Sequence[Row]]) -> Said:
    """The rows of the log are changed, and its own checkpoints left out."""
    handed = await handed_over(site)
    site.begin()
    read = handed.read()
    log = site.directory / f"tampered-{time.monotonic_ns()}.jsonl"
    log.write_text("".join(f"{line}\n" for line in write_log(SITE_NAME, change(read.rows), [])))
    return await verified(site, log, handed)


def _anew(rows: Sequence[Row]) -> list[Row]:
    """The same facts as one chain that holds."""
    made: list[Row] = []
    for row in rows:
        before = made[-1].hash if made else START
        made.append(make_row(before, len(made) + 1, row.at_ms, row.kind, row.facts))
    return made


def _edited(row: Row) -> Row:
    return replace(row, text=msgspec.json.encode({**row.facts, "by": "nobody"}, order="sorted").decode())


@attack("audit-row-altered", "log-row-altered", heard=TAMPERED)
async def altered(site: Target) -> Said:
    """One row is edited."""
    return await _tampered(site, lambda rows: [*rows[:2], _edited(rows[2]), *rows[3:]])


@attack("audit-row-taken-out", "log-row-missing", heard=TAMPERED)
async def taken_out(site: Target) -> Said:
    """One row is taken out."""
    return await _tampered(site, lambda rows: [*rows[:2], *rows[3:]])


@attack("audit-rows-exchanged", "log-row-missing", heard=TAMPERED)
async def exchanged(site: Target) -> Said:
    """Two rows change places, so that a look seems to come before its grant."""
    return await _tampered(site, lambda rows: [*rows[:2], rows[3], rows[2], *rows[4:]])


@attack("audit-cut-off", "log-truncated", heard=TAMPERED)
async def cut_off(site: Target) -> Said:
    """The end is cut off, as if the last things had never been."""
    return await _tampered(site, lambda rows: rows[:3])


@attack("audit-written-anew", "log-rewritten", heard=TAMPERED)
async def written_anew(site: Target) -> Said:
    """One row is edited and all hashes after it made anew: only a checkpoint that somebody else has tells."""
    return await _tampered(site, lambda rows: _anew([*rows[:2], _edited(rows[2]), *rows[3:]]))


@attack("checkpoint-forged", "checkpoint-not-believed", heard=TAMPERED)
async def forged_checkpoint(site: Target) -> Said:
    """A log written anew comes with a checkpoint that fits it, signed by a key of somebody's own."""
    return await _certified_by(site, "tls-ca", "intake")


@attack("checkpoint-by-another-service", "checkpoint-not-believed", heard=TAMPERED)
async def other_service(site: Target) -> Said:
    """The same with a receipt certificate of another service."""
    return await _certified_by(site, "data-ca", "portal")


async def _certified_by(site: Target, authority: str, service: str) -> Said:
    """A checkpoint by a key that this stolen authority says is the service's."""
    handed = await handed_over(site)
    key = keys.generate_key()
    certificate = issue(
        site.stolen(authority),
        key.public_key(),
        name=ServiceName(SITE_NAME, service),
        use=Use.RECEIPT,
        now_ms=now_ms(),
        serial=os.urandom(SERIAL_BYTES),
    )
    return await _with_checkpoint(site, handed, key, certificate_bytes(certificate))


async def _with_checkpoint(site: Target, handed: Handed, key: keys.PrivateKey, certificate: bytes) -> Said:
    site.begin()
    rows = handed.read().rows
    told = Checkpoint(SITE_NAME, len(rows), rows[-1].hash, now_ms())
    forged: SignedCheckpoint = sign_checkpoint(key, certificate, told)
    log = site.directory / f"tampered-{time.monotonic_ns()}.jsonl"
    log.write_text("".join(f"{line}\n" for line in write_log(SITE_NAME, rows, [forged])))
    return await verified(site, log, handed)


@attack("audit-row-updated-in-place", "", heard="rows of the audit are never changed")
async def updated(site: Target) -> Said:
    """An UPDATE on the living store, by a hand that means no harm or little."""
    return _in_place(site, "UPDATE audit SET facts = '{}' WHERE number = 1")


@attack("audit-row-deleted-in-place", "", heard="rows of the audit are never deleted")
async def deleted(site: Target) -> Said:
    """A DELETE on the living store."""
    return _in_place(site, "DELETE FROM audit WHERE number = 1")


def _in_place(site: Target, statement: str) -> Said:
    with closing(sqlite3.connect(site.store, timeout=10)) as db:
        try:
            db.execute(statement)
        except sqlite3.DatabaseError as error:
            return Said(str(error), "the row stands as it was")
    raise BrokenError("The store let it happen.")
