"""A home's questions and incidents in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from cloud_sync.assurance.causes import words
from cloud_sync.assurance.coverage import State, Verdict, as_of
from cloud_sync.assurance.finding import Answer
from cloud_sync.assurance.incident import About, Incident
from cloud_sync.assurance.plan import TITLES, Question
from cloud_sync.portal.words import Clock, Time
from cloud_sync.receiver.store.assured import Asked
from cloud_sync.receiver.store.homes import Home

_OF_OURS: Final = {"consent": "What was agreed", "pause": "A pause"}
_STATES: Final = {
    State.WATCHING: "Watched",
    State.PARTLY: "Partly watched",
    State.BLIND: "We cannot tell",
    State.PAUSED: "Paused",
}
_ANSWERS: Final = {Answer.YES: "Yes.", Answer.NO: "No.", Answer.OPEN: ""}


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
    about_us: bool


def questions(home: Home, clock: Clock) -> tuple[QuestionView, ...]:
    """The questions of a home as they may be shown: none reads as watched while the watch itself is silent."""
    return tuple(_question(asked, _verdict(asked, home, clock.now_ms), clock) for asked in home.asked)


def incidents(home: Home, clock: Clock) -> tuple[IncidentView, ...]:
    """What needs somebody, the most pressing first. What of ours is not for the family stays with operations."""
    return tuple(
        IncidentView(
            _OF_OURS.get(one.subject, "We cannot see")
            if one.about is About.US
            else TITLES[Question(one.subject)] + "? No.",
            one.evidence,
            clock.time(one.happened_ms),
            one.in_hand,
            one.about is About.US,
        )
        for one in sorted(home.incidents, key=_pressing)
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


def incident_facts(home: Home) -> list[dict[str, Any]]:
    """Open incidents as plain facts for JSON."""
    return [
        {
            "subject": one.subject,
            "about": one.about.value,
            "happened_ms": one.happened_ms,
            "raised_ms": one.raised_ms,
            "severity": one.severity.name.lower(),
            "evidence": one.evidence,
            "in_hand": one.in_hand,
        }
        for one in home.incidents
    ]


def _question(asked: Asked, verdict: Verdict, clock: Clock) -> QuestionView:
    told = words(verdict.cause)
    seen = verdict.state in {State.WATCHING, State.PARTLY}
    return QuestionView(
        title=TITLES[asked.stretch.question],
        answer=_ANSWERS[asked.answer] if seen else "",
        evidence=asked.evidence if seen else "",
        state=verdict.state,
        state_word=_STATES[verdict.state],
        since=clock.time(verdict.since_ms),
        why="" if verdict.state is State.WATCHING else told.why,
        remedy="" if verdict.state is State.WATCHING else told.remedy,
    )


def _verdict(asked: Asked, home: Home, now_ms: int) -> Verdict:
    stretch = asked.stretch
    stored = Verdict(stretch.state, stretch.cause, stretch.from_ms)
    return as_of(stored, now_ms=now_ms, evaluated_ms=home.evaluated_ms)


def _pressing(one: Incident) -> tuple[int, int]:
    return -one.severity, one.happened_ms
