"""What people say of an incident: "I have it", and what was found. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cloud_sync.assurance.incident import About, Incident
from cloud_sync.assurance.plan import Question
from device_profiles.role import Role
from zero_trust.reasons import Refused

CLOCK_NOISE_MAX_MS: Final = 60_000  # people say "just now"
SAID_MAX_CHARS: Final = 500
CALLERS: Final[Mapping[str, Role]] = {  # whose calls are answered by closing
    Question.HELP.value: Role.HELP,
    Question.HAZARD.value: Role.HAZARD,
}


class Act(enum.Enum):
    """What somebody does about an incident."""

    TAKE = "take"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Response:
    """What somebody said of an incident.

    Attributes:
        subject: of the incident.
        raised_ms: of the incident: which one of that subject.
        act: what they do about it.
        who: as the audit names them.
        said: why, or what was found, in plain words.
        happened_ms: when they did it, wall clock.
        known_ms: when we were told.
    """

    subject: str
    raised_ms: int
    act: Act
    who: str
    said: str
    happened_ms: int
    known_ms: int


def refusal(incident: Incident | None, act: Act, said: str, happened_ms: int, now_ms: int) -> Refused | None:
    """Why this cannot be done about an incident; None if it can. None for an incident: it is not open."""
    if incident is None:
        return Refused("incident-not-open")
    if act is Act.CLOSE and incident.about is About.US:
        return Refused("incident-still-blind")
    if act is Act.CLOSE and not said.strip():
        return Refused("incident-words-missing")
    if not incident.happened_ms - CLOCK_NOISE_MAX_MS <= happened_ms <= now_ms:
        return Refused("incident-time-wrong")
    return None
