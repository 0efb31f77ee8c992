"""The watch over the watch: from its heartbeat alone, whether every home is really being asked about. Pure.

All is well only on proof: the watch has looked lately, each home was asked about lately, and what operations are to be
told has left. Trouble is told once it has lasted; while nothing is proven, it is not well, told or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

AGE_MAX_MS: Final = 120_000
OVERDUE_MS: Final = 600_000  # what operations are to be told and nobody has taken for so long
CLOCK_NOISE_MAX_MS: Final = 5_000
_NAMED_MAX: Final = 3

UNREADABLE: Final = "store-unreadable"
WATCH: Final = "watch-stale"
HOMES: Final = "homes-missed"
NOTICES: Final = "notices-overdue"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What the store says of the watch.

    Attributes:
        looked_ms: when it last looked at all sensors, wall clock; None: never.
        asked: of each home with sensors, when its questions were last asked; None: never.
        overdue: how many notices to operations have waited for too long.
    """

    looked_ms: int | None
    asked: Mapping[str, int | None]
    overdue: int = 0


@dataclass(frozen=True, slots=True)
class News:
    """A trouble that began, or one that is over.

    Attributes:
        code: what kind it is, key into ``reasons.toml``.
        words: what operations are told.
        since_ms: when we saw it, wall clock.
        over: whether it has ended.
    """

    code: str
    words: str
    since_ms: int
    over: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """How it stands: whether it is proven that all is well, and what has changed."""

    well: bool
    news: tuple[News, ...]


class Guard:
    """The watch over the watch: remembers since when it has looked, since when it has known each home, what it has told."""

    __slots__ = ("_age_max_ms", "_asked_max_ms", "_known_ms", "_open", "_read_ms", "_started_ms")

    def __init__(self, started_ms: int, age_max_ms: int = AGE_MAX_MS) -> None:
        self._age_max_ms = age_max_ms
        self._asked_max_ms = max(
            age_max_ms, AGE_MAX_MS
        )  # each home is asked about every minute, not more often
        self._started_ms = started_ms
        self._read_ms: int | None = None
        self._known_ms: dict[str, int] = {}
        self._open: dict[str, News] = {}

    def judge(self, beat: Heartbeat | None, now_ms: int) -> Judgement:
        """How it stands at ``now_ms``; None for a heartbeat: the store could not be read."""
        if beat is None:
            read_ms = self._started_ms if self._read_ms is None else self._read_ms
            words = "The store cannot be read, so nobody can say whether homes are watched."
            late = self._late(read_ms, now_ms)
            return Judgement(
                False, self._news({**self._told(), UNREADABLE: words} if late else self._told(), now_ms)
            )
        # A home that appears is given its time; one that was there before us is not believed for that.
        new_ms = now_ms if self._read_ms is not None else 0
        self._known_ms = {home: self._known_ms.get(home, new_ms) for home in beat.asked}
        self._read_ms = now_ms
        missed = [
            home
            for home, asked_ms in beat.asked.items()
            if not _recent(asked_ms, now_ms, self._asked_max_ms)
            and not _recent(self._known_ms[home], now_ms, self._asked_max_ms)
        ]
        looks = _recent(beat.looked_ms, now_ms, self._age_max_ms)
        well = looks and not missed and not beat.overdue
        return Judgement(well, self._news(self._troubles(beat, missed, now_ms), now_ms))

    def _told(self) -> dict[str, str]:
        return {code: news.words for code, news in self._open.items()}

    def _news(self, troubles: Mapping[str, str], now_ms: int) -> tuple[News, ...]:
        begun = [News(code, words, now_ms) for code, words in troubles.items() if code not in self._open]
        over = [replace(one, over=True) for code, one in self._open.items() if code not in troubles]
        self._open = {code: one for code, one in self._open.items() if code in troubles}
        self._open |= {one.code: one for one in begun}
        return (*begun, *over)

    def _troubles(self, beat: Heartbeat, missed: list[str], now_ms: int) -> dict[str, str]:
        if not self._late(self._started_ms, now_ms):
            return {}  # the watch may have been started with us
        found = {}
        if not _recent(beat.looked_ms, now_ms, self._age_max_ms):
            span = f"{self._age_max_ms // 1000} s"
            found[WATCH] = f"The watch has not looked at any home for more than {span}: nobody is watched."
        elif missed:
            span = f"{self._asked_max_ms // 1000} s"
            named = ", ".join(sorted(missed)[:_NAMED_MAX]) + (" ..." if len(missed) > _NAMED_MAX else "")
            found[HOMES] = (
                f"Not asked about for more than {span}: {len(missed)} of {len(beat.asked)} homes, {named}."
            )
        if beat.overdue:
            found[NOTICES] = f"{beat.overdue} notices to operations have not been delivered."
        return found

    def _late(self, at_ms: int, now_ms: int) -> bool:
        return now_ms - at_ms > self._age_max_ms


def _recent(at_ms: int | None, now_ms: int, age_max_ms: int) -> bool:
    """Lately, and not in a future that only a wrong clock explains."""
    return at_ms is not None and -CLOCK_NOISE_MAX_MS <= now_ms - at_ms <= age_max_ms
