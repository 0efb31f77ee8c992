"""The audit as an auditor meets it: exported, checked elsewhere, tampered with; batches proven, forged ones not."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cloud_sync.receiver import checkpoints
from cloud_sync.receiver.intake.nats import intake_keys
from cloud_sync.receiver.service import Incoming, Service
from cloud_sync.receiver.store.audit import AuditLog
from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.store.database import copy_database, open_database
from cloud_sync.receiver.store.registry import Registry
from cloud_sync.wire import message as wire
from cloud_sync.wire.batch import Anchor, Batch, Contract, Quality, Quantity, Reading, Sensor, Stream, encode
from edge_agent.adapters.identity import HubIdentity
from tests.helpers.site_process import SiteProcess, site_process
from tests.helpers.trust import serial
from zero_trust.audit_file import write_evidence, write_log
from zero_trust.authority import Issuer, issue
from zero_trust.credential import Use, certificate_bytes
from zero_trust.envelope import seal, sign_inside
from zero_trust.evidence import Evidence, Received, received_facts
from zero_trust.keys import generate_key
from zero_trust.keystore import load_certificates, load_key
from zero_trust.names import HubName

DOOR = Sensor("C0:00:00:00:00:01", "door", "Hall", "bthome_v2", Contract.HEARTBEAT, 3600, "entrance")


@dataclass
class Audited:
    """A running site with a hub of which it has received batches, and what an auditor was handed."""

    site: SiteProcess
    hub: HubIdentity
    log: Path
    evidence: Path
    checkpoint: Path

    def verify(self, *arguments: str | Path, **more: Path) -> tuple[int, dict[str, Any]]:
        """``lum-trust audit verify --json``: exit code and answer."""
        options = [part for name, path in more.items() for part in (f"--{name}", str(path))]
        root = ["--root", str(self.site.directory / "root" / "root.crt")]
        said = run("lum-trust", "audit", "verify", *map(str, arguments), *options, *root, "--json")
        return said.returncode, json.loads(said.stdout)


def run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One of Lum's commands."""
    return subprocess.run(
        [Path(sys.executable).parent / command, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def deliver(site: SiteProcess, hub: HubIdentity, count: int) -> None:
    """So many batches come from the hub, and the hour is full."""
    now_ms = time.time_ns() // 1_000_000
    with closing(open_database(site.config.paths.store)) as db:
        keys = intake_keys(site.config.paths.intake, now_ms)
        service = Service(site.config.site, keys, Registry(db), Batches(db))
        for seq in range(1, count + 1):
            batch = Batch(
                "demo",
                hub.hub,
                bytes(8),
                Stream.URGENT,
                seq,
                bytes(16),
                100_000 + seq,
                Anchor(now_ms, 100_000, Quality.SYNCED),
                sensors=(DOOR,),
                quantities=(Quantity("door", "", 0, "boolean", 0),),
                readings=(Reading(0, 0, 100_000, 1),),
            )
            signed = sign_inside(hub.data_key, encode(batch, None).body, "demo", hub.hub)
            sealed = wire.framed(wire.Kind.BATCH, seal(signed, keys.site.public_key(), hub.hub))
            service.take([Incoming(hub.hub, sealed, now_ms + seq)])
    checkpoints.make_now(site.config)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    """All that an auditor needs, as the commands give it."""
    directory = tmp_path_factory.mktemp("audited")
    with site_process(directory / "demo") as site:
        hub = site.enrol("h-17")
        deliver(site, hub, 3)
        log, evidence, kept = (directory / name for name in ("log.jsonl", "evidence.jsonl", "kept.txt"))
        exported = run("lum-trust", "audit", "export", str(log), "--dir", str(site.directory))
        config = str(site.directory / "receiver.toml")
        handed = run("lum-receiver", "evidence", str(evidence), "--home", "h-17", "--config", config)
        kept.write_text(run("lum-trust", "audit", "checkpoint", "--dir", str(site.directory)).stdout)
        assert (exported.returncode, handed.returncode) == (0, 0), exported.stderr + handed.stderr
        yield Audited(site, hub, log, evidence, kept)


def test_batches_are_proven_from_files_alone(audited: Audited) -> None:
    """Log, evidence, a checkpoint kept elsewhere and the root: no site needs to run."""
    status, found = audited.verify(audited.log, evidence=audited.evidence, checkpoint=audited.checkpoint)

    assert (status, found["faults"], found["proven"]) == (0, [], 3)
    assert found["checkpoints"] == 1
    assert audited.log.stat().st_mode & 0o077 == audited.evidence.stat().st_mode & 0o077 == 0


def test_a_running_site_is_checked_as_well(audited: Audited) -> None:
    """And tells of issuance, of batches and of the look that took the evidence."""
    directory = ("--dir", str(audited.site.directory))
    verified = run("lum-trust", "audit", "verify", *directory)
    shown = run("lum-trust", "audit", "show", "--kind", "decision", "--last", "1", *directory)
    everything = run("lum-trust", "audit", "show", "--json", "--last", "1000", *directory)

    assert verified.returncode == 0
    assert "no faults" in verified.stdout
    assert "read home h-17 for audit: allowed all" in shown.stdout
    kinds = {row["kind"] for row in json.loads(everything.stdout)}
    assert {"site", "voucher", "issued", "enrolled", "received", "decision", "book"} <= kinds


def test_a_forged_batch_is_not_proven(audited: Audited, tmp_path: Path) -> None:
    """Made with the site's own data authority, stolen: not in the log; with an insider's row, not in issuance."""
    site, thief = audited.site, generate_key()
    authority = site.config.paths.authority
    stolen = Issuer(load_certificates(authority / "data-ca.crt")[0], load_key(authority / "data-ca.key"))
    now_ms = time.time_ns() // 1_000_000
    name = HubName("demo", "h-17", audited.hub.hub)
    forged = issue(stolen, thief.public_key(), name=name, use=Use.HUB_DATA, now_ms=now_ms, serial=serial())
    evidence = Evidence(name.hub, sign_inside(thief, b"forged", "demo", name.hub))
    (tmp_path / "forged.jsonl").write_text(write_evidence(evidence) + "\n")
    status, found = audited.verify(audited.log, evidence=tmp_path / "forged.jsonl")

    assert (status, codes(found)) == (65, ["batch-not-in-log"])
    copy_database(open_database(site.config.paths.store), tmp_path / "lum.db")
    with closing(open_database(tmp_path / "lum.db")) as db:
        facts = received_facts(
            hub=name.hub,
            epoch=bytes(8),
            stream="urgent",
            head=4,
            chain=bytes(32),
            certificate=certificate_bytes(forged),
            batches=[Received(4, evidence.signed, now_ms)],
        )
        AuditLog(db).record(now_ms, "received", facts)
        lines = exported(db)
    (tmp_path / "log.jsonl").write_text(lines)
    status, found = audited.verify(
        tmp_path / "log.jsonl", evidence=tmp_path / "forged.jsonl", checkpoint=audited.checkpoint
    )

    assert (status, codes(found)) == (65, ["certificate-not-in-issuance-log"])


@pytest.mark.parametrize(
    ("statement", "code", "named"),
    [
        ("DELETE FROM audit WHERE number = 4", "log-row-missing", "row 4"),
        ("UPDATE audit SET facts = '{}' WHERE number = 4", "log-row-altered", "row 4, or row 3"),
        ("DELETE FROM audit WHERE number > 4", "log-truncated", "it has 4 rows, the checkpoint tells of"),
    ],
)
def test_what_was_done_to_the_store_is_named(
    audited: Audited, tmp_path: Path, statement: str, code: str, named: str
) -> None:
    """A row taken out, a row edited, the end cut off: which, and how many."""
    copy_database(open_database(audited.site.config.paths.store), tmp_path / "lum.db")
    with closing(open_database(tmp_path / "lum.db")) as db:
        for trigger in ("audit_stays", "audit_as_written"):
            db.execute(f"DROP TRIGGER {trigger}")
        db.execute(statement)
        (tmp_path / "log.jsonl").write_text(exported(db))
    status, found = audited.verify(tmp_path / "log.jsonl", checkpoint=audited.checkpoint)

    assert status == 65
    assert codes(found) == [code]
    assert found["faults"][0]["detail"].startswith(named)


@pytest.mark.parametrize("text", ["", "{}\n", '{"format":"lum-audit-9","site":"demo"}\n', "no JSON\n"])
def test_a_file_that_is_no_log_is_a_sentence(audited: Audited, tmp_path: Path, text: str) -> None:
    """With the number of the line."""
    (tmp_path / "log.jsonl").write_text(text)
    said = run(
        "lum-trust",
        "audit",
        "verify",
        str(tmp_path / "log.jsonl"),
        "--root",
        str(audited.site.directory / "root" / "root.crt"),
    )

    assert said.returncode == 65
    assert "lum-trust: This is not a file of the audit or of evidence (line 1: " in said.stderr
    assert "[LMAL, log-malformed]" in said.stderr


def exported(db: sqlite3.Connection) -> str:
    """What an export of the store would hold, checkpoints aside."""
    return "".join(f"{line}\n" for line in write_log("demo", AuditLog(db).rows(), []))


def codes(found: dict[str, Any]) -> list[str]:
    """The codes of all faults."""
    return [fault["code"] for fault in found["faults"]]
