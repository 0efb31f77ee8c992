"""What time it is, by the site's signed word and this machine's boot clock; the wall clock only if it agrees."""

from __future__ import annotations

import asyncio

import structlog

from cloud_sync.wire.batch import Anchor, Quality
from edge_agent.adapters import authority
from edge_agent.adapters.clock import Clock
from edge_agent.adapters.identity import HubIdentity
from edge_agent.errors import UplinkError

ASK_PERIOD_MS = 3_600_000
AGREES_MS = 1000  # a wall clock so close to the site's time is as good, and steadier
SYNCED_MAX_MS = 1000  # a time told within so much counts as synchronised

log = structlog.get_logger()


class SiteClock:
    """The wall clock, as the site tells it."""

    def __init__(self, identity: HubIdentity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock
        self._offset_ms: int | None = (
            None  # wall clock = boot clock + this, by the site's word; None: not told
        )
        self._give_ms = self._asked_ms = 0

    async def ask(self) -> None:
        """Ask the site for the time, if that is an hour ago or more, or was answered slowly.

        Raises:
            UplinkError: it cannot be reached or believed, and never was before.
        """
        recent = self._clock.boot_ms() - self._asked_ms < ASK_PERIOD_MS
        if self._offset_ms is not None and recent and self._give_ms <= SYNCED_MAX_MS:
            return
        try:
            told = await asyncio.to_thread(authority.ask_time, self._identity)
        except UplinkError as error:
            if self._offset_ms is None:
                raise
            log.warning("time.not_asked", trouble=str(error), reason_code=error.code)
        else:
            self._asked_ms, self._give_ms = self._clock.boot_ms(), told.give_ms
            self._offset_ms = told.now_ms() - self._asked_ms

    def now_ms(self) -> int:
        """The wall clock: as the site told it, or as this machine claims while it has not."""
        return self._clock.wall_ms() if self._offset_ms is None else self._clock.boot_ms() + self._offset_ms

    def placed(self, boot_ms: int) -> int | None:
        """A moment of the boot clock on the wall clock, by the site's word alone; None: it has not told the time."""
        return None if self._offset_ms is None else boot_ms + self._offset_ms

    def wrong_by_ms(self) -> int:
        """How far this machine's wall clock is surely off the site's time (negative: behind); 0 if it may be right."""
        ahead_ms = self._clock.wall_ms() - self.now_ms()
        return ahead_ms if abs(ahead_ms) > AGREES_MS + self._give_ms else 0

    def anchor(self) -> Anchor:
        """Tie boot time to wall time: by this machine's clock if it agrees with the site, else by the site."""
        if self._offset_ms is None or not self.wrong_by_ms():
            return self._clock.anchor()
        boot_ms = self._clock.boot_ms()
        quality = Quality.SYNCED if self._give_ms <= SYNCED_MAX_MS else Quality.COARSE
        return Anchor(boot_ms + self._offset_ms, boot_ms, quality)
