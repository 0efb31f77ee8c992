"""Checkpoints of the audit: each hour the intake signs how many rows there are, once it has checked the new ones."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing

import structlog

from cloud_sync.receiver.config import ReceiverConfig
from cloud_sync.receiver.store.audit import AuditLog
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.database import open_database
from zero_trust.audit_check import Checkpoint, SignedCheckpoint, check, sign_checkpoint
from zero_trust.credential import certificate_bytes
from zero_trust.errors import TrustError
from zero_trust.keys import PrivateKey
from zero_trust.keystore import load_certificates, load_key
from zero_trust.reasons import Refused

PERIOD_S = 3600.0

_log = structlog.get_logger()


async def keep(config: ReceiverConfig) -> None:
    """Make one now and then every hour, until cancelled."""
    while True:
        await asyncio.to_thread(make_now, config)
        await asyncio.sleep(PERIOD_S)


def make_now(config: ReceiverConfig) -> None:
    """Sign a checkpoint of the log as it is; what keeps it from being signed is an incident."""
    now_ms = time.time_ns() // 1_000_000
    try:
        key, (leaf, *_) = (
            load_key(config.paths.intake / "receipt.key"),
            load_certificates(config.paths.intake / "receipt.crt"),
        )
        with closing(open_database(config.paths.store)) as db:
            made = make(AuditLog(db), key, certificate_bytes(leaf), config.site, now_ms)
            if isinstance(made, Refused):
                _log.error("audit.broken", reason_code=made.code, detail=made.detail)
                with (batches := Batches(db)).transaction():
                    batches.raise_incident("site", made.code, made.detail, now_ms)
    except (TrustError, sqlite3.Error) as error:
        _log.error("audit.no_checkpoint", error=str(error))


def make(
    audit: AuditLog, key: PrivateKey, certificate: bytes, site: str, now_ms: int
) -> SignedCheckpoint | Refused | None:
    """Check the rows since the last checkpoint and sign how many there are; None if there are none.

    A log that does not follow from its last checkpoint is not signed: that would make good what was altered.
    """
    last = audit.last_checkpoint()
    after = last.claimed if last else None
    if after is not None:
        row = audit.row(after.rows)
        if row is None:
            told = f"it has {audit.head()[0]} rows, the checkpoint tells of {after.rows}"
            return Refused("log-truncated", told)
        if row.hash != after.hash:
            return Refused("log-rewritten", f"somewhere in rows 1 to {after.rows}")
    checked = check(audit.rows(after.rows if after else 0), after=after)
    if checked.faults:
        return checked.faults[0]
    if checked.rows == (after.rows if after else 0):
        return None
    made = sign_checkpoint(key, certificate, Checkpoint(site, checked.rows, checked.head, now_ms))
    audit.add_checkpoint(made)
    return made
