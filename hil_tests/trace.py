"""Real traces: recorded readings, row by row; ``replay.py`` puts them on the air again.

A trace is CSV, plain or xz-compressed: ``ts,sensor_id,kind,value``, with ``ts`` in milliseconds
and ``value`` an integer at the recording sensor's resolution. The file does not say which
resolution that was; ``exponents_of`` tells how we find out.
"""

from __future__ import annotations

import csv
import lzma
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from hil_tests.rig.errors import RigError

if TYPE_CHECKING:
    from pathlib import Path


HEADER = ["ts", "sensor_id", "kind", "value"]
COLUMNS = len(HEADER)

# A home whose usual value is above this in tenths (100 %, 45 °C) must be counting in hundredths.
_TENTHS_MAX = {"humidity": 1000, "temperature": 450}
_WHOLE = {"motion", "door", "window", "opening", "occupancy", "presence", "battery"}
WORDS = {"button": {1: "press"}}  # a trace holds numbers only
KINDS = _WHOLE | _TENTHS_MAX.keys() | WORDS.keys()


class TraceError(RigError):
    """A trace cannot be used; names file and line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded reading and the line it stands on."""

    line: int
    ts_ms: int
    sensor: str
    kind: str
    value: int


def read_rows(path: Path) -> list[Row]:
    """Read the rows of a trace file, plain or ``.xz``, in order of time.

    Raises:
        TraceError: It cannot be read, a row is wrong, or there is none.
    """
    try:
        with open_text(path) as file:
            rows = sorted(_rows(path, file), key=lambda row: row.ts_ms)
    except (OSError, lzma.LZMAError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TraceError(f"Trace {path} cannot be read: {reason}.", hint="Check the file.") from error
    if not rows:
        raise TraceError(f"Trace {path} holds no readings.", hint="Give a recording with rows.")
    return rows


def exponents_of(rows: Iterable[Row]) -> dict[str, int]:
    """Find the resolution of each kind, for the whole file.

    Temperature and humidity come from one sensor, in tenths or in hundredths. Their medians tell
    which (humidity if there is any, as it leaves less doubt); a single odd value tells nothing,
    and is refused later. All other kinds count in whole units.
    """
    values: dict[str, list[int]] = {}
    for row in rows:
        values.setdefault(row.kind, []).append(row.value)
    telling = next((kind for kind in _TENTHS_MAX if kind in values), None)
    hundredths = telling is not None and statistics.median(values[telling]) > _TENTHS_MAX[telling]
    scaled = -2 if hundredths else -1
    return {kind: scaled if kind in _TENTHS_MAX else 0 for kind in values}


def open_text(path: Path) -> TextIO:
    """Open a text file, plain or ``.xz``, with or without a byte order mark."""
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _rows(path: Path, file: TextIO) -> Iterator[Row]:
    reader = csv.reader(file)
    try:
        if next(reader, None) != HEADER:
            raise bad_row(path, 1, f"the first line is not {','.join(HEADER)}")
        for fields in filter(None, reader):
            yield _row(path, reader.line_num, fields)
    except (csv.Error, UnicodeDecodeError) as error:
        raise bad_row(path, reader.line_num + 1, f"not CSV text ({error})") from error


def _row(path: Path, line: int, fields: list[str]) -> Row:
    if len(fields) != COLUMNS:
        raise bad_row(path, line, f"{len(fields)} columns instead of {COLUMNS}")
    ts_ms, sensor, kind, value = fields
    if not sensor:
        raise bad_row(path, line, "no sensor_id")
    try:
        return Row(line, int(ts_ms), sensor, kind, int(value))
    except ValueError as error:
        raise bad_row(path, line, f"ts {ts_ms!r} and value {value!r} must be whole numbers") from error


def bad_row(path: Path, line: int, complaint: str) -> TraceError:
    """What is wrong with a row, and where it stands."""
    return TraceError(
        f"Trace {path}, line {line}: {complaint}.",
        hint="A row is ts (ms), sensor_id, kind, value (integer); kinds: " + ", ".join(sorted(KINDS)) + ".",
    )
