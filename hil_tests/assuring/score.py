"""How right was the model? Its incidents and its ledger held against a truth. Pure.

Figures carry n and an exact interval; what needs a truth is None without one.
"""

from __future__ import annotations

import csv
import lzma
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cloud_sync.assurance.finding import spell_words
from cloud_sync.assurance.incident import About, Incident
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.plan import Parameters, Question
from cloud_sync.assurance.watching import blind_stretches
from hil_tests.assuring.outages import Outage, blind, merge
from hil_tests.assuring.play import Told
from hil_tests.rig.errors import RigError
from hil_tests.trace import open_text

if TYPE_CHECKING:
    from pathlib import Path

DAY_MS: Final = 1440 * MINUTE_MS
HOUR_MS: Final = 60 * MINUTE_MS
MONTH_DAYS: Final = 30.44
LABELS: Final = ("away", "asleep", "emergency", "blind")
_TELLING: Final = {Question.MOVING.value, Question.UP.value, Question.HELP.value}  # that something befell her
_SAID_BY_TRUTH: Final = {*_TELLING, Question.OUT.value}
_CONFIDENCE: Final = 0.95


class TruthError(RigError):
    """A truth cannot be read; names file and line."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What really was: spans by label, wall clock, merged and in order."""

    spans: dict[str, list[tuple[int, int]]]

    def holds(self, label: str, at_ms: int) -> bool:
        """Whether it was so then."""
        return any(start <= at_ms < end for start, end in self.spans.get(label, ()))


@dataclass(slots=True)
class Score:
    """What was found over one or many homes."""

    home_days: float = 0.0
    incidents: list[dict[str, Any]] = field(default_factory=list)
    proofs: list[dict[str, Any]] = field(default_factory=list)
    false_by_question: dict[str, int] = field(default_factory=dict)
    delays_h: list[float] = field(default_factory=list)
    emergencies: int = 0
    blind_true_ms: int = 0
    blind_reported_ms: int = 0
    blind_both_ms: int = 0
    has_truth: bool = False


def read_truth(path: Path) -> Truth:
    """Read ``start,end,label``, plain or ``.xz``; times in ms since 1970 or as ISO 8601.

    Raises:
        TruthError: it cannot be read, or a row is wrong.
    """
    try:
        with open_text(path) as file:
            rows = list(csv.reader(file))
    except (OSError, lzma.LZMAError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise TruthError(f"Truth {path} cannot be read: {error}.", hint="Check the file.") from error
    if not rows or rows[0] != ["start", "end", "label"]:
        raise TruthError(f"Truth {path}, line 1: not start,end,label.", hint="Give these three columns.")
    return truth_of(_span(path, number, row) for number, row in enumerate(rows[1:], 2) if row)


def truth_of(spans: Iterable[tuple[int, int, str]]) -> Truth:
    """A truth from spans with labels."""
    found: dict[str, list[tuple[int, int]]] = {}
    for start, end, label in spans:
        found.setdefault(label, []).append((start, end))
    return Truth({label: merge(of) for label, of in found.items()})


def add(
    score: Score,
    told: Told,
    truth: Truth | None,
    outages: Sequence[Outage],
    span: tuple[int, int],
    parameters: Parameters,
) -> None:
    """Count one home in.

    Args:
        score: grows.
        told: what the model said.
        truth: what was; None if nobody knows.
        outages: of ours, as they were laid over the home.
        span: from and to, wall clock.
        parameters: of the home.
    """
    zone = parameters.clock
    score.home_days += (span[1] - span[0]) / DAY_MS
    score.has_truth |= truth is not None
    for one in told.incidents:
        score.incidents.append(_incident(one, truth))
        if score.incidents[-1]["false"]:
            score.false_by_question[one.subject] = score.false_by_question.get(one.subject, 0) + 1
    score.proofs += [{"at": spell.to_ms, "evidence": spell_words(spell, zone)} for spell in told.proofs]
    for start, end in truth.spans.get("emergency", ()) if truth else ():
        score.emergencies += 1
        raised = [
            one.raised_ms
            for one in told.incidents
            if one.subject in _TELLING and start <= one.raised_ms < end
        ]
        if raised:
            score.delays_h.append((min(raised) - start) / HOUR_MS)
    _count_blind(score, told, merge(blind(outages)), span)


def _count_blind(score: Score, told: Told, true: list[tuple[int, int]], span: tuple[int, int]) -> None:
    """Blind for all questions is blind."""
    by_question = [
        blind_stretches([s for s in told.stretches if s.question is question], *span)
        for question in {s.question for s in told.stretches}
    ]
    reported = by_question[0] if by_question else []
    for spans in by_question[1:]:
        reported = common(reported, spans)
    score.blind_true_ms += _length(true)
    score.blind_reported_ms += _length(reported)
    score.blind_both_ms += _length(common(true, reported))


def result(score: Score) -> dict[str, Any]:
    """The figures as JSON has them."""
    false = score.false_by_question.get(Question.MOVING.value, 0)
    low, high = poisson_interval(false)
    months = score.home_days / MONTH_DAYS or math.nan
    delays = sorted(score.delays_h)
    return {
        "home_days": round(score.home_days, 2),
        "incidents": score.incidents,
        "false_alarms_per_home_month": {
            "question": Question.MOVING.value,
            "n": false,
            "value": round(false / months, 3),
            "low": round(low / months, 3),
            "high": round(high / months, 3),
        }
        if score.has_truth
        else None,
        "false_alarms_by_question": score.false_by_question if score.has_truth else None,
        "time_to_detect_h": {
            "mean": round(statistics.mean(delays), 2) if delays else None,
            "p95": round(delays[math.ceil(0.95 * len(delays)) - 1], 2) if delays else None,
            "n": len(delays),
            "emergencies": score.emergencies,
        }
        if score.has_truth
        else None,
        "blind_minutes": {
            "true": score.blind_true_ms // MINUTE_MS,
            "reported": score.blind_both_ms // MINUTE_MS,
            "wrongly_reported": (score.blind_reported_ms - score.blind_both_ms) // MINUTE_MS,
        },
        "proofs_of_life": score.proofs,
    }


def poisson_interval(count: int) -> tuple[float, float]:
    """The exact (Garwood) 95 % interval for a count, by bisection over the Poisson distribution."""
    tail = (1 - _CONFIDENCE) / 2
    low = 0.0 if count == 0 else _bisect(lambda mean: 1 - _cdf(count - 1, mean) < tail)
    return low, _bisect(lambda mean: _cdf(count, mean) > tail)


def common(ours: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where two lists of spans overlap."""
    overlaps = ((max(a, c), min(b, d)) for a, b in ours for c, d in others)
    return merge((start, end) for start, end in overlaps if start < end)


def _bisect(still_below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    while still_below(high):
        low, high = high, high * 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if still_below(middle) else (low, middle)
    return high


def _cdf(count: int, mean: float) -> float:
    """P(X <= count) for a Poisson distribution."""
    return (
        sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1))
        if mean
        else 1.0
    )


def _incident(one: Incident, truth: Truth | None) -> dict[str, Any]:
    return {
        "question": one.subject,
        "about": one.about.value,
        "happened_at": one.happened_ms,
        "raised_at": one.raised_ms,
        "closed_at": one.closed_ms,
        "evidence": one.evidence,
        "false": _is_false(one, truth),
    }


def _is_false(one: Incident, truth: Truth | None) -> bool | None:
    """Whether nothing of the kind had happened; None where the truth says nothing of it."""
    if truth is None or one.about is not About.PERSON or one.subject not in _SAID_BY_TRUTH:
        return None
    if one.subject == Question.OUT.value and truth.holds("away", one.raised_ms):
        return False
    return not truth.holds("emergency", one.raised_ms)


def _length(spans: Iterable[tuple[int, int]]) -> int:
    return sum(end - start for start, end in spans)


def _span(path: Path, number: int, row: list[str]) -> tuple[int, int, str]:
    try:
        start, end, label = row
        span = _time(start), _time(end), label
    except ValueError as error:
        raise TruthError(
            f"Truth {path}, line {number}: {error}.",
            hint="A row is start,end,label; times in ms since 1970 or ISO 8601.",
        ) from error
    if label not in LABELS or span[0] >= span[1]:
        raise TruthError(
            f"Truth {path}, line {number}: {label!r} from {start} to {end} is no span.",
            hint=f"Labels are {', '.join(LABELS)}, and a span ends after it starts.",
        )
    return span


def _time(text: str) -> int:
    if text.lstrip("-").isdigit():
        return int(text)
    at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
