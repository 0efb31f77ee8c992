"""The hub's clocks. Hubs have no battery-backed clock: elapsed time comes from CLOCK_BOOTTIME."""

from __future__ import annotations

import ctypes
import time
import uuid
from pathlib import Path

from cloud_sync.wire.batch import Anchor
from edge_agent.core.batching import anchor

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIMEX_BYTES = 256  # struct timex is 208 on 64-bit Linux; modes = 0 reads only
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


class Clock:
    """Boot time in ms under the kernel's boot id, wall time in ms, and whether the latter is disciplined."""

    def __init__(self) -> None:
        self.boot_id = uuid.UUID(_BOOT_ID.read_text().strip()).bytes
        self._libc = ctypes.CDLL(None)

    def boot_ms(self) -> int:
        """Milliseconds since the kernel started, time asleep included."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def wall_ms(self) -> int:
        """What the wall clock claims, in ms since 1970."""
        return time.time_ns() // 1_000_000

    def synchronised(self) -> bool:
        """Whether the kernel says that a time service disciplines the wall clock."""
        state: int = self._libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        return 0 <= state < _TIME_ERROR

    def anchor(self) -> Anchor:
        """Tie boot time to wall time, now."""
        return anchor(self.wall_ms(), self.boot_ms(), synchronised=self.synchronised())
