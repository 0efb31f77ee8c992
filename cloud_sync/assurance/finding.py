"""What a question finds: yes, no, or nothing to say; with evidence in plain words. Pure."""

from __future__ import annotations

import enum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloud_sync.assurance.activity import Spell
from cloud_sync.assurance.local_time import MINUTE_MS, spoken

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Answer(enum.Enum):
    """To "is all well?"."""

    YES = "yes"
    NO = "no"
    OPEN = "open"  # nothing to say yet, or nothing can be said


class Severity(enum.IntEnum):
    """How much a "no" presses."""

    NOTE = 0
    RAISE = 1
    URGENT = 2
    EMERGENCY = 3


class Finding(NamedTuple):
    """An answer.

    Attributes:
        answer: yes, no, or open.
        since_ms: for a "no", since when it has been so, wall clock; else 0.
        evidence: in plain words, for people; empty where there is nothing to say.
        severity: of a "no".
    """

    answer: Answer
    since_ms: int = 0
    evidence: str = ""
    severity: Severity = Severity.RAISE


NOTHING_YET = Finding(Answer.OPEN)


def spell_words(spell: Spell, zone: ZoneInfo) -> str:
    """``three rooms between 07:50 and 08:05``: enough to be sure, not a trail through the home."""
    where = f"{count_words(len(spell.rooms))} {'room' if len(spell.rooms) == 1 else 'rooms'}"
    start, end = spoken(spell.from_ms, zone), spoken(spell.to_ms, zone)
    return f"{where} at {end}" if start == end else f"{where} between {start} and {end}"


def count_words(number: int) -> str:
    """``three``, and ``12``."""
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def length_words(length_ms: float) -> str:
    """``40 minutes``, ``2 h 05 min``."""
    hours, rest = divmod(int(length_ms // MINUTE_MS), 60)
    if not hours:
        return f"{rest} {'minute' if rest == 1 else 'minutes'}"
    return f"{hours} h {rest:02} min" if rest else f"{hours} {'hour' if hours == 1 else 'hours'}"
