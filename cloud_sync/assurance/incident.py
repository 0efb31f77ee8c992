"""One dated "no" or "cannot tell", open until it is closed. Pure.

Both clocks: when it began to be so (``happened_ms``), and when we knew (``raised_ms``).
"""

from __future__ import annotations

import enum
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from typing import Final

from cloud_sync.assurance.causes import Cause, words
from cloud_sync.assurance.finding import Answer, Finding, Severity
from cloud_sync.assurance.local_time import MINUTE_MS
from cloud_sync.assurance.plan import Question
from cloud_sync.assurance.titles import BLIND
from cloud_sync.assurance.watching import Stretch

BLIND_TOLD_MS: Final = 30 * MINUTE_MS  # by day, to operations
BLIND_FAMILY_MS: Final = 240 * MINUTE_MS  # to the family, until someone has it in hand
REST_MS: Final = (
    240 * MINUTE_MS
)  # what a person has closed is not told again for so long, while it stays the same
NOT_ASKED: Final = "This is no longer asked of this home."
_STANDING: Final = frozenset({Question.HELP.value})  # over only when a person says so


class About(enum.Enum):
    """Whom an incident is about."""

    PERSON = "person"
    US = "us"  # our own blindness; never about her


class Audience(enum.IntEnum):
    """Who is told; each includes those before."""

    OPERATIONS = 1
    FAMILY = 2


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as it stands.

    Attributes:
        subject: the question's name, ``blind``, ``consent`` or ``pause``.
        about: the person, or us.
        happened_ms: since when it has been so, wall clock.
        raised_ms: when we knew.
        updated_ms: when something of it last changed.
        evidence: in plain words.
        severity: how much it presses.
        audience: who is told.
        in_hand: who said "I have it"; empty: nobody yet.
        hand_ms: since when they have it, wall clock.
        closed_ms: when it ended; None: open.
        outcome: why it was closed, in plain words.
        closed_by: who closed it; empty: it ended by itself.
    """

    subject: str
    about: About
    happened_ms: int
    raised_ms: int
    updated_ms: int
    evidence: str
    severity: Severity
    audience: Audience
    in_hand: str = ""
    hand_ms: int | None = None
    closed_ms: int | None = None
    outcome: str = ""
    closed_by: str = ""


def of_question(subject: str, before: Incident | None, found: Finding, now_ms: int) -> Incident | None:
    """The incident about the person after a look at a watched question; None if there is none."""
    match found.answer:
        case Answer.NO if before is None:
            return Incident(
                subject,
                About.PERSON,
                found.since_ms,
                now_ms,
                now_ms,
                found.evidence,
                found.severity,
                Audience.FAMILY,
            )
        case Answer.NO if before is not None and found.severity > before.severity:
            return replace(before, severity=found.severity, evidence=found.evidence, updated_ms=now_ms)
        case Answer.YES if before is not None and subject not in _STANDING:
            return close(before, found.evidence, now_ms)
    return before


def rests(closed: Incident, found: Finding, now_ms: int) -> bool:
    """Whether a "no" is what a person has closed already; not if it began anew, presses more, or goes on for long."""
    return (
        found.since_ms <= (closed.closed_ms or 0)
        and found.severity <= closed.severity
        and now_ms - (closed.closed_ms or 0) < REST_MS
    )


def dropped(open_ones: Iterable[Incident], asked: Container[str], now_ms: int) -> list[Incident]:
    """Those that nothing will ever end, since their question is no longer asked: closed, and why."""
    return [
        close(one, NOT_ASKED, now_ms)
        for one in open_ones
        if one.about is About.PERSON and one.subject not in asked
    ]


def of_blindness(
    before: Incident | None, blind: Stretch | None, now_ms: int, *, grave: bool
) -> Incident | None:
    """The incident about our own blindness.

    Args:
        before: the open one, if there is one.
        blind: the longest blindness that lasts; None if there is none.
        now_ms: wall clock.
        grave: it is night, and help or smoke is asked for and cannot be heard.
    """
    if blind is None:
        return close(before, "We see again.", now_ms) if before else None
    lasted_ms = now_ms - blind.from_ms
    if before is None and lasted_ms < BLIND_TOLD_MS and not grave:
        return None
    audience = Audience.FAMILY if grave or lasted_ms >= BLIND_FAMILY_MS else Audience.OPERATIONS
    if before is None:
        why = words(blind.cause).of_home
        return Incident(BLIND, About.US, blind.from_ms, now_ms, now_ms, why, Severity.RAISE, audience)
    if audience > before.audience and not before.in_hand:
        return replace(before, audience=audience, updated_ms=now_ms)
    return before


def of_note(subject: str, before: Incident | None, note: str, now_ms: int) -> Incident | None:
    """What is to be told of an agreement or a pause: raised while there is something, told anew when it changes."""
    if not note:
        return close(before, "It is settled.", now_ms) if before else None
    if before is None:
        return Incident(subject, About.US, now_ms, now_ms, now_ms, note, Severity.NOTE, Audience.FAMILY)
    return before if before.evidence == note else replace(before, evidence=note, updated_ms=now_ms)


def take(incident: Incident, who: str, now_ms: int, since_ms: int | None = None) -> Incident:
    """Somebody has it in hand, since now or an earlier time."""
    hand_ms = now_ms if since_ms is None else since_ms
    return replace(incident, in_hand=who, hand_ms=hand_ms, updated_ms=now_ms)


def close(incident: Incident, outcome: str, now_ms: int, who: str = "") -> Incident:
    """It is over; somebody says so, or it ended by itself."""
    return replace(incident, closed_ms=now_ms, updated_ms=now_ms, outcome=outcome, closed_by=who)


def longest(blind: Iterable[Stretch]) -> Stretch | None:
    """The blindness that has lasted longest, of those that somebody must mend; None if there is none."""
    ours = (stretch for stretch in blind if stretch.cause is not Cause.NO_SENSORS)
    return min(ours, key=lambda stretch: stretch.from_ms, default=None)
