"""Figures: what was measured, what was wanted, and what stands beside it from the same run.

A figure is never judged alone: a peer (how others do it) or a limit (what the machine could do at
best) is measured in turns with ours, so that whatever slows the machine slows both.
"""

from __future__ import annotations

import enum
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class Direction(enum.Enum):
    """Which side of a target is the good one."""

    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure's median ought to reach, in the figure's unit."""

    direction: Direction
    value: float

    def is_met_by(self, value: float) -> bool:
        """Whether ``value`` is on the good side; the target itself is."""
        return value >= self.value if self.direction is Direction.AT_LEAST else value <= self.value


@dataclass(frozen=True, slots=True)
class Samples:
    """Single measurements of one thing, at least one."""

    name: str
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse a figure of nothing.

        Raises:
            ValueError: there are no values.
        """
        if not self.values:
            raise ValueError(f"{self.name} was not measured even once.")

    @property
    def median(self) -> float:
        """The middle value; of an even number, the mean of the two in the middle."""
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest value."""
        return min(self.values), max(self.values)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    Attributes:
        ours: What was measured of Lum.
        unit: Of all values of the figure.
        target: What the median ought to reach.
        beside: Peers and limits, measured in the same run in the same unit.
        detail: Lines that explain the figure, shown below the table.
    """

    ours: Samples
    unit: str
    target: Target
    beside: tuple[Samples, ...]
    detail: tuple[str, ...] = ()

    @property
    def is_met(self) -> bool:
        """Whether the median reaches the target."""
        return self.target.is_met_by(self.ours.median)

    def ratio(self, other: Samples) -> float | None:
        """Our median over the other's; None where the other's is 0."""
        return self.ours.median / other.median if other.median else None


Benchmark = Callable[[], list[Figure]]


def at_least(value: float) -> Target:
    """A target to reach or exceed."""
    return Target(Direction.AT_LEAST, value)


def at_most(value: float) -> Target:
    """A target not to exceed."""
    return Target(Direction.AT_MOST, value)


def in_turns(rounds: int, *subjects: Callable[[], T], warm_up: int = 1) -> list[tuple[T, ...]]:
    """Measure the subjects in turns (A B A B ...), after turns that do not count.

    Args:
        rounds: Values wanted of each subject.
        *subjects: Each call gives one value.
        warm_up: Turns before the first one that counts.

    Returns:
        The values of each subject, in the order of the subjects.
    """
    turns = [[subject() for subject in subjects] for _ in range(warm_up + rounds)]
    return list(zip(*turns[warm_up:], strict=True))


def rate(work: Callable[[], object], count: int) -> Callable[[], float]:
    """A subject that does ``work``, which handles ``count`` things, and gives things per second of CPU time."""

    def measure() -> float:
        began_s = time.process_time()
        work()
        return count / (time.process_time() - began_s)

    return measure


def elapsed_ms(work: Callable[[], object]) -> Callable[[], float]:
    """A subject that does ``work`` and gives how long that took on the wall, in milliseconds."""

    def measure() -> float:
        began_s = time.perf_counter()
        work()
        return (time.perf_counter() - began_s) * 1000

    return measure


def quantile(values: tuple[float, ...], part: float) -> float:
    """The value below which ``part`` (0 to 1) of the values lie, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
