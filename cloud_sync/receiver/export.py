"""Everything held about a home, as a person can read it: a zip of tables, with a page that explains them."""

# ruff: noqa: S608 - as store/erasure.py

from __future__ import annotations

import csv
import io
import sqlite3
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import IO, Any, Final

from cloud_sync.receiver.store.batches import Batches
from cloud_sync.receiver.views import readings
from cloud_sync.wire.batch import Contract, Quality
from zero_trust.reasons import reason

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_OF_HOME: Final = "hub IN (SELECT id FROM hub WHERE home = :home)"


@dataclass(frozen=True, slots=True)
class Table:
    """One file of the export: its rows, and what they are in plain words."""

    file: str
    about: str
    query: str


TABLES: Final = (
    Table(
        "sensors.csv",
        "The sensors, as whoever fitted them named them, and when each was last heard.",
        "SELECT name, room, role, model, address, hub, contract AS proves_it_lives, period_s, heard_ms, told_ms"
        " FROM sensor WHERE home = :home ORDER BY room, name",
    ),
    Table(
        "newest.csv",
        "The newest value of each kind. A doubted one was kept, but not gone by.",
        "SELECT address AS sensor, kind, value, exponent, unit, doubted, happened_ms, quality AS time_quality,"
        " received_ms FROM last WHERE home = :home ORDER BY address, kind",
    ),
    Table(
        "coverage.csv",
        "Whether each sensor is watched now, why, and since when.",
        "SELECT address AS sensor, state, cause, since_ms FROM coverage WHERE home = :home ORDER BY address",
    ),
    Table(
        "questions.csv",
        "How well each question about the home was watched, when that was so, and when we knew.",
        "SELECT question, state, cause, from_ms, until_ms, known_ms FROM stretch WHERE home = :home"
        " ORDER BY question, from_ms, known_ms",
    ),
    Table(
        "explanations.csv",
        "What we learned afterwards of times in which we could not see, and when we learned it.",
        "SELECT from_ms, until_ms, known_ms, listened_ms / 60000 AS listened_minutes, evidence FROM explanation"
        " WHERE home = :home ORDER BY from_ms, known_ms",
    ),
    Table(
        "incidents.csv",
        "What was told of the person, and of our own blindness, and how it ended.",
        "SELECT subject, about, happened_ms, raised_ms, evidence, in_hand, hand_ms, closed_ms, closed_by, outcome"
        " FROM home_incident WHERE home = :home ORDER BY raised_ms",
    ),
    Table(
        "responses.csv",
        "Who took an incident in hand or closed it, what they said, when they did it, and when we were told.",
        "SELECT subject, raised_ms, act, who, said, happened_ms, known_ms FROM response WHERE home = :home"
        " ORDER BY number",
    ),
    Table(
        "notices.csv",
        "Who was told of an incident, in which words, by which channel, and whether it was delivered.",
        "SELECT subject, raised_ms, CASE audience WHEN 1 THEN 'operations' ELSE 'family' END AS told, occasion, words,"
        " happened_ms, known_ms, channel, state, done_ms FROM notice LEFT JOIN delivery ON notice = number"
        " WHERE home = :home ORDER BY number, channel",
    ),
    Table(
        "agreements.csv",
        "Who agreed that what is asked, in which capacity, on what evidence, from when until when.",
        "SELECT number, questions, authority, person, evidence, from_ms, until_ms, written_by, written_ms, ended_ms,"
        " ended_by FROM consent WHERE home = :home ORDER BY number",
    ),
    Table(
        "pauses.csv",
        "What was asked to pause, by whom, and for which event; without a question: an event that changes limits only.",
        "SELECT number, event, questions, stays AS roles_that_stay, asked_by, from_ms, until_ms, written_by, written_ms,"
        " ended_ms FROM pause WHERE home = :home ORDER BY number",
    ),
    Table(
        "settings.csv",
        "What each hub was to leave out, and since when it says that it does.",
        f"SELECT hub, number AS wanted, taken, since_ms, refused FROM setting WHERE {_OF_HOME} ORDER BY hub",
    ),
    Table(
        "listening.csv",
        "When the hub proved that it listened. Outside these times nothing could be noticed.",
        f"SELECT hub, from_ms, to_ms FROM span WHERE {_OF_HOME} ORDER BY from_ms",
    ),
    Table(
        "hubs.csv",
        "The hubs of the home, whether each may speak for it, and since when.",
        "SELECT id AS hub, standing, reason, standing_at_ms, enrolled_at_ms, opened_ms AS last_session_ms,"
        " beat_ms AS last_heartbeat_ms FROM hub LEFT JOIN session ON session.hub = hub.id WHERE home = :home",
    ),
    Table(
        "troubles.csv",
        "Our own trouble with a hub: readings that it had to let go, histories that did not fit.",
        f"SELECT hub, code, detail, raised_ms FROM incident WHERE {_OF_HOME} ORDER BY raised_ms",
    ),
    Table(
        "refusals.csv",
        "What a hub of the home said and we refused to believe.",
        f"SELECT at_ms, place, hub, code, detail FROM refusal WHERE {_OF_HOME} ORDER BY number",
    ),
    Table(
        "lost.csv",
        "Readings that a hub no longer had when we asked: how many, and why.",
        f"SELECT hub, first, last, readings, received_ms FROM gone WHERE {_OF_HOME} ORDER BY received_ms",
    ),
    Table(
        "contradictions.csv",
        "Messages that contradicted an earlier one: kept apart, never counted; as hexadecimal, as they came.",
        f"SELECT hub, seq, received_ms, signed FROM fork WHERE {_OF_HOME} AND length(signed) > 0 ORDER BY id",
    ),
    Table(
        "erased.csv",
        "What we erased of this home: when, on whose word, and why. Of it no content is left.",
        "SELECT number, at_ms, by_whom, why, what, count(batch.id) AS batches_of_this_home FROM deletion"
        f" LEFT JOIN batch ON batch.erased = number AND {_OF_HOME}"
        " WHERE deletion.home = :home OR batch.id IS NOT NULL GROUP BY number ORDER BY number",
    ),
)
READINGS_ABOUT: Final = "Every reading that we hold, each checked against the signature of its hub."


@dataclass(frozen=True, slots=True)
class Exported:
    """How much an export holds: rows by file."""

    rows: Mapping[str, int]


def export(db: sqlite3.Connection, site: str, home: str, now_ms: int, target: IO[bytes]) -> Exported:
    """Write the zip of a home, as of one moment.

    Raises:
        SignatureError: a stored batch is not what its hub signed.
    """
    batches = Batches(db)
    db.execute("BEGIN")  # one view of the store, whoever writes meanwhile
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            counts = {"readings.csv": _write(archive, "readings.csv", _readings(db, batches, site, home))}
            for table in TABLES:
                counts[table.file] = _write(archive, table.file, _rows(db, table, home))
            archive.writestr("README.txt", _readme(site, home, now_ms, counts))
    finally:
        db.execute("COMMIT")
    return Exported(counts)


def _readings(db: sqlite3.Connection, batches: Batches, site: str, home: str) -> Iterator[Sequence[Any]]:
    names = {
        row["address"]: (row["room"], row["name"])
        for row in db.execute("SELECT address, room, name FROM sensor WHERE home = ?", (home,))
    }
    yield (
        "happened", "room", "name", "sensor", "role", "kind", "value", "unit", "flags", "time_quality", "received",
        "hub", "stream", "number",
    )  # fmt: skip
    for found in readings(batches, site, home):
        yield (
            _when(found["happened_ms"]),
            *names.get(found["sensor"], ("", "")),
            *(found[key] for key in ("sensor", "role", "kind", "value", "unit")),
            " ".join(found["flags"]),
            found["time_quality"],
            _when(found["received_ms"]),
            *(found[key] for key in ("hub", "stream", "seq")),
        )


def _rows(db: sqlite3.Connection, table: Table, home: str) -> Iterator[Sequence[Any]]:
    found = db.execute(table.query, {"home": home})
    columns = [column[0] for column in found.description]
    meant = ["meaning"] if "code" in columns else []
    yield [*(column.removesuffix("_ms") for column in columns), *meant]
    for row in found:
        words = [reason(row["code"]).sentence] if meant else []
        yield [*(_plain(column, row[column]) for column in columns), *words]


def _write(archive: zipfile.ZipFile, file: str, rows: Iterable[Sequence[Any]]) -> int:
    with archive.open(file, "w") as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as text:
        writer, count = csv.writer(text), 0
        for row in rows:
            writer.writerow([_harmless(cell) for cell in row])
            count += 1
    return count - 1  # the first row names the columns


def _readme(site: str, home: str, now_ms: int, counts: Mapping[str, int]) -> str:
    about = {"readings.csv": READINGS_ABOUT} | {table.file: table.about for table in TABLES}
    files = "\n".join(f"{file:<20}{counts[file]:>8} rows  {about[file]}" for file in counts)
    text = resources.files(__package__).joinpath("export.txt").read_text(encoding="utf-8")
    return text.format(site=site, home=home, made=_when(now_ms), files=files)


def _plain(column: str, value: Any) -> Any:
    """A value as a person reads it: times as dates, numbers that stand for words as those."""
    if value is None:
        return ""
    if column.endswith("_ms"):
        return _when(value) if value else ""
    if column == "proves_it_lives":
        return Contract(value).name.lower()
    if column == "time_quality":
        return Quality(value).name.lower()
    return value.hex() if isinstance(value, bytes) else value


def _harmless(cell: Any) -> Any:
    """Text that a spreadsheet would take for a formula gets a quote before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def _when(moment_ms: int) -> str:
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(moment_ms / 1000))}.{moment_ms % 1000:03}Z"
