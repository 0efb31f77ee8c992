"""Breaking the glass: staff on duty look into one home at once, for an hour, and answer for it. Pure."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from typing import Final

OPEN_MS: Final = 60 * 60 * 1000
REVIEW_WORKING_DAYS: Final = 3

_SATURDAY = 5


class Cause(enum.Enum):
    """Why; a short list, so that reviews can compare."""

    NO_ANSWER = "no-answer"  # nobody answers telephone or door
    ALARM = "alarm"  # a call for help, smoke, gas or water
    HEALTH = "health"  # known or feared illness or a fall
    MISSING = "missing"  # the resident cannot be found
    DANGER = "danger"  # from others, or to others


class Finding(enum.Enum):
    """What a review came to."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not-justified"


@dataclass(frozen=True, slots=True)
class Opening:
    """One time that the glass was broken.

    Attributes:
        number: of the audit row that says so.
        who: subject, ``staff:council/amy``.
        home: the one home.
        cause: why.
        opened_ms: wall clock.
        until_ms: wall clock, exclusive.
        reviewed_ms: None: not yet.
        reviewer: who reviewed it; empty: nobody yet.
        finding: what they found.
        escalated_ms: when it was said that the review is overdue.
    """

    number: int
    who: str
    home: str
    cause: Cause
    opened_ms: int
    until_ms: int
    reviewed_ms: int | None = None
    reviewer: str = ""
    finding: Finding | None = None
    escalated_ms: int | None = None

    @property
    def review_due_ms(self) -> int:
        """Three working days (Monday to Friday, UTC) after it was opened."""
        due, left = dt.datetime.fromtimestamp(self.opened_ms / 1000, tz=dt.UTC), REVIEW_WORKING_DAYS
        while left:
            due += dt.timedelta(days=1)
            left -= due.weekday() < _SATURDAY
        return int(due.timestamp() * 1000)

    def opens(self, who: str, home: str, now_ms: int) -> bool:
        """Whether ``who`` may look into ``home`` by it."""
        return (who, home) == (self.who, self.home) and self.opened_ms <= now_ms < self.until_ms

    def overdue(self, now_ms: int) -> bool:
        """Whether nobody has reviewed it in time."""
        return self.reviewed_ms is None and now_ms >= self.review_due_ms

    def review_refusal(self, reviewer: str) -> str:
        """Why ``reviewer`` may not review it: a code, empty if nothing stands against it."""
        if self.reviewed_ms is not None:
            return "review-done"
        return "review-of-own" if reviewer == self.who else ""
