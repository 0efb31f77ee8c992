"""Telling a person of an incident: whom, when again, and in which words. Pure.

What is due follows from the incident as it stands and the time alone, and everything that is told once has one id: so
it can be worked out at every look and after every restart, and is told once all the same. Words say what kind of thing
it is and since when; who, where and on what evidence stands on the page, behind the home's own rules.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from cloud_sync.assurance.finding import Severity
from cloud_sync.assurance.incident import About, Audience, Incident
from cloud_sync.assurance.local_time import MINUTE_MS, MINUTES_A_DAY, spoken
from cloud_sync.assurance.titles import TITLES

DAY_MS: Final = MINUTES_A_DAY * MINUTE_MS
REMIND_FIRST_MS: Final[Mapping[Severity, int]] = {  # then after twice as long, and so on, and at least daily
    Severity.EMERGENCY: 10 * MINUTE_MS,
    Severity.URGENT: 30 * MINUTE_MS,
    Severity.RAISE: 60 * MINUTE_MS,
    Severity.NOTE: DAY_MS,
}
LATE_MS: Final[Mapping[Severity, int]] = {  # undelivered for so long, a notice is an alarm itself
    Severity.EMERGENCY: 2 * MINUTE_MS,
    Severity.URGENT: 5 * MINUTE_MS,
    Severity.RAISE: 10 * MINUTE_MS,
    Severity.NOTE: 60 * MINUTE_MS,
}
RETRY_FIRST_MS: Final = 5_000
RETRY_MAX_MS: Final = 900_000

_OURS: Final = " It does not mean that something is wrong at home."


class Occasion(enum.Enum):
    """What a notice is told for."""

    RAISED = "raised"  # or it presses more than before
    REMINDED = "reminded"  # nobody has it in hand yet
    TAKEN = "taken"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Notice:
    """One telling.

    Attributes:
        id: the same for the same telling, 32 hexadecimal digits.
        home: its id; empty: the site itself.
        subject: of the incident.
        raised_ms: of the incident.
        about: the person, or us.
        severity: how much it presses.
        audience: who is told.
        occasion: what for.
        words: one or two sentences.
        happened_ms: since when it is so, wall clock.
        known_ms: when we knew.
        not_by: a channel that does not carry it; empty: none.
    """

    id: str
    home: str
    subject: str
    raised_ms: int
    about: About
    severity: Severity
    audience: Audience
    occasion: Occasion
    words: str
    happened_ms: int
    known_ms: int
    not_by: str = ""


def due(home: str, incident: Incident, zone: ZoneInfo, now_ms: int) -> Iterator[Notice]:
    """All that is to be told of an incident as it stands, for each who is told; what was told already among it."""
    for audience in Audience:
        if audience > incident.audience:
            return
        for occasion, turn, happened_ms in _occasions(incident, now_ms):
            key = f"{home}/{incident.subject}/{incident.raised_ms}/{audience.name}/{occasion.value}/{turn}"
            yield Notice(
                notice_id(key),
                home,
                incident.subject,
                incident.raised_ms,
                incident.about,
                incident.severity,
                audience,
                occasion,
                _words(home, incident, occasion, spoken(happened_ms, zone)),
                happened_ms,
                now_ms,
            )


def of_site(subject: str, words: str, since_ms: int, now_ms: int, *, not_by: str = "") -> Notice:
    """Operations are told of a trouble of the site itself that began then."""
    return Notice(
        notice_id(f"/{subject}/{since_ms}/{not_by}/{words}"),
        "",
        subject,
        since_ms,
        About.US,
        Severity.URGENT,
        Audience.OPERATIONS,
        Occasion.RAISED,
        words,
        since_ms,
        now_ms,
        not_by,
    )


def notice_id(key: str) -> str:
    """An id that says nothing of what it stands for."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def reminders(severity: Severity, open_ms: int) -> int:
    """How many reminders are due of what has been open, and in nobody's hand, for so long."""
    lasted_ms = max(0, open_ms)
    return (lasted_ms // REMIND_FIRST_MS[severity]).bit_length() + lasted_ms // DAY_MS


def retry_ms(tries: int, chance: float) -> int:
    """How long to wait after so many tries that failed: twice as long each time, up to a limit, less up to a half."""
    return int(min(RETRY_FIRST_MS * 2 ** min(tries - 1, 10), RETRY_MAX_MS) * (1 - chance / 2))


def _occasions(incident: Incident, now_ms: int) -> Iterator[tuple[Occasion, int, int]]:
    """What is told, which time it is of that, and since when it is so."""
    if incident.closed_ms is not None:
        yield Occasion.CLOSED, 0, incident.closed_ms
        return
    yield Occasion.RAISED, incident.severity, incident.happened_ms
    if incident.in_hand:
        taken_ms = incident.hand_ms or incident.updated_ms
        yield Occasion.TAKEN, taken_ms, taken_ms
    elif turn := reminders(incident.severity, now_ms - incident.raised_ms):
        yield Occasion.REMINDED, turn, incident.happened_ms


def _words(home: str, incident: Incident, occasion: Occasion, clock: str) -> str:
    title = f"{home}: {TITLES[incident.subject]}"
    ours = _OURS if incident.about is About.US else ""
    match occasion:
        case Occasion.RAISED:
            return f"{title}, since {clock}.{ours}"
        case Occasion.REMINDED:
            return f"{title}, since {clock}. Nobody has said yet that they have it in hand.{ours}"
        case Occasion.TAKEN:
            return f"{title}. Somebody has had it in hand since {clock}."
        case Occasion.CLOSED:
            how = "somebody closed it" if incident.closed_by else "it ended by itself"
            return f"{title}: over at {clock}, {how}."
