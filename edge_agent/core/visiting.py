"""Whom to connect to, and when: one at a time, only who is in reach, each left alone for a while after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge_agent.core.backoff import Backoff

PRESENT_MS = 10_000  # who advertised so lately can be connected to
RETRY_FIRST_S, RETRY_MAX_S = 15.0, 1800.0


@dataclass(frozen=True, slots=True)
class Courtesy:
    """How one sensor wants to be visited.

    Attributes:
        every_s: How long it is left alone after a visit.
        on_advert: It advertises because it has something to say; else it always does.
    """

    every_s: int
    on_advert: bool


@dataclass(slots=True)
class _Host:
    """One sensor: when it last advertised, from when on it may be visited, how it failed."""

    courtesy: Courtesy
    backoff: Backoff
    seen_ms: int | None = None
    free_ms: int = 0


class Visiting:
    """The schedule of a home's visits (times: boot clock, ms)."""

    def __init__(self, sensors: Mapping[str, Courtesy], chance: Callable[[], float]) -> None:
        """Nobody has been seen yet.

        Args:
            sensors: How each wants to be visited, by address.
            chance: A random number in [0, 1): retries of many hubs must not march in step.
        """
        self._hosts = {
            sensor: _Host(courtesy, Backoff(RETRY_FIRST_S, RETRY_MAX_S, chance))
            for sensor, courtesy in sensors.items()
        }

    def seen(self, sensor: str, at_ms: int) -> None:
        """A sensor advertised; others than those to be visited are no concern."""
        host = self._hosts.get(sensor)
        if host is not None:
            host.seen_ms = at_ms

    def due(self, now_ms: int) -> str | None:
        """The sensor that has waited longest of those that can be visited now."""
        ready = [
            (host.free_ms, sensor)
            for sensor, host in self._hosts.items()
            if host.seen_ms is not None and now_ms - host.seen_ms <= PRESENT_MS and now_ms >= host.free_ms
        ]
        return min(ready)[1] if ready else None

    def over(self, sensor: str, now_ms: int, *, well: bool) -> None:
        """A visit ended; after one that failed the sensor is left alone a little longer each time."""
        host = self._hosts[sensor]
        if well:
            host.backoff.reset()
        pause_s = host.courtesy.every_s if well else max(host.backoff.next_s(), RETRY_FIRST_S)
        host.free_ms = now_ms + round(pause_s * 1000)
        if well and host.courtesy.on_advert:
            host.seen_ms = None  # what it had to say is said: wait for its next advert
