"""Wall clock in a home's own time zone: its day and the minute of it. Pure."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

MINUTES_A_DAY = 1440
MINUTE_MS = 60_000


class Local(NamedTuple):
    """A local time: the day's ordinal number, and minutes since its midnight, with fractions."""

    day: int
    minute: float


def local(at_ms: int, zone: ZoneInfo) -> Local:
    """Where ``at_ms`` (since 1970) lies in ``zone``."""
    at = datetime.fromtimestamp(at_ms / 1000, zone)
    return Local(at.toordinal(), at.hour * 60 + at.minute + at.second / 60)


@cache
def minutes(clock: str) -> int:
    """``07:50`` as minutes since midnight."""
    hours, rest = clock.split(":")
    return int(hours) * 60 + int(rest)


def within(minute: float, start: int, end: int) -> bool:
    """Whether a minute of the day lies in a span that may reach over midnight."""
    return start <= minute < end if start <= end else minute >= start or minute < end


def spoken(at_ms: int, zone: ZoneInfo) -> str:
    """``08:05`` as it stands on the clock in the home."""
    at = datetime.fromtimestamp(at_ms / 1000, zone)
    return f"{at.hour:02}:{at.minute:02}"


def day(at_ms: int, zone: ZoneInfo) -> str:
    """``2027-05-03``, the day it is then in the home."""
    return datetime.fromtimestamp(at_ms / 1000, zone).date().isoformat()
