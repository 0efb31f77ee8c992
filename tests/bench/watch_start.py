"""How long a watch takes to begin with a home: from the snapshot of what it had learned, and from four weeks of events."""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from structlog.testing import capture_logs

from cloud_sync.assurance.habits import DAYS
from cloud_sync.assurance.local_time import MINUTE_MS, MINUTES_A_DAY
from cloud_sync.receiver.remembering import HOMES_A_LOOK_MAX
from cloud_sync.receiver.store.database import open_database, transaction
from cloud_sync.receiver.watch import Watch
from tests.bench.harness import Figure, Samples, at_most

HOMES = 16
ROUNDS = 3
TARGET_MS = 6.0  # ten thousand homes in a minute
WALKS_A_DAY = 120
TAIL_H = 6
START_MS = 1_772_409_600_000  # a Monday, 00:00 UTC
NOW_MS = START_MS + DAYS * MINUTES_A_DAY * MINUTE_MS
ROOMS = ("Hall", "Kitchen", "Living room", "Bedroom", "Bathroom", "Spare room")


def watch_start() -> list[Figure]:
    """A watch's first look over 16 homes of seven sensors, CPU time a home.

    Each home has four weeks of events: 120 walks between two rooms a day, a temperature each five minutes. Ours begins
    with snapshots, and the events of the six hours since; beside it, in turns, the same with none. Judging,
    ledger and answers are in both; the store's disk is memory.
    """
    with tempfile.TemporaryDirectory(dir=_memory()) as name, capture_logs():
        db = open_database(Path(name) / "lum.db")
        with transaction(db):
            events = _furnish(db)
        size = _take_snapshots(db, Path(name))
        with_them, without = [], []
        for _ in range(1 + ROUNDS):
            with_them.append(_first_look_ms(db, Path(name)))
            without.append(_anew_ms(db, Path(name)))
        db.close()
    detail = f"{events // HOMES:,} events a home, of which {TAIL_H} h are newer than its snapshot of {size / 1000:.1f} kB"
    return [
        Figure(
            Samples("watch: begins with a home", tuple(with_them[1:])),
            "ms",
            at_most(TARGET_MS),
            (Samples("learned anew", tuple(without[1:])),),
            (detail,),
        )
    ]


def _furnish(db: sqlite3.Connection) -> int:
    """Sensors and events of all homes, in the order in which they happened; gives the number of events."""
    for home in range(HOMES):
        for number, room in enumerate((*ROOMS, "Living room")):
            role = "climate" if number == len(ROOMS) else "presence"
            db.execute(
                "INSERT INTO sensor VALUES (?, ?, 'hub', '', ?, ?, 'bthome_v2', 1, 60, ?, 1, ?)",
                (f"h-{home:03}", f"{number}", room, role, NOW_MS, NOW_MS),
            )
    rows = sorted((row for home in range(HOMES) for row in _life(home)), key=lambda row: row[4])
    db.executemany(
        "INSERT INTO event (home, address, kind, value, happened_ms, received_ms) VALUES (?, ?, ?, ?, ?, ?)",
        rows,
    )
    return len(rows)


def _life(home: int) -> Iterator[tuple[str, str, str, float, int, int]]:
    rng, name = random.Random(home), f"h-{home:03}"
    for day in range(DAYS):
        midnight_ms = START_MS + day * MINUTES_A_DAY * MINUTE_MS
        for minute in range(0, MINUTES_A_DAY, 5):
            at_ms = midnight_ms + minute * MINUTE_MS
            yield name, str(len(ROOMS)), "temperature", 20.0, at_ms, at_ms
        for _ in range(WALKS_A_DAY):
            at_ms = midnight_ms + rng.randrange(420, 1380) * MINUTE_MS
            for number, address in enumerate(rng.sample(range(len(ROOMS)), 2)):
                for value in (1, 0):
                    then_ms = at_ms + number * 9_000 + (1 - value) * 2_000
                    yield name, str(address), "motion", value, then_ms, then_ms


def _take_snapshots(db: sqlite3.Connection, directory: Path) -> float:
    """Let a watch write them that knows all but the last hours; gives the mean size in bytes."""
    before_ms = NOW_MS - TAIL_H * 60 * MINUTE_MS
    (newest,) = db.execute("SELECT max(id) FROM event WHERE happened_ms < ?", (before_ms,)).fetchone()
    watch = _watch(db, directory)
    watch._read_id = newest
    for look in range(2 + HOMES // HOMES_A_LOOK_MAX):
        watch.look(lambda look=look: before_ms + look * 2_000)  # type: ignore[misc]
        watch._read_id = newest
    kept, size = db.execute("SELECT count(*), avg(length(state)) FROM habit").fetchone()
    if kept != HOMES:
        raise ValueError(f"{kept} snapshots of {HOMES} were written.")
    return float(size)


def _anew_ms(db: sqlite3.Connection, directory: Path) -> float:
    """The same without a snapshot that fits; they are put back."""
    db.execute("UPDATE habit SET form = 'x' || form")
    try:
        return _first_look_ms(db, directory)
    finally:
        with transaction(db):
            db.execute("UPDATE habit SET form = substr(form, 2) WHERE form LIKE 'x%'")


def _first_look_ms(db: sqlite3.Connection, directory: Path) -> float:
    """CPU time a home, of which nothing is kept."""
    with tempfile.TemporaryDirectory(dir=_memory()) as name:
        copy = sqlite3.connect(Path(name) / "copy.db")
        db.backup(copy)
        copy.close()
        there = open_database(Path(name) / "copy.db")
        watch = _watch(there, directory)
        began_s = time.process_time()
        watch.look(lambda: NOW_MS)
        took_s = time.process_time() - began_s
        there.close()
    return took_s * 1000 / HOMES


def _watch(db: sqlite3.Connection, directory: Path) -> Watch:
    return Watch(db, directory, consent_needed=False)


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
