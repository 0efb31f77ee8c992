"""What really was in a home: spans with labels, from a file or from a generated home. Pure but for the reading.

``away``, ``asleep``, ``emergency`` and ``blind``; a generated home also tells of nights: ``wandering`` and ``left``.
"""

from __future__ import annotations

import csv
import lzma
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from hil_tests.assuring.outages import merge
from hil_tests.rig.errors import RigError
from hil_tests.trace import open_text

if TYPE_CHECKING:
    from pathlib import Path

LABELS: Final = ("away", "asleep", "emergency", "blind")
LABELS_KNOWN: Final = (*LABELS, "wandering", "left")


class TruthError(RigError):
    """A truth cannot be read; names file and line."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What really was: spans by label, wall clock, merged and in order; of other labels it says nothing."""

    spans: dict[str, list[tuple[int, int]]]
    labels: frozenset[str] = frozenset(LABELS)

    def holds(self, label: str, at_ms: int, afterwards_ms: int = 0) -> bool:
        """Whether it was so then, or not long before."""
        return any(start <= at_ms < end + afterwards_ms for start, end in self.spans.get(label, ()))


def read_truth(path: Path, from_ms: int, to_ms: int) -> Truth:
    """Read ``start,end,label``, plain or ``.xz``; times in ms since 1970 or as ISO 8601 (UTC, if it does not say).

    Args:
        path: the file.
        from_ms: when what it is the truth of begins.
        to_ms: when that ends.

    Raises:
        TruthError: it cannot be read, a row is wrong, or all of it is of another time.
    """
    try:
        with open_text(path) as file:
            rows = list(csv.reader(file))
    except (OSError, lzma.LZMAError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise TruthError(f"Truth {path} cannot be read: {error}.", hint="Check the file.") from error
    if not rows or rows[0] != ["start", "end", "label"]:
        raise TruthError(f"Truth {path}, line 1: not start,end,label.", hint="Give these three columns.")
    spans = [_span(path, number, row) for number, row in enumerate(rows[1:], 2) if row]
    if spans and not any(start < to_ms and end > from_ms for start, end, _label in spans):
        raise TruthError(
            f"Truth {path} tells of {_day(spans[0][0])}, the recording is of {_day(from_ms)} to {_day(to_ms)}.",
            hint="Give the truth of this recording, in milliseconds or ISO 8601.",
        )
    return truth_of(spans)


def truth_of(spans: Iterable[tuple[int, int, str]], labels: Iterable[str] = LABELS) -> Truth:
    """A truth from spans with labels; ``labels`` are those it would tell of."""
    found: dict[str, list[tuple[int, int]]] = {}
    for start, end, label in spans:
        found.setdefault(label, []).append((start, end))
    merged = {label: merge(of) for label, of in found.items()}
    return Truth(merged, frozenset({*labels, *found}))


def _span(path: Path, number: int, row: list[str]) -> tuple[int, int, str]:
    try:
        start, end, label = row
        span = _time(start), _time(end), label.strip().lower()
    except ValueError as error:
        raise TruthError(
            f"Truth {path}, line {number}: {error}.",
            hint="A row is start,end,label; times in ms since 1970 or ISO 8601.",
        ) from error
    if span[2] not in LABELS_KNOWN or span[0] >= span[1]:
        raise TruthError(
            f"Truth {path}, line {number}: {label!r} from {start} to {end} is no span.",
            hint=f"Labels are {', '.join(LABELS_KNOWN)}, and a span ends after it starts.",
        )
    return span


def _time(text: str) -> int:
    if text.lstrip("-").isdigit():
        return int(text)
    at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"
