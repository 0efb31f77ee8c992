"""Alarms: the agent's own trouble, set and cleared, as state and not only as a log line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Alarm:
    """One trouble: its sentence, its reason code if it has one, since when (wall clock, ms)."""

    name: str
    sentence: str
    code: str
    since_ms: int


class Alarms:
    """What is wrong now."""

    def __init__(self, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self._raised: dict[str, Alarm] = {}

    def set(self, name: str, sentence: str, *, code: str = "") -> None:
        """Raise an alarm, or say anew what is wrong; it keeps the time it began."""
        standing = self._raised.get(name)
        since_ms = standing.since_ms if standing else self._wall_ms()
        self._raised[name] = Alarm(name, sentence, code, since_ms)
        if standing is None or standing.sentence != sentence:
            log.warning("alarm.set", alarm=name, sentence=sentence, reason_code=code)

    def clear(self, name: str) -> None:
        """It is mended."""
        if self._raised.pop(name, None):
            log.info("alarm.cleared", alarm=name)

    def __contains__(self, name: str) -> bool:
        return name in self._raised

    def standing(self) -> list[dict[str, object]]:
        """All that is wrong now, oldest first."""
        return [asdict(alarm) for alarm in sorted(self._raised.values(), key=lambda alarm: alarm.since_ms)]
