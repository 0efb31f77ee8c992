"""``time`` on the rig: events of the stack and of pins come in while the firmware sleeps, as on the chip."""

import utime as _real
from utime import *  # noqa: F403  # all of it, but for what follows


def sleep_ms(ms: int) -> None:
    """Sleep, and let events in."""
    import rig  # noqa: PLC0415  # which itself needs time

    end = _real.ticks_add(_real.ticks_ms(), ms)
    left = ms
    while left > 0:
        rig.pump(left)
        left = _real.ticks_diff(end, _real.ticks_ms())


def sleep(seconds: float) -> None:
    """Sleep, and let events in."""
    sleep_ms(int(seconds * 1000))
