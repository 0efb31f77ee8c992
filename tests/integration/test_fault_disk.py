"""Disks that lose, fill, refuse and rot do so demonstrably; what the hub has committed survives them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from hil_tests.rig.disk import PAGE_BYTES, LossyDisk, Rot, SmallDisk, corrupt
from hil_tests.rig.durability import Durability
from hil_tests.rig.errors import RigError
from hil_tests.rig.injection import Injection, injected

ROWS = 50
SUBJECT_WAIT_S = 30.0
PRESS_PERIOD_S = 0.3  # time to send one before the next, so that some are stored when death comes
WRITER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA synchronous = " + sys.argv[2])
db.execute("CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY)")
for number in range(int(sys.argv[3])):
    db.execute("INSERT INTO row VALUES (?)", (number,))
    print(number, flush=True)
sys.stdin.read()
"""

root = pytest.mark.skipif(os.geteuid() != 0, reason="a mount of its own needs root")


# What a cut takes: files and names, without any mount


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """A directory in which everything is synced so far: one file, one directory."""
    for name in ("live", "graves", "live/room"):
        (tmp_path / name).mkdir()
    (tmp_path / "live" / "old").write_bytes(b"old content")
    return tmp_path / "live"


@contextlib.contextmanager
def _open(path: Path, flags: int = os.O_RDWR) -> Iterator[int]:
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def test_data_is_safe_from_its_sync_on(live: Path) -> None:
    """What was written before stays, what came after goes, whatever it did to the file's length."""
    disk = Durability(live, live.parent / "graves")
    with _open(live / "old") as file:
        disk.writing(file, 0, 3)
        os.pwrite(file, b"NEW", 0)
        disk.synced(file)
        disk.writing(file, 4, 20)
        os.pwrite(file, bytes(20), 4)
        disk.truncating(file, 2)
        os.ftruncate(file, 2)
    lost = disk.cut()

    assert (live / "old").read_bytes() == b"NEW content"
    assert (lost.bytes, lost.files, lost.names, lost.fired()) == (20, ("old",), (), True)
    assert not disk.cut().fired()


@pytest.mark.parametrize("synced", [False, True])
def test_names_are_safe_from_the_sync_of_their_directory_on(live: Path, synced: bool) -> None:
    """A creation, a removal, a renaming over something else, a new directory: all stay, or none."""
    disk = Durability(live, live.parent / "graves")
    before = _tree(live)

    disk.renaming(live / "draft")
    (live / "draft").write_bytes(b"new content")
    for name in ("draft", "old"):
        disk.renaming(live / name)
    (live / "draft").rename(live / "old")
    for path in (live / "hall", live / "hall" / "lamp"):
        disk.renaming(path)
        path.mkdir()
    disk.renaming(live / "room")
    (live / "room").rmdir()
    after = _tree(live)
    if synced:
        disk.directory_synced(live)
        disk.directory_synced(live / "hall")
    lost = disk.cut()

    assert _tree(live) == (after if synced else before)
    assert sorted(lost.names) == ([] if synced else ["hall", "old", "room"])


def _tree(top: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(top)): None if path.is_dir() else path.read_bytes() for path in top.rglob("*")
    }


# The mount


@pytest_asyncio.fixture
async def disk(tmp_path: Path) -> AsyncIterator[LossyDisk]:
    """A lossy disk."""
    async with LossyDisk(tmp_path / "disk") as mounted:
        yield mounted


async def _killed_after(rows: int, words: Sequence[str]) -> int:
    """Run the writer until it has acknowledged so many rows, or ended; then SIGKILL. Returns what it acknowledged."""
    writer = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert writer.stdout is not None
    acknowledged = 0
    async with asyncio.timeout(SUBJECT_WAIT_S):
        while acknowledged < rows and await writer.stdout.readline():
            acknowledged += 1
        with contextlib.suppress(ProcessLookupError):
            writer.kill()
        await writer.communicate()
    return acknowledged


def _writer(file: Path, synchronous: str, rows: int = ROWS) -> list[str]:
    return [sys.executable, "-c", WRITER, str(file), synchronous, str(rows)]


def _rows(file: Path) -> int:
    """How many rows are left; 0 if not even the table is."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = database.execute("SELECT name FROM sqlite_master").fetchall()
        return int(database.execute("SELECT count(*) FROM row").fetchone()[0]) if tables else 0


@pytest.mark.needs("fusermount3")
@pytest.mark.parametrize(("synchronous", "left"), [("FULL", ROWS), ("NORMAL", 0)])
async def test_the_disk_loses_what_was_not_synced_and_nothing_else(
    disk: LossyDisk, synchronous: str, left: int
) -> None:
    """SQLite that syncs each commit keeps every acknowledged row; one that does not keeps none."""
    file = disk.path / "rows.db"
    assert await _killed_after(ROWS, _writer(file, synchronous)) == ROWS
    lost = await disk.cut()

    assert lost.fired()
    assert ("rows.db-wal" in lost.files) == (synchronous == "NORMAL")
    assert await asyncio.to_thread(_rows, file) == left


@pytest.mark.needs("fusermount3")
async def test_a_disk_that_lies_loses_what_it_had_confirmed(disk: LossyDisk) -> None:
    """Rows that were synced before it began to lie are there, no other; and it counts its lies."""
    file = disk.path / "rows.db"
    await _killed_after(ROWS, _writer(file, "FULL"))
    await disk.lie()
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database:
        for pragma in ("wal_autocheckpoint = 0", "synchronous = FULL"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("INSERT INTO row SELECT id + ? FROM row", (ROWS,))
    lost = await disk.cut()

    assert lost.lies > 0
    assert await asyncio.to_thread(_rows, file) == ROWS


@pytest.mark.needs("fusermount3")
async def test_a_disk_in_use_is_not_cut(disk: LossyDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rig's own mistake is told in a sentence, with what to do."""
    monkeypatch.setattr("hil_tests.rig.disk.CLOSE_WAIT_S", 0.1)
    in_use = _open(disk.path / "file", os.O_RDWR | os.O_CREAT)
    with in_use, pytest.raises(RigError, match="1 files are open") as error:
        await disk.cut()
    assert "Kill" in error.value.hint


@pytest.mark.needs("fusermount3")
@pytest.mark.parametrize(("verb", "error"), [("turn_read_only", errno.EROFS), ("wear_out", errno.EIO)])
async def test_a_disk_that_takes_no_changes(disk: LossyDisk, verb: str, error: int) -> None:
    """Open files are met too; reading goes on; it heals; a fault that met nobody has not fired."""
    with _open(disk.path / "file", os.O_RDWR | os.O_CREAT) as file:
        os.write(file, b"kept")
        await getattr(disk, verb)()
        assert not (await disk.heal()).fired()
        await getattr(disk, verb)()
        for change in (partial(os.write, file, b"x"), partial(os.fsync, file), (disk.path / "file").unlink):
            with pytest.raises(OSError, match=os.strerror(error)):
                change()
        assert os.pread(file, 10, 0) == b"kept"
        seen = await disk.heal()
        assert (seen.error, seen.fired()) == (error, True)
        os.write(file, b" on")
    assert (disk.path / "file").read_bytes() == b"kept on"


@pytest.mark.needs("fusermount3")
async def test_nothing_stays_mounted(tmp_path: Path) -> None:
    """After the block, the mount point is a plain directory again."""
    async with LossyDisk(tmp_path) as disk:
        assert disk.path.is_mount()
    assert not disk.path.is_mount()


@root
async def test_a_small_disk_fills_and_empties(tmp_path: Path) -> None:
    """Full means that not one more byte is taken."""
    async with SmallDisk(tmp_path / "small", 256 * 1024) as disk:
        file = disk.path / "file"
        file.write_bytes(b"before")
        filled = disk.fill()
        assert (filled.fired(), filled.error, filled.free_bytes) == (True, errno.ENOSPC, 0)
        with pytest.raises(OSError, match="No space left"):
            (disk.path / "more").write_bytes(bytes(PAGE_BYTES))
        disk.empty()
        file.write_bytes(bytes(PAGE_BYTES))
    assert not (tmp_path / "small").is_mount()


@pytest.mark.parametrize("rot", Rot)
def test_rot_hits_the_pages_it_names(tmp_path: Path, rot: Rot) -> None:
    """The seed decides which; all else stays as it was."""
    file = tmp_path / "file"
    content = bytes(range(1, 256)) * 200
    file.write_bytes(content)
    damage = corrupt(file, 7, pages=2, rot=rot)

    changed = file.read_bytes()
    pages = {at // PAGE_BYTES for at in range(len(content)) if changed[at] != content[at]}
    assert (tuple(sorted(pages)), damage.fired(), len(changed)) == (damage.pages, True, len(content))
    file.write_bytes(content)
    assert corrupt(file, 7, pages=2, rot=rot) == damage


def test_what_is_not_there_does_not_rot(tmp_path: Path) -> None:
    """Names the file; and zeros that are zeroed have not been damaged."""
    with pytest.raises(RigError, match="nothing"):
        corrupt(tmp_path / "nothing", 1)
    (tmp_path / "zeros").write_bytes(bytes(PAGE_BYTES))
    assert not corrupt(tmp_path / "zeros", 1, rot=Rot.ZEROED).fired()


# System calls that fail, and that kill


@pytest.mark.needs("strace")
async def test_a_sync_that_fails_is_not_acknowledged(tmp_path: Path) -> None:
    """EIO at the tenth sync: the writer ends there, and the log says which call it was."""
    fault = Injection(("fdatasync",), tmp_path / "log", error="EIO", when="10+")
    acknowledged = await _killed_after(ROWS, fault.wrapping().command(_writer(tmp_path / "rows.db", "FULL")))
    seen = fault.evidence()

    assert (seen.fired(), seen.error, set(seen.calls)) == (True, "EIO", {"fdatasync"})
    assert seen.seen >= 10
    assert 0 < acknowledged < ROWS
    assert await asyncio.to_thread(_rows, tmp_path / "rows.db") >= acknowledged


@pytest.mark.needs("strace", "fusermount3")
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
@pytest.mark.parametrize("when", [5, 12])
async def test_death_and_a_power_cut_at_a_chosen_call(
    disk: LossyDisk, tmp_path: Path, call: str, when: int
) -> None:
    """Killed at that write or sync with the power gone: every acknowledged row is there."""
    fault = Injection((call,), tmp_path / "log", when=str(when))
    file = disk.path / "rows.db"
    acknowledged = await _killed_after(ROWS, fault.wrapping().command(_writer(file, "FULL")))
    await disk.cut()

    assert fault.evidence().calls == (call,)
    assert acknowledged < ROWS
    assert acknowledged <= await asyncio.to_thread(_rows, file) <= acknowledged + 1


def test_a_fault_that_did_not_fire_says_so() -> None:
    """No injection in the log, an earlier death, or none at all: nothing is claimed."""
    sync = "12  fdatasync(3)    = 0"
    deadly = "12  fdatasync(3)    = ?"
    death = "12  +++ killed by SIGKILL +++"
    eio = "12  fdatasync(3)    = -1 EIO (Input/output error) (INJECTED)"
    assert injected([sync, eio], "EIO").calls == ("fdatasync",)
    assert injected([sync, sync], "EIO").fired() is False
    assert injected([sync, deadly, death], "SIGKILL", 2).calls == ("fdatasync",)
    assert injected([sync, deadly, death], "SIGKILL", 3).fired() is False  # somebody else killed it
    assert injected([sync, deadly], "SIGKILL", 2).fired() is False
    assert Injection(("fsync",), Path("/nonexistent")).evidence().fired() is False
