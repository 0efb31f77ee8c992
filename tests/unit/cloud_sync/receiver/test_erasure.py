"""What is erased is gone, from the rows and from the bytes of the files; what must stay stays, and holds."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import State, Verdict
from cloud_sync.receiver import keeping
from cloud_sync.receiver.config import Retention
from cloud_sync.receiver.store.database import open_database, transaction
from cloud_sync.receiver.store.deletions import Order, broken_accounts, broken_deletion, deletions
from cloud_sync.receiver.store.erasure import FORGOTTEN, KEPT, STEP_ROWS, Erasure
from cloud_sync.receiver.store.homes import Judged
from cloud_sync.receiver.watch import look
from cloud_sync.wire.batch import Quantity
from tests.helpers.seeded_home import HUB, SeededHome, Told, event, sensor
from zero_trust.policy import Standing

NOW = 1_800_000_000_000
DAY = 86_400_000
NAME, WORD = "Sentinel-Bathroom-Door", "sentinel-word-that-was-said"
SAID = event("sentinel-kind")
ORDER = Order(NOW, "uid-0", "asked for")


@pytest.fixture
def home(tmp_path: Path) -> SeededHome:
    """One sensor with a name that can be searched for, and what it said."""
    home = SeededHome(tmp_path / "lum.db", NOW)
    tell(home)
    home.beat()
    look(home.homes, lambda: NOW)
    return home


def tell(home: SeededHome, quantity: Quantity = SAID, ago_ms: int = 0) -> None:
    """One more batch, received so long ago."""
    was, home.now_ms = home.now_ms, NOW - ago_ms
    home.tell([Told(sensor(1, NAME, "Bathroom"), [(quantity, WORD, 1_000)])])
    home.now_ms = was


def carry_out(home: SeededHome, steps: object) -> keeping.Erased:
    """As the commands do, without waiting."""
    return keeping.carry_out(home.db, steps, lambda _: None)  # type: ignore[arg-type]


def traces(home: SeededHome, *words: str) -> dict[str, int]:
    """How often each word stands in the bytes of the store's files."""
    bytes_ = b"".join(file.read_bytes() for file in home.path.parent.glob("lum.db*"))
    return {word: bytes_.count(word.encode()) for word in words}


def rows(home: SeededHome, table: str) -> int:
    """How many there are."""
    return int(home.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608


def test_every_table_about_a_home_or_hub_is_decided(home: SeededHome) -> None:
    """A new table must say whether forgetting a home empties it; there is no default."""
    about = {
        row["name"]
        for row in home.db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for column in home.db.execute(f"PRAGMA table_info({row['name']})")
        if column["name"] in {"home", "hub"}
    } | {"hub"}

    assert about == {portion.table for portion in FORGOTTEN} | set(KEPT)


def test_a_home_forgotten_after_its_hub_was_revoked_is_gone_from_every_byte(home: SeededHome) -> None:
    """Rows, file and log; the key, the hash and the record stay, and all chains hold."""
    with home.batches.transaction():
        home.batches.raise_incident(HUB, "readings-shed", WORD, NOW)
    home.registry.refuse(NOW, "intake", HUB, "batch-forked", "routine 7")
    home.registry.stand(HUB, Standing.REVOKED, "moved out", NOW)
    assert all(traces(home, NAME, WORD).values())

    erased = carry_out(home, Erasure(home.db).forget("margaret", ORDER))

    assert traces(home, NAME, WORD) == {NAME: 0, WORD: 0}
    assert (erased.batches, erased.readings, erased.traces) == (1, 1, "")
    assert {portion.table: rows(home, portion.table) for portion in FORGOTTEN} == dict.fromkeys(
        [portion.table for portion in FORGOTTEN], 0
    )
    left = home.db.execute("SELECT * FROM batch").fetchone()
    assert (left["seq"], left["digest"], left["signed"]) == (1, (1).to_bytes(32), b"")
    assert left["readings"] == left["received_ms"] == left["message_bytes"] == 0
    assert {(d.by, d.why, d.what, d.home) for d in deletions(home.db)} == {
        ("uid-0", "asked for", "home", "margaret")
    }
    assert broken_deletion(home.db) is None
    assert broken_accounts(home.db) == []


def test_a_living_home_keeps_what_its_next_batch_leans_on(home: SeededHome) -> None:
    """Its sensors stay known, so that a silent one stays missed; what they said goes."""
    home.db.execute("INSERT INTO epoch (hub, epoch, opened_ms) VALUES (?, ?, 0)", (HUB, bytes(8)))

    carry_out(home, Erasure(home.db).forget("margaret", ORDER))

    assert traces(home, WORD) == {WORD: 0}
    assert [rows(home, table) for table in ("manifest", "sensor", "anchor", "session")] == [1, 1, 1, 1]
    assert [rows(home, table) for table in ("last", "coverage", "span")] == [0, 0, 0]
    assert list(home.batches.stored()) == []


def test_what_reached_us_after_the_order_is_kept(home: SeededHome) -> None:
    """Forgetting looks back."""
    tell(home, ago_ms=-1)

    carry_out(home, Erasure(home.db).forget("margaret", ORDER))

    assert [row["seq"] for row in home.batches.stored()] == [2]


def test_another_home_is_not_touched(home: SeededHome) -> None:
    """Not a row."""
    before = "\n".join(home.db.iterdump())

    assert list(Erasure(home.db).forget("oak-lane", ORDER)) == []
    assert "\n".join(home.db.iterdump()) == before


def test_the_policy_erases_by_age_and_says_before_what_it_would(tmp_path: Path) -> None:
    """On the day, not before; an incident outlives the readings around it."""
    home = SeededHome(tmp_path / "lum.db", NOW)
    for ago_days in (100, 99):
        tell(home, ago_ms=ago_days * DAY + 1)
    with home.batches.transaction():
        home.batches.raise_incident(HUB, "readings-shed", "3 readings", NOW - 200 * DAY)
    before, erasure = keeping.before_ms(Retention(), NOW), Erasure(home.db)

    assert (erasure.due(before)["readings"].batches, erasure.due(before)["evidence"].rows) == (1, 0)
    carry_out(home, erasure.retain(before, ORDER))

    assert [row["seq"] for row in home.batches.stored()] == [2]
    assert rows(home, "incident") == 1
    assert erasure.due(before)["readings"].batches == 0
    assert [(d.what, d.home, d.batches) for d in deletions(home.db)][:1] == [("readings", "", 1)]


def test_each_kind_has_its_own_age(home: SeededHome) -> None:
    """Derived rows and evidence go later than readings."""
    for table, values in {
        "incident": "(1, 'h', 'readings-shed', '', 5)",
        "refusal": "(1, 5, 'intake', 'h', 'batch-forked', '')",
        "span": "('h', 1, 5)",
        "fork": "(1, 'h', x'00', 0, 1, x'00', x'0102', 5)",
        "gone": "('h', x'00', 0, 1, 2, x'00', 1, 3, 4, 4, x'0102', 5)",
    }.items():
        home.db.execute(f"INSERT INTO {table} VALUES {values}")  # noqa: S608
    held = {"readings": {"fork"}, "derived": {"span"}, "evidence": {"incident", "refusal", "gone"}}

    for what, tables in held.items():
        before = dict.fromkeys(held, 0) | {what: 6}
        counted = Erasure(home.db).due(before)[what].rows
        steps = list(Erasure(home.db).retain(before, ORDER))

        assert {step.what for step in steps} == {what}
        assert sum(step.rows for step in steps) == counted == len(tables)
    assert home.db.execute("SELECT signed, received_ms FROM fork").fetchone()["signed"] == b""
    assert home.db.execute("SELECT readings FROM gone").fetchone()["readings"] == 0


def test_a_home_whose_hub_left_long_ago_loses_what_was_derived(home: SeededHome) -> None:
    """The names of its sensors too."""
    home.registry.stand(HUB, Standing.REVOKED, "moved out", NOW - 401 * DAY)

    carry_out(home, Erasure(home.db).retain(keeping.before_ms(Retention(), NOW), ORDER))

    assert [rows(home, table) for table in ("sensor", "coverage", "session")] == [0, 0, 0]


def test_steps_are_small_and_what_was_cut_short_is_finished_next_time(home: SeededHome) -> None:
    """A crash between two steps loses nothing but time."""
    for _ in range(STEP_ROWS):
        tell(home)
    steps = Erasure(home.db).forget("margaret", ORDER)

    first = next(steps)
    del steps
    assert (first.batches, len(list(home.batches.stored()))) == (STEP_ROWS, 1)

    rest = list(Erasure(home.db).forget("margaret", replace(ORDER, at_ms=NOW + 1)))
    assert sum(step.batches for step in rest) == 1
    assert broken_deletion(home.db) is None


def test_a_verdict_reached_before_a_home_was_forgotten_is_not_written_after(home: SeededHome) -> None:
    """The watch may have read the home a moment before."""
    home.registry.stand(HUB, Standing.REVOKED, "moved out", NOW)
    carry_out(home, Erasure(home.db).forget("margaret", ORDER))

    verdict = Verdict(State.BLIND, Cause.HUB_SILENT, NOW)
    home.homes.write([Judged("margaret", sensor(1, NAME, "Bathroom").address, verdict)], NOW)

    assert rows(home, "coverage") == 0


def test_a_reader_without_end_is_told_of_and_holds_nobody_up(home: SeededHome) -> None:
    """The log cannot be emptied under it; what was erased is erased nevertheless."""
    home.registry.stand(HUB, Standing.REVOKED, "moved out", NOW)
    with closing(open_database(home.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM batch").fetchone()
        erased = carry_out(home, Erasure(home.db).forget("margaret", ORDER))

    assert "reads the store without end" in erased.traces
    assert traces(home, WORD)[WORD]
    with closing(open_database(home.path)) as db:
        keeping.carry_out(db, (), lambda _: None, rewrite=True)
    assert traces(home, NAME, WORD) == {NAME: 0, WORD: 0}


def test_a_store_too_large_to_rewrite_in_a_moment_is_said(
    home: SeededHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is for a quiet hour."""
    monkeypatch.setattr(keeping, "REWRITE_MAX_BYTES", 0)

    assert "--rewrite" in carry_out(home, Erasure(home.db).forget("margaret", ORDER)).traces


def test_an_altered_record_is_found(home: SeededHome) -> None:
    """Whoever it was that changed it."""
    carry_out(home, Erasure(home.db).forget("margaret", ORDER))
    with transaction(home.db):
        home.db.execute("UPDATE deletion SET by_whom = 'nobody' WHERE number = 1")

    assert broken_deletion(home.db) == 1


def test_a_restored_copy_forgets_again(home: SeededHome, tmp_path: Path) -> None:
    """A backup from before does not bring a home back, if the store it replaces can still be read."""
    copy = tmp_path / "copy.db"
    home.db.execute("VACUUM INTO ?", (os.fspath(copy),))
    carry_out(home, Erasure(home.db).forget("margaret", ORDER))
    orders = keeping.forgotten(home.path)

    with closing(open_database(copy)) as restored:
        assert keeping.forget_again(restored, orders or {}, lambda _: None) == ["margaret"]
        assert restored.execute("SELECT count(*) FROM batch WHERE erased IS NULL").fetchone()[0] == 0
        assert keeping.forget_again(restored, orders or {}, lambda _: None) == []
    (tmp_path / "broken.db").write_bytes(b"no database at all" * 100)
    assert keeping.forgotten(tmp_path / "broken.db") is None
