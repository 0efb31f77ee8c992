"""Which sensors are left out now: what they say is neither stored nor sent. Pure.

A pause begins and ends by the site's time. While the site has not told it, the time is at least what this hub last knew
of it: a pause that had begun goes on, and none begins or ends by a clock that nobody vouches for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cloud_sync.sync.heeding import Heeding
from cloud_sync.wire.setting import Pause

NONE: frozenset[str] = frozenset()


class Pausing:
    """Judges the sensors of one home.

    Args:
        roles: what each sensor is there for, by address.
        heeding: the pauses.
        placed: boot clock -> wall clock (ms), by the site's word; None: it has not been told yet.
        floor_ms: no earlier time is possible, wall clock.
    """

    def __init__(
        self,
        roles: Mapping[str, str],
        heeding: Heeding,
        placed: Callable[[int], int | None],
        floor_ms: int,
    ) -> None:
        self._roles = roles
        self._heeding = heeding
        self._placed = placed
        self._floor_ms = floor_ms
        self._last: tuple[tuple[Pause, ...], frozenset[str]] = ((), NONE)

    def in_force(self, boot_ms: int) -> tuple[Pause, ...]:
        """The pauses in force at a moment of the boot clock."""
        pauses = self._heeding.pauses
        if not pauses:
            return ()
        told_ms = self._placed(boot_ms)
        at_ms = max(self._floor_ms, self._heeding.made_ms) if told_ms is None else told_ms
        return tuple(pause for pause in pauses if pause.covers(at_ms))

    def paused(self, boot_ms: int) -> frozenset[str]:
        """The sensors left out at a moment of the boot clock; asked at every frame."""
        forced = self.in_force(boot_ms)
        if forced != self._last[0]:
            left_out = (a for a, role in self._roles.items() if any(role not in p.stays for p in forced))
            self._last = forced, frozenset(left_out)
        return self._last[1]
