"""Homes as files: a trace as any other, its truth, its sensors and what failed. CSV, compressed with xz.

A home ``NAME`` is ``NAME.csv.xz`` (``ts,sensor_id,kind,value``), ``NAME.truth.csv.xz`` (``start,end,label``),
``NAME.sensors.csv.xz`` (``sensor_id,room,kind,role,contract,period_s``) and ``NAME.faults.csv.xz``
(``start,end,kind,sensor_id``). Times are milliseconds since the epoch, ``end`` is not included.
"""

from __future__ import annotations

import csv
import lzma
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from hil_tests.living.home import Label, LivedHome, Span
from hil_tests.rig.errors import RigError

TRACE = ("ts", "sensor_id", "kind", "value")
TRUTH = ("start", "end", "label")
SENSORS = ("sensor_id", "room", "kind", "role", "contract", "period_s")
FAULTS = ("start", "end", "kind", "sensor_id")


def make_folder(folder: Path) -> None:
    """Make a folder for homes, if it is not there.

    Raises:
        RigError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RigError(f"{folder} cannot be made: {error.strerror}.", hint="Name another folder.") from error


def write_home(home: LivedHome, folder: Path, name: str) -> None:
    """Write the four files of a home; the folder must exist.

    Raises:
        RigError: A file cannot be written.
    """
    _write(folder / f"{name}.csv.xz", TRACE, (row[:4] for row in home.rows))
    truth = ((span.start_ms, span.end_ms, span.label.value) for span in home.truth)
    _write(folder / f"{name}.truth.csv.xz", TRUTH, truth)
    sensors = (
        (one.sensor_id, one.room.value, one.kind, one.role, one.contract.kind.value, one.contract.period_s)
        for one in home.sensors
    )
    _write(folder / f"{name}.sensors.csv.xz", SENSORS, sensors)
    faults = (
        (fault.start_ms, fault.end_ms, fault.kind.value, fault.sensor_id)
        for fault in (*home.outages, *home.defects)
    )
    _write(folder / f"{name}.faults.csv.xz", FAULTS, faults)


def read_truth(path: Path) -> tuple[Span, ...]:
    """Read a truth file, plain or ``.xz``, in order of time.

    Raises:
        RigError: It cannot be read, or a line is wrong; names file and line.
    """
    try:
        with _open(path) as file:
            return tuple(sorted(_spans(path, csv.reader(file)), key=lambda span: span[:2]))
    except (OSError, lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RigError(f"Truth {path} cannot be read: {reason}.", hint="Check the file.") from error


def _spans(path: Path, reader: Iterator[list[str]]) -> Iterator[Span]:
    try:
        if tuple(next(reader, ())) != TRUTH:
            raise _bad_line(path, 1, f"the first line is not {','.join(TRUTH)}")
        for line, fields in enumerate(reader, start=2):
            yield _span(path, line, fields)
    except csv.Error as error:
        raise RigError(f"Truth {path} is not CSV text ({error}).", hint="Check the file.") from error


def _span(path: Path, line: int, fields: Sequence[str]) -> Span:
    try:
        start, end, label = fields
        span = Span(int(start), int(end), Label(label))
    except ValueError as error:
        raise _bad_line(path, line, f"{','.join(fields)!r} is no span") from error
    if span.start_ms >= span.end_ms:
        raise _bad_line(path, line, "the span ends before it begins")
    return span


def _bad_line(path: Path, line: int, complaint: str) -> RigError:
    labels = ", ".join(label.value for label in Label)
    return RigError(
        f"Truth {path}, line {line}: {complaint}.",
        hint=f"A line is start (ms), end (ms), label; labels: {labels}.",
    )


def _open(path: Path) -> TextIO:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _write(path: Path, header: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    try:
        with lzma.open(path, "wt", encoding="utf-8", newline="", preset=1) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(lines)
    except OSError as error:
        raise RigError(f"{path} cannot be written: {error.strerror}.", hint="Check the folder.") from error
