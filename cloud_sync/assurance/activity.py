"""Which movements are a sure sign of somebody? One lone pulse is not: sensors send some in empty homes.

In a home that stood empty for 83.5 h, motion sensors fired 15 lone pulses, 4.3 a day. So a sign counts only
if another one backs it: a second sensor, or the third pulse of one, within five minutes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import NamedTuple

WINDOW_MS = 300_000
SENSORS = 2
PULSES = 3
KEPT_MS = 1_800_000  # routine batches come up to 15 minutes after urgent ones, so signs may come out of order


class Sign(NamedTuple):
    """A movement, a door, a kettle: something that somebody may have done."""

    at_ms: int
    sensor: str
    room: str


class Proof(NamedTuple):
    """Signs that back each other.

    Attributes:
        from_ms: the first of them.
        at_ms: the last of them.
        rooms: where they were.
        sensors: who gave them.
        room: where the last of them was.
    """

    from_ms: int
    at_ms: int
    rooms: frozenset[str]
    sensors: frozenset[str]
    room: str


@dataclass(slots=True)
class Spell:
    """Proofs close together, and for how long nobody moved before."""

    from_ms: int
    to_ms: int
    rooms: set[str]
    rested_ms: int = 0


class Activity:
    """Signs of one home as they become known; tells which are proven."""

    __slots__ = ("_signs",)

    def __init__(self) -> None:
        self._signs: list[Sign] = []

    @property
    def newest_ms(self) -> int:
        """When the last sign known so far was; 0: none."""
        return self._signs[-1].at_ms if self._signs else 0

    def hear(self, sign: Sign) -> Proof | None:
        """The proof that ``sign`` completes, if it does."""
        signs = self._signs
        insort(signs, sign)
        while signs[-1].at_ms - signs[0].at_ms > KEPT_MS:
            del signs[0]
        return self._backed(sign.at_ms, sign.at_ms + WINDOW_MS) or self._backed(
            sign.at_ms - WINDOW_MS, sign.at_ms
        )

    def _backed(self, from_ms: int, to_ms: int) -> Proof | None:
        """The signs of a span as a proof, if they back each other."""
        near = self._signs[bisect_left(self._signs, (from_ms,)) : bisect_left(self._signs, (to_ms + 1,))]
        if len(near) < SENSORS:
            return None
        sensors = frozenset([sign.sensor for sign in near])
        if len(near) < PULSES and len(sensors) < SENSORS:
            return None
        rooms = frozenset([sign.room for sign in near])
        return Proof(near[0].at_ms, near[-1].at_ms, rooms, sensors, near[-1].room)
