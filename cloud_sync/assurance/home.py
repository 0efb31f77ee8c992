"""READ FIRST (assurance): one home, looked at each minute. Is she all right, and are we really watching?

    events ─> household ─> questions ─> findings ─┐
    verdicts on sensors ─> watched? (ledger) ─────┴─> incidents

A question that is BLIND raises nothing about the person, save a call for help: blindness is an incident of its own. A
call from a hub that waits to be confirmed is told to operations alone (``unconfirmed.py``). One that is PAUSED raises
nothing at all, save a call for help that nobody asked to pause. When a pause of the movements ends, nobody knows who is
at home: until the first one the questions of absence stay PAUSED, for long enough, and are BLIND after. All times are
wall clock, milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from cloud_sync.assurance import incident, questions
from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import CLOCK_NOISE_MAX_MS, State, Verdict
from cloud_sync.assurance.finding import NOTHING_YET, Finding
from cloud_sync.assurance.household import Event, Household
from cloud_sync.assurance.incident import Incident
from cloud_sync.assurance.local_time import MINUTE_MS, Local, local, minutes, within
from cloud_sync.assurance.pausing import CALLS, NOTHING, Closed
from cloud_sync.assurance.plan import Asked, Plan, Question
from cloud_sync.assurance.response import CALLERS, Act, Response
from cloud_sync.assurance.titles import BLIND
from cloud_sync.assurance.unconfirmed import doubted, labelled, unlabelled
from cloud_sync.assurance.watching import Stretch, judge_question, lost_sensors

# A call (``CALLS``) counts however blind we are; blind to them at night is grave.
_OF_ABSENCE: Final = (Question.UP, Question.MOVING, Question.OUT)  # they take silence for a sign
NOTHING_MISSED: Final = (
    Cause.WATCH_SILENT,
    Cause.NOT_JUDGED,
    Cause.NOBODY_SINCE,
    Cause.AFTER_PAUSE,
)  # what happened meanwhile is in the store
_NOT_ON_PURPOSE: Final = (Cause.NOT_AGREED, Cause.AGREEMENT_ENDED)
NO_NOTES: Final[Mapping[str, str]] = MappingProxyType({})
SEEN: Final = (State.WATCHING, State.PARTLY)


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
    closed: Verdict | None = None  # why it is not asked
    lost: frozenset[str] = frozenset()
    watched_ms: int = 0
    untracked: bool = False
    stretch: Stretch | None = None  # of the ledger, the one that lasts
    finding: Finding = NOTHING_YET


class HomeWatch:
    """The watch over one home."""

    __slots__ = ("_closed", "_plan", "_resumed_ms", "_watches", "household", "incidents")

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._watches = tuple(
            _Watch(asked, asked.question.value, questions.ASK[asked.question]) for asked in plan.asked()
        )
        self.household = Household(plan)
        self.incidents: dict[str, Incident] = {}  # the open ones, by subject
        self._closed: dict[str, Incident] = {}  # by a person, the last one of each subject
        self._resumed_ms: int | None = None  # a pause ended then, and nobody was seen since

    @property
    def findings(self) -> dict[Question, Finding]:
        """What each question found at the last look."""
        return {watch.asked.question: watch.finding for watch in self._watches}

    @property
    def ledger(self) -> dict[Question, Stretch]:
        """How well each question is watched, since when and why."""
        return {watch.asked.question: watch.stretch for watch in self._watches if watch.stretch}

    def resume(
        self, stretches: Iterable[Stretch], incidents: Iterable[Incident], closed: Iterable[Incident] = ()
    ) -> None:
        """Go on from what was written before.

        Args:
            stretches: those that last.
            incidents: those that are open.
            closed: those that a person closed lately, in that order.
        """
        lasting = {stretch.question: stretch for stretch in stretches}
        for watch in self._watches:
            watch.stretch = lasting.get(watch.asked.question)
            if watch.stretch and watch.stretch.state in SEEN:
                watch.watched_ms = watch.stretch.from_ms
            elif watch.stretch and watch.stretch.cause is Cause.AFTER_PAUSE:
                self._resumed_ms = watch.stretch.from_ms
        self.incidents = {one.subject: one for one in incidents if one.closed_ms is None}
        self._closed = {one.subject: one for one in closed}

    def look(
        self,
        now_ms: int,
        verdicts: Mapping[str, Verdict],
        events: Iterable[Event],
        closed: Closed = NOTHING,
        notes: Mapping[str, str] = NO_NOTES,
    ) -> Look:
        """Take in what came since the last look, and ask every question.

        Args:
            now_ms: wall clock.
            verdicts: on each sensor, by address; one that is missing is not watched.
            events: readings that became known since the last look, in any order.
            closed: what is not asked.
            notes: what is to be told of agreements and pauses, by subject; empty: nothing.
        """
        for event in sorted(events):
            self.household.hear(event)
        if not self.household.untracked:
            self._resumed_ms = None
        at = local(now_ms, self.household.zone)
        stretches = [s for watch in self._watches for s in self._judge(watch, verdicts, closed, now_ms)]
        changed = [self._ask(watch, now_ms, at) for watch in self._watches]
        changed.append(self._see_to_blindness(now_ms, at))
        changed += [self._tell(subject, note, now_ms) for subject, note in notes.items()]
        return Look(tuple(stretches), tuple(one for one in changed if one is not None))

    def respond(self, response: Response, now_ms: int, since: Iterable[Event] = ()) -> Incident | None:
        """Take up what somebody said of an incident.

        Args:
            response: what was said.
            now_ms: wall clock.
            since: what this home told after what they could know of; no call in it is answered by them.

        Returns:
            The incident as it now stands; None if it is no longer open.
        """
        before = self.incidents.get(response.subject)
        if before is None or before.raised_ms != response.raised_ms:
            return None
        if response.act is Act.TAKE:
            return self._keep(
                before.subject, incident.take(before, response.who, now_ms, response.happened_ms)
            )
        if (role := CALLERS.get(response.subject)) is not None:
            self.household.answer(role, since)
        closed = incident.close(before, response.said, now_ms, response.who)
        self._closed[before.subject] = closed
        return self._keep(before.subject, closed)

    def _judge(
        self, watch: _Watch, verdicts: Mapping[str, Verdict], closed: Closed, now_ms: int
    ) -> Iterator[Stretch]:
        """Bring the ledger up to date; what changed in it."""
        now = tuple(map(verdicts.get, watch.asked.leaning))
        not_asked = _not_asked(watch, closed)
        same = (now, not_asked) == (watch.verdicts, watch.closed)
        if same and watch.untracked == self.household.untracked and self._resumed_ms is None:
            return
        watch.closed = not_asked
        lost, watch.verdicts = lost_sensors(watch.asked, now), now
        # A sensor found again saw nothing before: no silence is counted from when it was lost.
        found, watch.lost = watch.lost - lost, lost
        verdict, before = not_asked or judge_question(watch.asked, now, now_ms=now_ms), watch.stretch
        if watch.asked.question is Question.MOVING and verdict.state in SEEN:
            self._keep_track(before, found, now_ms)
        watch.untracked = self.household.untracked
        if watch.untracked and watch.asked.question in _OF_ABSENCE and verdict.state in SEEN:
            verdict = self._nobody_since(now_ms)
        if verdict.state in SEEN and (found or before is None or before.state not in SEEN):
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
        began = before is None or before.cause is Cause.NOT_AGREED
        if before and not began and before.state not in SEEN and before.cause not in NOTHING_MISSED:
            self.household.lose_track(now_ms)
            self._resumed_ms = now_ms if before.state is State.PAUSED else None
        elif found or began:
            self.household.unwatch(now_ms)

    def _nobody_since(self, now_ms: int) -> Verdict:
        """Nobody was seen since we see again; after a pause that is no fault of anybody's, but for ever it is."""
        since_ms = self.household.unwatched_ms
        if self._resumed_ms is None:
            return Verdict(State.BLIND, Cause.NOBODY_SINCE, since_ms)
        patient_until_ms = self._resumed_ms + int(self._plan.parameters.silence_max_h * 60) * MINUTE_MS
        if now_ms < patient_until_ms:
            return Verdict(State.PAUSED, Cause.AFTER_PAUSE, self._resumed_ms)
        return Verdict(State.BLIND, Cause.NOBODY_SINCE, patient_until_ms)

    def _tell(self, subject: str, note: str, now_ms: int) -> Incident | None:
        before = self.incidents.get(subject)
        after = incident.of_note(subject, before, note, now_ms)
        return self._keep(subject, after) if after is not None and after is not before else None

    def _ask(self, watch: _Watch, now_ms: int, at: Local) -> Incident | None:
        """The question's incident if it changed."""
        question, stretch = watch.asked.question, watch.stretch
        state = stretch.state if stretch else State.BLIND
        paused = state is State.PAUSED and not (
            question in CALLS and stretch and stretch.cause in _NOT_ON_PURPOSE
        )
        if paused or (state is State.BLIND and question not in CALLS):
            watch.finding = NOTHING_YET
            return None
        moment = questions.Moment(now_ms, at, watch.watched_ms, watch.lost)
        watch.finding = watch.ask(self.household, self._plan, moment)
        before, closed = self.incidents.get(watch.subject), self._closed.get(watch.subject)
        calls = question in CALLS
        if before is None and closed and not calls and incident.rests(closed, watch.finding, now_ms):
            return None
        bare = unlabelled(before) if before else None
        after = incident.of_question(watch.subject, bare, watch.finding, now_ms)
        now = before if after is bare else after
        after = labelled(before, now, now_ms, doubt=doubted(watch.verdicts or ()))
        return self._keep(watch.subject, after) if after is not None and after is not before else None

    def _see_to_blindness(self, now_ms: int, at: Local) -> Incident | None:
        blind = [
            watch.stretch for watch in self._watches if watch.stretch and watch.stretch.state is State.BLIND
        ]
        before = self.incidents.get(BLIND)
        if not blind and before is None:
            return None
        p = self._plan.parameters
        grave = any(stretch.question in CALLS for stretch in blind) and within(
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


def _not_asked(watch: _Watch, closed: Closed) -> Verdict | None:
    """Why a question is not asked. One that was PAUSED stays so while it is closed, whatever else is asked for meanwhile."""
    question, stretch = watch.asked.question, watch.stretch
    lasting = stretch is not None and stretch.state is State.PAUSED and stretch.cause is not Cause.AFTER_PAUSE
    return closed.verdicts.get(question) if question in closed.certain or lasting else None
