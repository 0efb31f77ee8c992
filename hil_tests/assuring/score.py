"""How right was the model? Its incidents and its ledger held against a truth. Pure.

Figures carry n and an exact interval; what needs a truth is None without one.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cloud_sync.assurance.coverage import BEAT_AGE_MAX_MS
from cloud_sync.assurance.finding import spell_words
from cloud_sync.assurance.incident import About, Incident
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.plan import Parameters, Question
from cloud_sync.assurance.watching import blind_stretches
from hil_tests.assuring.outages import Outage, blind, merge
from hil_tests.assuring.play import Told
from hil_tests.assuring.truth import Truth

DAY_MS: Final = 1440 * MINUTE_MS
HOUR_MS: Final = 60 * MINUTE_MS
MONTH_DAYS: Final = 30.44
NIGHT_LABELS: Final = {
    Question.WANDERING.value: "wandering",
    Question.DOOR.value: "left",
}  # what they tell of
AFTERWARDS_MS: Final = 15 * MINUTE_MS  # what is over for no longer may still be told
_TELLING: Final = {Question.MOVING.value, Question.UP.value, Question.HELP.value}  # that something befell her
_SAID_BY_TRUTH: Final = {*_TELLING, Question.OUT.value}
_CONFIDENCE: Final = 0.95


@dataclass(slots=True)
class Score:
    """What was found over one or many homes."""

    home_days: float = 0.0
    incidents: list[dict[str, Any]] = field(default_factory=list)
    proofs: list[dict[str, Any]] = field(default_factory=list)
    false_by_question: dict[str, int] = field(default_factory=dict)
    delays_h: list[float] = field(default_factory=list)
    emergencies: int = 0
    nights: dict[str, list[float | None]] = field(
        default_factory=dict
    )  # by question: each delay; None: missed
    blind_true_ms: int = 0
    blind_reported_ms: int = 0
    blind_both_ms: int = 0
    blind_short_ms: int = 0  # never told: over before anybody could know
    has_truth: bool = False
    left_out: list[str] = field(default_factory=list)  # of recordings, and why


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
    if truth:
        _count_nights(score, told, truth)
    _count_blind(score, told, merge(blind(outages)), span)


def _count_nights(score: Score, told: Told, truth: Truth) -> None:
    for question, label in NIGHT_LABELS.items():
        if label not in truth.labels:
            continue
        delays = score.nights.setdefault(question, [])
        for start, end in truth.spans.get(label, ()):
            raised = [one.raised_ms for one in told.incidents if one.subject == question]
            seen = [at_ms for at_ms in raised if start <= at_ms < end + AFTERWARDS_MS]
            delays.append((min(seen) - start) / MINUTE_MS if seen else None)


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
    short = [(start, end) for start, end in true if end - start <= BEAT_AGE_MAX_MS]
    score.blind_short_ms += _length(short) - _length(common(short, reported))


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
        "nights": {question: _night(score, question, months) for question in score.nights},
        "blind_minutes": {
            "true": score.blind_true_ms // MINUTE_MS,
            "reported": score.blind_both_ms // MINUTE_MS,
            "too_short": score.blind_short_ms // MINUTE_MS,
            "wrongly_reported": (score.blind_reported_ms - score.blind_both_ms) // MINUTE_MS,
        },
        "proofs_of_life": score.proofs,
        "left_out": score.left_out,
    }


def _night(score: Score, question: str, months: float) -> dict[str, Any]:
    """False alarms a home-month, and how many of what it tells of were noticed, after how long."""
    false = score.false_by_question.get(question, 0)
    low, high = poisson_interval(false)
    delays = score.nights[question]
    seen = [delay for delay in delays if delay is not None]
    return {
        "false": false,
        "false_per_home_month": {
            "value": round(false / months, 3),
            "low": round(low / months, 3),
            "high": round(high / months, 3),
        },
        "noticed": len(seen),
        "of": len(delays),
        "mean_min": round(statistics.mean(seen), 1) if seen else None,
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
    if truth is None or one.about is not About.PERSON:
        return None
    if (label := NIGHT_LABELS.get(one.subject)) in truth.labels:
        return not truth.holds(str(label), one.raised_ms, AFTERWARDS_MS)
    if one.subject not in _SAID_BY_TRUTH:
        return None
    if one.subject == Question.OUT.value and truth.holds("away", one.raised_ms):
        return False
    return not truth.holds("emergency", one.raised_ms)


def _length(spans: Iterable[tuple[int, int]]) -> int:
    return sum(end - start for start, end in spans)
