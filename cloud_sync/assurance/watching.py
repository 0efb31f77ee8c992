"""Is each question watched? From the verdicts on the sensors it leans on. Pure.

A question is BLIND as soon as a sensor it cannot do without is, PARTLY while others of its sensors are lost or
tell nothing by their silence, and WATCHING only if every other one proves that it lives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import State, Verdict, judge_home
from cloud_sync.assurance.plan import Asked, Question


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of one question's coverage, one row of the ledger.

    Attributes:
        question: which.
        state: what we could say in it.
        cause: why.
        from_ms: since when it was so, wall clock.
        known_ms: when we knew. Until then, pages said what the stretch before says.
        until_ms: when the next one begins; None: it lasts.
    """

    question: Question
    state: State
    cause: Cause
    from_ms: int
    known_ms: int
    until_ms: int | None = None


def judge_question(asked: Asked, verdicts: Sequence[Verdict | None], *, now_ms: int) -> Verdict:
    """One verdict on a question, from those on the sensors it leans on, in their order; None: not looked at yet."""
    known = [verdict for verdict in verdicts if verdict is not None]
    lost = [
        verdict
        for address, verdict in zip(asked.leaning, verdicts, strict=True)
        if verdict is not None and verdict.state is State.BLIND and address in asked.vital
    ]
    if lost and len(lost) < len(known):
        return min(lost, key=lambda verdict: verdict.since_ms)
    return judge_home(known, now_ms=now_ms)


def lost_sensors(asked: Asked, verdicts: Sequence[Verdict | None]) -> frozenset[str]:
    """The sensors it leans on that we cannot hear, or may not."""
    return frozenset(
        address
        for address, verdict in zip(asked.leaning, verdicts, strict=True)
        if verdict is None or verdict.state in {State.BLIND, State.PAUSED}
    )


def unasked(
    lasting: Iterable[Stretch], looked_ms: int, now_ms: int, cause: Cause = Cause.WATCH_SILENT
) -> list[Stretch]:
    """What the ledger says of a gap of the watch itself: while nobody asked, nobody watched.

    Gives the stretches that were seen, ended at the last look, each with the blind one that follows it.
    """
    found = []
    for stretch in lasting:
        if stretch.state in {State.WATCHING, State.PARTLY}:
            ended_ms = max(looked_ms, stretch.from_ms)
            found.append(replace(stretch, until_ms=ended_ms))
            found.append(Stretch(stretch.question, State.BLIND, cause, ended_ms, now_ms))
    return found


def blind_stretches(stretches: Sequence[Stretch], from_ms: int, until_ms: int) -> list[tuple[int, int]]:
    """The BLIND parts of a span, as far as they are known at its end; merged, in order."""
    blind = sorted(
        (max(s.from_ms, from_ms), min(until_ms if s.until_ms is None else s.until_ms, until_ms))
        for s in stretches
        if s.state is State.BLIND
    )
    merged: list[tuple[int, int]] = []
    for start, end in blind:
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
