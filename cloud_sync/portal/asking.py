"""A home's questions and incidents in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from cloud_sync.assurance.causes import words
from cloud_sync.assurance.coverage import State, Verdict, as_of
from cloud_sync.assurance.finding import Answer, Severity
from cloud_sync.assurance.incident import About, Audience, Incident
from cloud_sync.assurance.plan import QUESTION_WORDS, Question
from cloud_sync.assurance.titles import TITLES
from cloud_sync.portal.lookers import person_words
from cloud_sync.portal.words import Clock, Time
from cloud_sync.receiver.store.assured import Asked
from cloud_sync.receiver.store.homes import Home
from cloud_sync.receiver.store.notices import Telling

_ORDER: Final = (  # what matters first
    Question.HELP,
    Question.HAZARD,
    Question.UP,
    Question.MOVING,
    Question.OUT,
    Question.WARM,
    Question.DOOR,
    Question.WANDERING,
)
_STATES: Final = {
    State.WATCHING: "Watched",
    State.PARTLY: "Partly watched",
    State.BLIND: "We cannot tell",
    State.PAUSED: "Paused",
}
_AUDIENCES: Final = {
    Audience.OPERATIONS: "The people who run this service were",
    Audience.FAMILY: "The family was",
}
_ANSWERS: Final = {Answer.YES: "Yes.", Answer.NO: "No.", Answer.OPEN: ""}
_CALLED: Final = {Answer.YES: "None.", Answer.NO: "Yes.", Answer.OPEN: ""}  # all is well if there is none


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One question: how it stands, and how far we can see."""

    title: str
    answer: str
    evidence: str
    state: State
    state_word: str
    since: Time
    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class IncidentView:
    """What needs somebody now."""

    title: str
    evidence: str
    since: Time
    in_hand: str
    hand_since: Time | None
    about_us: bool
    pressing: bool
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EndedView:
    """What needed somebody, and how it ended."""

    title: str
    evidence: str
    since: Time
    until: Time
    closed_by: str
    outcome: str


def questions(home: Home, clock: Clock) -> tuple[QuestionView, ...]:
    """The questions of a home as they may be shown: none reads as watched while the watch itself is silent."""
    asked = sorted(home.asked, key=lambda one: _ORDER.index(one.stretch.question))
    return tuple(_question(one, _verdict(one, home, clock.now_ms), clock) for one in asked)


def incidents(home: Home, clock: Clock) -> tuple[IncidentView, ...]:
    """What needs somebody, the most pressing first. What of ours is not for the family stays with operations."""
    return tuple(
        IncidentView(
            TITLES[one.subject],
            one.evidence,
            clock.time(one.happened_ms),
            person_words(one.in_hand) if one.in_hand else "",
            None if one.hand_ms is None else clock.time(one.hand_ms),
            one.about is About.US,
            one.severity >= Severity.URGENT,
            tuple(_told(each, clock) for each in home.tellings if _of(each, one)),
        )
        for one in sorted(home.incidents, key=_pressing)
    )


def ended(home: Home, clock: Clock) -> tuple[EndedView, ...]:
    """What ended lately, the last one first: whoever was told of it is told how it ended."""
    return tuple(
        EndedView(
            TITLES[one.subject],
            one.evidence,
            clock.time(one.happened_ms),
            clock.time(one.closed_ms or one.updated_ms),
            person_words(one.closed_by) if one.closed_by else "",
            one.outcome,
        )
        for one in home.ended
    )


def question_facts(home: Home, now_ms: int) -> list[dict[str, Any]]:
    """The same as plain facts for JSON."""
    found = []
    for asked in home.asked:
        verdict = _verdict(asked, home, now_ms)
        seen = verdict.state in {State.WATCHING, State.PARTLY}
        found.append(
            {
                "question": asked.stretch.question.value,
                "answer": (asked.answer if seen else Answer.OPEN).value,
                "evidence": asked.evidence if seen else "",
                "asked_ms": asked.asked_ms,
                "state": verdict.state.value,
                "cause": verdict.cause.value,
                "since_ms": verdict.since_ms,
                "known_ms": asked.stretch.known_ms,
            }
        )
    return found


def incident_facts(incidents: Iterable[Incident]) -> list[dict[str, Any]]:
    """Incidents as plain facts for JSON."""
    return [
        {
            "subject": one.subject,
            "about": one.about.value,
            "happened_ms": one.happened_ms,
            "raised_ms": one.raised_ms,
            "severity": one.severity.name.lower(),
            "evidence": one.evidence,
            "in_hand": one.in_hand,
            "hand_ms": one.hand_ms,
            "closed_ms": one.closed_ms,
            "closed_by": one.closed_by,
            "outcome": one.outcome,
        }
        for one in incidents
    ]


def _of(telling: Telling, one: Incident) -> bool:
    return (telling.subject, telling.raised_ms) == (one.subject, one.raised_ms)


def _told(telling: Telling, clock: Clock) -> str:
    """Whether an audience was reached: never more than is known."""
    whom = _AUDIENCES[telling.audience]
    if telling.delivered_ms is not None:
        return f"{whom} told at {clock.time(telling.delivered_ms).text}."
    if telling.waiting:
        return f"{whom} not reached yet; we keep trying."
    if telling.withheld:
        return f"{whom} not told: this home has not agreed to it."
    return f"{whom} not told by message: nobody has set up how. It stands on this page."


def _question(asked: Asked, verdict: Verdict, clock: Clock) -> QuestionView:
    told = words(verdict.cause)
    answers = _CALLED if asked.stretch.question in {Question.HELP, Question.HAZARD} else _ANSWERS
    seen = verdict.state in {State.WATCHING, State.PARTLY}
    return QuestionView(
        title=QUESTION_WORDS[asked.stretch.question],
        answer=answers[asked.answer] if seen else "",
        evidence=asked.evidence if seen else "",
        state=verdict.state,
        state_word=_STATES[verdict.state],
        since=clock.time(verdict.since_ms),
        why="" if verdict.state is State.WATCHING else told.of_home,
        remedy="" if verdict.state is State.WATCHING else told.remedy,
    )


def _verdict(asked: Asked, home: Home, now_ms: int) -> Verdict:
    stretch = asked.stretch
    stored = Verdict(stretch.state, stretch.cause, stretch.from_ms)
    return as_of(stored, now_ms=now_ms, evaluated_ms=home.evaluated_ms)


def _pressing(one: Incident) -> tuple[int, int]:
    return -one.severity, one.happened_ms
