"""READ FIRST (assurance): one home, looked at each minute. Is she all right, and are we really watching?

    events ─> household ─> questions ─> findings ─┐
    verdicts on sensors ─> watched? (ledger) ─────┴─> incidents

A question that is BLIND raises nothing about the person, save a call for help: blindness is an incident of its own. One
that is PAUSED raises nothing at all. All times are wall clock, milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from cloud_sync.assurance import incident, questions
from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import CLOCK_NOISE_MAX_MS, State, Verdict
from cloud_sync.assurance.finding import NOTHING_YET, Finding
from cloud_sync.assurance.household import Event, Household
from cloud_sync.assurance.incident import Incident
from cloud_sync.assurance.local_time import Local, local, minutes, within
from cloud_sync.assurance.plan import Asked, Plan, Question
from cloud_sync.assurance.watching import Stretch, judge_question, lost_sensors

BLIND: Final = "blind"
_CALLS: Final = (
    Question.HELP,
    Question.HAZARD,
)  # a call counts however blind we are; blind to them at night is grave
_OF_ABSENCE: Final = (Question.UP, Question.MOVING, Question.OUT)  # they take silence for a sign
_NOTHING_MISSED: Final = (
    Cause.WATCH_SILENT,
    Cause.NOT_JUDGED,
    Cause.NOBODY_SINCE,
)  # what happened meanwhile is in the store
_SEEN: Final = (State.WATCHING, State.PARTLY)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look brought: only what changed.

    Attributes:
        stretches: of the ledger: those that ended and those that began.
        incidents: raised, updated or closed.
    """

    stretches: tuple[Stretch, ...]
    incidents: tuple[Incident, ...]


@dataclass(slots=True)
class _Watch:
    """One question of this home, and how it stands."""

    asked: Asked
    subject: str  # of its incidents
    ask: Callable[[Household, Plan, questions.Moment], Finding]
    verdicts: tuple[Verdict | None, ...] | None = None
    lost: frozenset[str] = frozenset()
    watched_ms: int = 0
    untracked: bool = False
    stretch: Stretch | None = None  # of the ledger, the one that lasts
    finding: Finding = NOTHING_YET


class HomeWatch:
    """The watch over one home."""

    __slots__ = ("_plan", "_watches", "household", "incidents")

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._watches = tuple(
            _Watch(asked, asked.question.value, questions.ASK[asked.question]) for asked in plan.asked()
        )
        self.household = Household(plan)
        self.incidents: dict[str, Incident] = {}  # the open ones, by subject

    @property
    def findings(self) -> dict[Question, Finding]:
        """What each question found at the last look."""
        return {watch.asked.question: watch.finding for watch in self._watches}

    @property
    def ledger(self) -> dict[Question, Stretch]:
        """How well each question is watched, since when and why."""
        return {watch.asked.question: watch.stretch for watch in self._watches if watch.stretch}

    def resume(self, stretches: Iterable[Stretch], incidents: Iterable[Incident]) -> None:
        """Go on from what was written before: the stretches that last, and the open incidents."""
        lasting = {stretch.question: stretch for stretch in stretches}
        for watch in self._watches:
            watch.stretch = lasting.get(watch.asked.question)
            if watch.stretch and watch.stretch.state in _SEEN:
                watch.watched_ms = watch.stretch.from_ms
        self.incidents = {one.subject: one for one in incidents if one.closed_ms is None}

    def look(self, now_ms: int, verdicts: Mapping[str, Verdict], events: Iterable[Event]) -> Look:
        """Take in what came since the last look, and ask every question.

        Args:
            now_ms: wall clock.
            verdicts: on each sensor, by address; one that is missing is not watched.
            events: readings that became known since the last look, in any order.
        """
        for event in sorted(events):
            self.household.hear(event)
        at = local(now_ms, self.household.zone)
        stretches = [s for watch in self._watches for s in self._judge(watch, verdicts, now_ms)]
        changed = [self._ask(watch, now_ms, at) for watch in self._watches]
        changed.append(self._see_to_blindness(now_ms, at))
        return Look(tuple(stretches), tuple(one for one in changed if one is not None))

    def take(self, subject: str, who: str, now_ms: int) -> Incident | None:
        """Somebody has an incident in hand; None if there is none."""
        before = self.incidents.get(subject)
        return self._keep(subject, incident.take(before, who, now_ms)) if before else None

    def close(self, subject: str, outcome: str, now_ms: int) -> Incident | None:
        """A person closes an incident; None if there is none. A press is over only so."""
        if subject == Question.HELP.value:
            self.household.pressed.clear()
        before = self.incidents.get(subject)
        return self._keep(subject, incident.close(before, outcome, now_ms)) if before else None

    def _judge(self, watch: _Watch, verdicts: Mapping[str, Verdict], now_ms: int) -> Iterator[Stretch]:
        """Bring the ledger up to date; what changed in it."""
        now = tuple(map(verdicts.get, watch.asked.leaning))
        if now == watch.verdicts and watch.untracked == self.household.untracked:
            return
        lost, watch.verdicts = lost_sensors(watch.asked, now), now
        # A sensor found again saw nothing before: no silence is counted from when it was lost.
        found, watch.lost = watch.lost - lost, lost
        verdict, before = judge_question(watch.asked, now, now_ms=now_ms), watch.stretch
        if watch.asked.question is Question.MOVING and verdict.state in _SEEN:
            self._keep_track(before, found, now_ms)
        watch.untracked = self.household.untracked
        if watch.untracked and watch.asked.question in _OF_ABSENCE and verdict.state in _SEEN:
            verdict = Verdict(State.BLIND, Cause.NOBODY_SINCE, self.household.unwatched_ms)
        if verdict.state in _SEEN and (found or before is None or before.state not in _SEEN):
            watch.watched_ms = now_ms
        if (
            before
            and (before.state, before.cause) == (verdict.state, verdict.cause)
            and not _anew(before, verdict)
        ):
            return
        # What is lost was lost since its last proof; what is seen is seen from now on.
        from_ms = verdict.since_ms if verdict.state in {State.BLIND, State.PARTLY} else now_ms
        if before:
            # What we learn of the past stands beside what we said then: never before the stretch that is closed.
            from_ms = max(from_ms, before.from_ms)
            yield replace(before, until_ms=from_ms)
        watch.stretch = Stretch(watch.asked.question, verdict.state, verdict.cause, from_ms, now_ms)
        yield watch.stretch

    def _keep_track(self, before: Stretch | None, found: frozenset[str], now_ms: int) -> None:
        """After a blindness nobody knows who is at home; after a lost sensor, only for how long it was still."""
        if before and before.state not in _SEEN and before.cause not in _NOTHING_MISSED:
            self.household.lose_track(now_ms)
        elif found or before is None:
            self.household.unwatch(now_ms)

    def _ask(self, watch: _Watch, now_ms: int, at: Local) -> Incident | None:
        """The question's incident if it changed."""
        question, stretch = watch.asked.question, watch.stretch
        state = stretch.state if stretch else State.BLIND
        if state is State.PAUSED or (state is State.BLIND and question not in _CALLS):
            watch.finding = NOTHING_YET
            return None
        moment = questions.Moment(now_ms, at, watch.watched_ms, watch.lost)
        watch.finding = watch.ask(self.household, self._plan, moment)
        before = self.incidents.get(watch.subject)
        after = incident.of_question(watch.subject, before, watch.finding, now_ms)
        return self._keep(watch.subject, after) if after is not None and after is not before else None

    def _see_to_blindness(self, now_ms: int, at: Local) -> Incident | None:
        blind = [
            watch.stretch for watch in self._watches if watch.stretch and watch.stretch.state is State.BLIND
        ]
        before = self.incidents.get(BLIND)
        if not blind and before is None:
            return None
        p = self._plan.parameters
        grave = any(stretch.question in _CALLS for stretch in blind) and within(
            at.minute, minutes(p.night_from), minutes(p.night_until)
        )
        after = incident.of_blindness(before, incident.longest(blind), now_ms, grave=grave)
        return self._keep(BLIND, after) if after is not None and after is not before else None

    def _keep(self, subject: str, now: Incident) -> Incident:
        if now.closed_ms is None:
            self.incidents[subject] = now
        else:
            self.incidents.pop(subject, None)
        return now


def _anew(before: Stretch, verdict: Verdict) -> bool:
    """Whether proof in between has ended one blindness and begun another of the same kind."""
    return verdict.state is State.BLIND and verdict.since_ms > before.from_ms + CLOCK_NOISE_MAX_MS
