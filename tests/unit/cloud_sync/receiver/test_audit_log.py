"""The audit in the store: only ever appended to, checked before it is signed, carried over a restore."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cloud_sync.receiver.checkpoints import make
from cloud_sync.receiver.store.audit import NEWS_SPAN_MS, AuditLog, put_tail, tail_beyond
from cloud_sync.receiver.store.database import copy_database, open_database
from cloud_sync.receiver.store.registry import HubRow, Registry
from tests.helpers.trust import HUB, NOW_MS
from zero_trust.audit_check import SignedCheckpoint, check
from zero_trust.keys import PrivateKey, generate_key
from zero_trust.policy import Standing
from zero_trust.reasons import Refused
from zero_trust.voucher import VoucherRow

KEY: PrivateKey = generate_key()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A store of its own."""
    with closing(open_database(tmp_path / "lum.db")) as opened:
        yield opened


@pytest.fixture
def log(db: sqlite3.Connection) -> AuditLog:
    """A log of three rows."""
    log = AuditLog(db)
    for number in range(3):
        log.record(NOW_MS + number, "issued", {"certificate": str(number)})
    return log


def point(log: AuditLog) -> SignedCheckpoint | Refused | None:
    """A checkpoint, as the intake makes it."""
    return make(log, KEY, b"certificate", "demo", NOW_MS)


def force(db: sqlite3.Connection, statement: str) -> None:
    """What somebody can do who has the file: the store's own locks do not stop them."""
    for trigger in ("audit_stays", "audit_as_written"):
        db.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    db.execute(statement)


def test_rows_follow_from_each_other(log: AuditLog) -> None:
    """From whichever connection they come."""
    assert check(log.rows()).faults == ()
    assert log.head() == (3, log.newest(1)[0].hash)
    assert [row.number for row in log.newest(2, "issued")] == [3, 2]
    assert log.newest(2, "decision") == []


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM audit WHERE number = 2", "UPDATE audit SET facts = '{}'", "DELETE FROM audit"],
)
def test_the_store_itself_changes_no_row(db: sqlite3.Connection, log: AuditLog, statement: str) -> None:
    """A slip, or SQL put in through a hole, ends in an error."""
    with pytest.raises(sqlite3.IntegrityError, match="never"):
        db.execute(statement)

    assert log.head()[0] == 3


def test_the_same_news_is_written_once_in_a_while(log: AuditLog) -> None:
    """By number of the row that says it."""
    first = log.record_news(NOW_MS, "refused", {"code": "a"}, "key")
    again = log.record_news(NOW_MS + NEWS_SPAN_MS - 1, "refused", {"code": "a"}, "key")
    later = log.record_news(NOW_MS + NEWS_SPAN_MS, "refused", {"code": "a"}, "key")

    assert (first, again, later) == (4, 4, 5)


def test_what_a_site_believes_is_written_when_it_changes(log: AuditLog) -> None:
    """Each start says it; only a change is a row."""
    for data in ("a", "a", "b", "b", "a"):
        log.record_change(NOW_MS, "site", {"data": data})

    assert [row.facts["data"] for row in log.newest(9, "site")] == ["a", "b", "a"]


def test_a_checkpoint_is_made_when_there_is_something_new(log: AuditLog) -> None:
    """And says what there was."""
    first, none = point(log), point(log)
    log.record(NOW_MS, "issued", {"certificate": "4"})
    second = point(log)

    assert isinstance(first, SignedCheckpoint)
    assert none is None
    assert isinstance(second, SignedCheckpoint)
    assert (first.claimed.rows, second.claimed.rows) == (3, 4)
    assert log.checkpoints() == [first, second]


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE audit SET facts = '{}' WHERE number = 5", "log-row-altered"),
        ("DELETE FROM audit WHERE number = 4", "log-row-missing"),
        ("DELETE FROM audit WHERE number >= 3", "log-truncated"),
        ("UPDATE audit SET hash = zeroblob(32) WHERE number = 3", "log-rewritten"),
    ],
)
def test_a_broken_log_is_not_signed(db: sqlite3.Connection, log: AuditLog, statement: str, code: str) -> None:
    """A signature would make good what somebody altered."""
    point(log)
    for number in range(2):
        log.record(NOW_MS, "issued", {"certificate": f"later {number}"})
    force(db, statement)
    made = point(log)

    assert isinstance(made, Refused)
    assert made.code == code
    assert len(log.checkpoints()) == 1


def test_a_store_that_is_put_back_keeps_the_longer_log(
    db: sqlite3.Connection, log: AuditLog, tmp_path: Path
) -> None:
    """Rows and checkpoints since the copy stay, and the restore is a row."""
    copy_database(db, tmp_path / "copy.db")
    log.record(NOW_MS, "issued", {"certificate": "since"})
    made = point(log)
    with closing(open_database(tmp_path / "copy.db")) as copy:
        tail = tail_beyond(copy, db)
        copy_database(copy, tmp_path / "lum.db")
    put_tail(db, tail, NOW_MS)

    assert check(log.rows()).faults == ()
    assert [row.kind for row in log.rows()] == ["issued"] * 4 + ["restored"]
    assert log.newest(1)[0].facts == {"had": 4, "carried_over": 1}
    assert log.checkpoints() == [made]
    assert isinstance(point(log), SignedCheckpoint)


def test_a_copy_of_another_store_says_what_was_lost(
    db: sqlite3.Connection, log: AuditLog, tmp_path: Path
) -> None:
    """Its log goes on; the checkpoints of the lost one stay, and tell."""
    point(log)
    with closing(open_database(tmp_path / "other.db")) as other:
        AuditLog(other).record(NOW_MS, "issued", {"certificate": "other"})
        tail = tail_beyond(other, db)
        copy_database(other, tmp_path / "lum.db")
    put_tail(db, tail, NOW_MS)
    made = point(log)

    assert log.newest(1)[0].facts == {"had": 3, "carried_over": 0}
    assert isinstance(made, Refused)
    assert made.code == "log-truncated"


def test_the_registry_writes_down_what_it_changes(db: sqlite3.Connection) -> None:
    """Vouchers, enrolments, standing; strangers' refusals as one."""
    registry = Registry(db)
    voucher = VoucherRow("GE4DJ49T", "h-17", b"mac", 0)
    row = HubRow(HUB.hub, HUB.home, b"identity", b"certificate", Standing.ENROLLED, "", NOW_MS, NOW_MS)
    registry.add_voucher(voucher, NOW_MS)
    registry.enrol(row, voucher)
    registry.stand(HUB.hub, Standing.REVOKED, "lost", NOW_MS)
    registry.stand("bbcdefghijk27", Standing.REVOKED, "lost", NOW_MS)
    for hub in (HUB.hub, "a stranger", "another stranger"):
        registry.refuse(NOW_MS, "intake", hub, "hub-unknown")
    rows = list(registry.audit.rows())

    assert [row.kind for row in rows] == ["voucher", "enrolled", "standing", "refused", "refused"]
    assert rows[1].facts["voucher"] == "GE4DJ49T"
    assert rows[2].facts == {"hub": HUB.hub, "standing": "revoked", "reason": "lost"}
    assert "mac" not in "".join(row.text for row in rows)
    assert len(registry.refusals()) == 3
