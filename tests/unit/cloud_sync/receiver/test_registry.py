"""The registry over a real file: who is enrolled, which vouchers live, what was refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.registry import HubRow, Refusal, Registry
from zero_trust.lineage import Lineage
from zero_trust.policy import Standing
from zero_trust.voucher import VoucherRow

VOUCHER = VoucherRow("7K2M9QRS", "h-17", b"mac key", 9_000)
USED = replace(VOUCHER, request_hash=b"digest", answer=b"answer")
HUB = HubRow("abcdefghijk27", "h-17", b"identity", b"certificate", Standing.ENROLLED, "", 5_000, 5_000)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A store of its own."""
    connection = open_database(tmp_path / "lum.db")
    yield connection
    connection.close()


@pytest.fixture
def registry(db: sqlite3.Connection) -> Registry:
    """With one voucher in it."""
    registry = Registry(db, refusals_kept_max=3)
    registry.add_voucher(VOUCHER, 0)
    return registry


def test_enrolling_adds_the_hub_and_uses_the_voucher(registry: Registry) -> None:
    """Both are there afterwards, found by id and by identity."""
    registry.enrol(HUB, USED)

    assert registry.hub(HUB.hub) == registry.hub_with_identity(b"identity") == HUB
    assert registry.hubs() == [HUB]
    assert registry.standing(HUB.hub) is Standing.ENROLLED
    assert registry.voucher(VOUCHER.id) == USED


def test_enrolling_is_both_or_neither(registry: Registry) -> None:
    """An identity that is taken leaves the voucher as it was."""
    registry.enrol(HUB, VOUCHER)

    with pytest.raises(sqlite3.IntegrityError):
        registry.enrol(replace(HUB, hub="bbcdefghijk27"), USED)

    assert registry.voucher(VOUCHER.id) == VOUCHER
    assert registry.hubs() == [HUB]


def test_the_line_of_certificates_is_kept_with_the_standing(registry: Registry) -> None:
    """It begins with the enrolment; a renewal and its quarantine are written together; a release begins anew."""
    registry.enrol(HUB, USED)
    assert registry.line(HUB.hub) == Lineage(HUB.enrolled_at_ms)
    line = Lineage(6_000, b"s1", b"k1", b"c1", seen=True, previous=b"s0")

    registry.renewed(HUB.hub, line, "off", 6_000, b"newer")

    assert registry.line(HUB.hub) == line
    renewed = replace(HUB, data_certificate=b"newer")
    held = replace(renewed, standing=Standing.QUARANTINED, reason="off", standing_at_ms=6_000)
    assert registry.hub(HUB.hub) == held
    registry.release(HUB.hub, 7_000)
    assert registry.line(HUB.hub) == Lineage(7_000)
    assert registry.hub(HUB.hub) == replace(renewed, standing_at_ms=7_000)
    assert registry.line("x") is None


def test_a_store_from_before_has_a_line_for_each_hub(tmp_path: Path) -> None:
    """Nobody is held for having been enrolled long ago."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as old:
        for number, name in enumerate(("0001_registry", "0002_batches"), start=1):
            script = resources.files("cloud_sync.receiver.store").joinpath(f"migrations/{name}.sql")
            old.executescript(script.read_text())
            old.execute(f"PRAGMA user_version = {number}")
        old.execute("INSERT INTO hub VALUES ('a', 'h', x'01', x'02', 'revoked', 'lost', 3, 4)")
        old.commit()

    with closing(open_database(path)) as db:
        registry = Registry(db)
        assert registry.hub("a") == HubRow("a", "h", b"\1", b"\2", Standing.REVOKED, "lost", 3, 4)
        line = registry.line("a")
        assert line is not None
        assert line == Lineage(line.renewed_ms)
        assert line.renewed_ms > HUB.enrolled_at_ms


def test_what_is_not_there_is_none(registry: Registry) -> None:
    """Unknown hubs have no standing, unknown vouchers no row."""
    assert registry.hub("x") is None
    assert registry.hub_with_identity(b"") is None
    assert registry.standing("x") is None
    assert registry.voucher("x") is None


def test_revoking_keeps_the_hub_with_reason_and_time(registry: Registry) -> None:
    """An unknown hub cannot be revoked."""
    registry.enrol(HUB, USED)

    assert registry.stand(HUB.hub, Standing.REVOKED, "lost", 7_000)
    assert not registry.stand("x", Standing.REVOKED, "lost", 7_000)
    assert registry.hub(HUB.hub) == replace(
        HUB, standing=Standing.REVOKED, reason="lost", standing_at_ms=7_000
    )


def test_attempts_on_a_voucher_are_kept(registry: Registry) -> None:
    """Wrong codes and lock survive a restart, as they are in the file."""
    tried = replace(VOUCHER, wrong_codes=2, locked_until_ms=8_000)
    registry.update_voucher(tried)

    assert registry.voucher(VOUCHER.id) == tried


def test_the_last_refusals_are_kept_newest_first(registry: Registry) -> None:
    """Beyond the maximum the oldest go, and no text grows without bound."""
    for number in range(5):
        registry.refuse(number, "broker", "h" * 100, "hub-revoked", "x" * 1000)

    assert [refusal.at_ms for refusal in registry.refusals()] == [4, 3, 2]
    assert registry.refusals(1) == [Refusal(4, "broker", "h" * 64, "hub-revoked", "x" * 300)]
