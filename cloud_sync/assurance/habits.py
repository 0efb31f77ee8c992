"""What is usual in one home, learned from its last four weeks: silences, rising, outings. Pure.

Each day keeps the longest silence that began in each hour, when she rose, and how long she was out; each room how often
and how long it was still after a last sign there, by hour and week. Some hundred bytes a day, so habits are cheap to keep.
"""

from __future__ import annotations

import math
import statistics
from array import array
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cloud_sync.assurance.local_time import MINUTE_MS, Local

DAYS: Final = 28
HOURS: Final = 24
DAY_MS: Final = 1440 * MINUTE_MS
UNKNOWN: Final = -1
# Chosen on generated homes of even seeds (README, "Figures"): no more than one false alarm in a home-month.
HOURS_NEAR: Final = 2
EXTRA_MIN: Final = 60  # beyond the longest silence there ever was
EXTRA_FEW_DAYS_MIN: Final = (
    400  # and this shared by the days that are known: what was never seen is no proof yet
)
ROOM_TIMES_MIN: Final = 20  # a room is known at an hour once so many silences began there around it
ROOM_SILENCE_MIN: Final = 10
WITHOUT_FACTOR: Final = 1.1
WITHOUT_EXTRA_MIN: Final = 90
OUTING_FACTOR: Final = 1.25
OUTING_EXTRA_MIN: Final = 60
RISING_SHARE: Final = 0.95
RISING_EXTRA_MIN: Final = 30
RISING_LATE_MAX_MIN: Final = 85  # with the look each minute, told within 1.5 h of the usual time
BACKED_WITHOUT_ONE: Final = 2  # of more sensors than this, any one may be missing
_MINUTES_MAX: Final = 65_535
_NEAR: Final = [
    [(hour + near) % HOURS for near in range(-HOURS_NEAR, HOURS_NEAR + 1)] for hour in range(HOURS)
]


def _hours() -> array[int]:
    return array("H", bytes(2 * HOURS))


class Day:
    """One day of a home; minutes throughout, ``UNKNOWN`` where nothing was seen."""

    __slots__ = ("number", "out", "risen", "silences")

    def __init__(self, number: int) -> None:
        self.number = number
        self.silences = _hours()
        self.risen = UNKNOWN
        self.out = 0


@dataclass(slots=True)
class Risings:
    """What is known of rising, before a day.

    Attributes:
        before_day: its number.
        number: on how many days she was seen to rise.
        usual: the median minute; None if she never was.
        latest: by which minute she is nearly always up.
    """

    before_day: int
    number: int
    usual: float | None = None
    latest: float | None = None

    @classmethod
    def of(cls, before_day: int, risen: list[int]) -> Risings:
        """From the minutes of rising, sorted."""
        if not risen:
            return cls(before_day, 0)
        usual = statistics.median(risen)
        share = risen[math.ceil(RISING_SHARE * len(risen)) - 1]
        latest = min(share + RISING_EXTRA_MIN, usual + RISING_LATE_MAX_MIN)
        return cls(before_day, len(risen), usual, latest)


class Longest:
    """The longest of something in the last four weeks, by week; minutes."""

    __slots__ = ("_weeks", "number")

    def __init__(self) -> None:
        self.number = 0  # of the newest week
        self._weeks = [0] * (DAYS // 7)

    def add(self, day: int, minutes: float) -> None:
        """It lasted so long on that day."""
        if day // 7 > self.number:
            self._weeks = [0, *self._weeks[:-1]]
            self.number = day // 7
        self._weeks[0] = max(self._weeks[0], int(minutes))

    @property
    def value(self) -> int:
        """The longest; 0 if there was none."""
        return max(self._weeks)


class Room:
    """Silences that began with a last sign in one room: how many, and the longest; by hour, over four weeks."""

    __slots__ = ("_weeks", "number")

    def __init__(self) -> None:
        self.number = 0  # of the newest week
        self._weeks: list[array[int]] = []  # of each hour how many, then of each hour the longest

    def add(self, began: Local, minutes: float) -> None:
        """It lasted so long."""
        if began.day // 7 > self.number or not self._weeks:
            self.number = began.day // 7
            self._weeks = [_hours() * 2, *self._weeks[: DAYS // 7 - 1]]
        newest, hour = self._weeks[0], int(began.minute) // 60
        newest[hour] += 1
        newest[HOURS + hour] = max(newest[HOURS + hour], min(int(minutes), _MINUTES_MAX))

    def longest_min(self, hour: int) -> int | None:
        """The longest that began around an hour; None if too few did to say."""
        times = sum([week[near] for week in self._weeks for near in _NEAR[hour]])
        if times < ROOM_TIMES_MIN:
            return None
        return max([week[HOURS + near] for week in self._weeks for near in _NEAR[hour]])


class Others:
    """What a home would be without one sensor: the longest silence of all the others."""

    __slots__ = ("last_ms", "longest")

    def __init__(self) -> None:
        self.last_ms: int | None = None
        self.longest = Longest()

    def prove(self, from_ms: int, at_ms: int) -> None:
        """Another sensor gave proof."""
        if self.last_ms is not None and from_ms > self.last_ms:
            self.longest.add(from_ms // DAY_MS, (from_ms - self.last_ms) / MINUTE_MS)
        self.last_ms = max(at_ms, self.last_ms or 0)


class Habits:
    """The last days of one home."""

    __slots__ = ("_days", "_longest", "_others", "_risings", "_rooms")

    def __init__(self, sensors: Iterable[str] = ()) -> None:
        self._days: deque[Day] = deque(maxlen=DAYS)
        self._others = {sensor: Others() for sensor in sensors}
        self._longest = _hours()  # silence that began in each hour, over all days
        self._rooms: dict[str, Room] = {}
        self._risings: Risings | None = None  # asked at every look

    @property
    def days(self) -> int:
        """How many days have been seen, this one included."""
        return len(self._days)

    def silence(self, began: Local, room: str, minutes: float) -> None:
        """Nobody moved for ``minutes`` after a last sign in ``room``, while somebody was at home and we watched."""
        if minutes >= ROOM_SILENCE_MIN:
            self._rooms.setdefault(room, Room()).add(began, minutes)
        silences, hour = self._day(began.day).silences, int(began.minute) // 60
        silences[hour] = max(silences[hour], min(int(minutes), _MINUTES_MAX))
        self._longest[hour] = max(self._longest[hour], silences[hour])

    def rose(self, at: Local) -> None:
        """She was seen to rise; a later time of the same day takes its place."""
        self._day(at.day).risen = int(at.minute)
        self._risings = None

    def outing(self, began: Local, minutes: float) -> None:
        """She was out for so long."""
        day = self._day(began.day)
        day.out = max(day.out, min(int(minutes), _MINUTES_MAX))

    def patience_min(self, began: Local, room: str) -> float | None:
        """After how long a silence is unusual that began then, with a last sign in ``room``; None: not known.

        Long silences belong to a time, such as the night, and to a place, such as the bedroom. Two hours without a
        sign from the kitchen are unusual at noon; from the hall at night they may be usual, and only if it was often
        still after a last sign there do we know.
        """
        hour = int(began.minute) // 60
        longest = max([self._longest[near] for near in _NEAR[hour]])
        if not longest:
            return None
        known = self._rooms.get(room)
        in_room = known.longest_min(hour) if known else None
        extra = EXTRA_MIN + EXTRA_FEW_DAYS_MIN / len(self._days)
        return (longest if in_room is None else min(longest, in_room)) + extra

    def proven(self, sensors: frozenset[str], from_ms: int, at_ms: int) -> None:
        """These sensors gave proof of somebody, from..at; without one of two, the other's lone sign were none."""
        for sensor, others in self._others.items():
            if sensor not in sensors or len(sensors) > BACKED_WITHOUT_ONE:
                others.prove(from_ms, at_ms)

    def begin_anew(self, from_ms: int, to_ms: int) -> None:
        """Nobody was at home, or nobody watched, in between; a silence until then is no shorter for it."""
        for others in self._others.values():
            others.prove(from_ms, to_ms)

    def patience_without_min(self, lost: frozenset[str]) -> float:
        """After how long a silence of all but these sensors is unusual."""
        longest = sum(self._others[sensor].longest.value for sensor in lost if sensor in self._others)
        return longest * WITHOUT_FACTOR + WITHOUT_EXTRA_MIN

    def outing_max_min(self) -> float:
        """After how long an absence is unusual; 0 while none is known."""
        longest = max((day.out for day in self._days), default=0)
        return longest * OUTING_FACTOR + OUTING_EXTRA_MIN if longest else 0

    def usual_rising(self, before_day: int) -> float | None:
        """The median minute of rising on the days before; None if there was none."""
        return self._risen(before_day).usual

    def latest_rising(self, before_day: int) -> float | None:
        """By which minute she is nearly always up; None if she was never seen to rise."""
        return self._risen(before_day).latest

    def risings(self, before_day: int) -> int:
        """On how many of the days before she was seen to rise."""
        return self._risen(before_day).number

    def _risen(self, before_day: int) -> Risings:
        if self._risings is None or self._risings.before_day != before_day:
            risen = sorted(d.risen for d in self._days if d.risen != UNKNOWN and d.number < before_day)
            self._risings = Risings.of(before_day, risen)
        return self._risings

    def _day(self, number: int) -> Day:
        """Its record, made if it is new. What is older than the oldest goes to that one."""
        for day in reversed(self._days):
            if day.number <= number:
                break
        else:
            day = None
        if day is not None and day.number == number:
            return day
        if self._days and number < self._days[-1].number:
            return self._days[0] if day is None else day
        self._days.append(Day(number))
        self._risings = None
        for hour in range(HOURS):
            self._longest[hour] = max(day.silences[hour] for day in self._days)
        return self._days[-1]
