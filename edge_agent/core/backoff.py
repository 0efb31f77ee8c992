"""How long to wait before trying again: exponential, with full jitter so that fleets do not march in step."""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """Delays that grow from ``first_s`` to ``max_s``; ``chance`` gives numbers in [0, 1)."""

    def __init__(self, first_s: float, max_s: float, chance: Callable[[], float]) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._chance = chance
        self._tries = 0

    def next_s(self) -> float:
        """The next delay in seconds, between half and all of the current ceiling."""
        ceiling = min(self._max_s, self._first_s * 2.0**self._tries)
        self._tries = min(self._tries + 1, 30)
        return ceiling * (0.5 + self._chance() / 2)

    def reset(self) -> None:
        """It worked: start small again."""
        self._tries = 0
