"""When must a radio that says it listens be called deaf? Pure."""

from __future__ import annotations

from edge_agent.core.coverage import SILENCE_MAX_MS


def deaf_in_ms(heard_ms: int, now_ms: int) -> int:
    """How long until a radio is called deaf if nothing more is heard; 0: it is deaf.

    So long that listening is not proven any more: in a home that quiet, a needless new start costs
    nothing, while a scan that hangs would never end by itself.

    Args:
        heard_ms: When it heard its last frame, or began to listen (boot clock, as below).
        now_ms: The time now.
    """
    return max(0, heard_ms + SILENCE_MAX_MS - now_ms)
