"""The store's schema: migrations by number, gaps and late comers included; what is deleted is overwritten."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cloud_sync.receiver.store.database import copy_database, open_database


class Scripts:
    """A folder of migrations that grows, as the package's does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "migrations").mkdir()

    def add(self, name: str) -> None:
        """One that makes a table of that name."""
        script = f"CREATE TABLE t{name[:4]} (x ANY) STRICT;"
        (self.folder / "migrations" / f"{name}.sql").write_text(script)

    def joinpath(self, name: str) -> Path:
        """As a package's files."""
        return self.folder / name


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripts:
    """In place of the package's own."""
    scripts = Scripts(tmp_path)
    monkeypatch.setattr("importlib.resources.files", lambda _: scripts)
    return scripts


def tables(path: Path) -> set[str]:
    """What the store has after it was opened."""
    with closing(open_database(path)) as db:
        return {row["name"] for row in db.execute("SELECT name FROM sqlite_schema WHERE name LIKE 't0%'")}


def test_a_gap_in_the_numbers_may_be_filled_later(scripts: Scripts, tmp_path: Path) -> None:
    """Each is applied once, whatever was applied before it."""
    scripts.add("0001_a")
    scripts.add("0007_g")
    assert tables(tmp_path / "lum.db") == {"t0001", "t0007"}

    scripts.add("0003_c")
    assert tables(tmp_path / "lum.db") == {"t0001", "t0003", "t0007"}
    assert tables(tmp_path / "lum.db") == {"t0001", "t0003", "t0007"}


def test_a_store_that_noted_its_migrations_by_a_count_goes_on(scripts: Scripts, tmp_path: Path) -> None:
    """The first two were noted so: they are not applied again."""
    with closing(sqlite3.connect(tmp_path / "lum.db")) as db:
        db.execute("CREATE TABLE t0001 (x ANY) STRICT")
        db.execute("PRAGMA user_version = 1")
    scripts.add("0001_a")
    scripts.add("0002_b")

    assert tables(tmp_path / "lum.db") == {"t0001", "t0002"}


def test_a_copy_is_its_owners_alone(tmp_path: Path) -> None:
    """It holds all that the store holds; also where the account's own habit is to let others read."""
    before = os.umask(0o022)
    try:
        with closing(open_database(tmp_path / "lum.db")) as db:
            copy_database(db, tmp_path / "tonight.db")
    finally:
        os.umask(before)

    assert (tmp_path / "tonight.db").stat().st_mode & 0o777 == 0o600
