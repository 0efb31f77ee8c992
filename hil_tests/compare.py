"""The streams of readings that two runs of one scenario left with the receiver, and where they differ. Pure.

A stream is what is stored of one kind of one sensor, in the order in which it happened, told from the
beginning of the story. Two streams are the same if each reading of one is in the other, in that order, at
the same time within a tolerance: runs over processes share no clock edge. The order of two kinds is bound
by that only, since what is not an event is told to the second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from hil_tests.runner import Result

TOLERANCE_S = 2.0  # climate is told to the second, and the second may turn between the two runs


@dataclass(frozen=True, slots=True)
class Told:
    """One stored reading: what, its value, when it happened in seconds of the story."""

    kind: str
    value: int | float | bool | str
    at_s: float

    def __str__(self) -> str:
        return f"{self.kind} = {self.value}"


Streams: TypeAlias = Mapping[tuple[str, str], Sequence[Told]]  # by sensor and kind


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one tier's streams are, held against those of the first one.

    Attributes:
        one: The first tier.
        other: The tier that is held against it.
        same: Readings that both have, in the same order, at the same time.
        differences: A sentence for each that is not so.
    """

    one: str
    other: str
    same: int
    differences: tuple[str, ...]


def streams(result: Result) -> Streams:
    """What the receiver holds of a run."""
    names = {plan.address: plan.name for plan in result.scenario.sensors}
    found: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for row in result.stored:
        at_s = row["happened_ms"] / 1000 - result.story_at
        sensor = names.get(row["sensor"], row["sensor"])
        found[sensor, row["kind"]].append(Told(row["kind"], row["value"], at_s))
    return {key: sorted(told, key=lambda one: one.at_s) for key, told in found.items()}


def compare(
    one: tuple[str, Streams], other: tuple[str, Streams], tolerance_s: float = TOLERANCE_S
) -> Comparison:
    """Hold two tiers' streams against each other; each comes with its name."""
    (first, firsts), (second, seconds) = one, other
    same = 0
    differences: list[str] = []
    for key in sorted({*firsts, *seconds}):
        left, right = list(firsts.get(key, ())), list(seconds.get(key, ()))
        same += _take_same(left, right, tolerance_s)
        differences += _sentences(key[0], (first, left), (second, right), tolerance_s)
    return Comparison(first, second, same, tuple(differences))


def in_words(comparison: Comparison) -> str:
    """A line for what is the same, and one for each difference."""
    both = f"{comparison.one} and {comparison.other}"
    if not comparison.differences:
        return f"the same  {both}: {comparison.same} readings, nothing else."
    lines = [f"DIFFERENT {both}: {comparison.same} readings are the same."]
    return "\n".join([*lines, *(f"          {sentence}" for sentence in comparison.differences)])


def _take_same(left: list[Told], right: list[Told], tolerance_s: float) -> int:
    """Take from both lists what is the same, in the same order; gives how many."""
    taken: list[tuple[int, int]] = []
    after = 0  # of the right one, so that the order holds
    for here, told in enumerate(left):
        for there in range(after, len(right)):
            if _alike(told, right[there]) and abs(told.at_s - right[there].at_s) <= tolerance_s:
                taken.append((here, there))
                after = there + 1
                break
            if right[there].at_s > told.at_s + tolerance_s:
                break
    for here, there in reversed(taken):
        del left[here], right[there]
    return len(taken)


def _sentences(
    sensor: str, one: tuple[str, list[Told]], other: tuple[str, list[Told]], tolerance_s: float
) -> Iterable[str]:
    """What is left of two streams, in words; what is in both is one difference, not two."""
    (first, left), (second, right) = one, other
    for told in left:
        twin = next((there for there in right if _alike(told, there)), None)
        if twin is None:
            yield f"{second} lacks {told} of {sensor}, which {first} has at {told.at_s:.1f} s."
            continue
        right.remove(twin)
        if abs(told.at_s - twin.at_s) <= tolerance_s:
            yield f"{told} of {sensor}, at {told.at_s:.1f} s, comes in another order on {second} than on {first}."
        else:
            yield f"{told} of {sensor} is at {told.at_s:.1f} s on {first}, and at {twin.at_s:.1f} s on {second}."
    for told in right:
        yield f"{second} has {told} of {sensor} at {told.at_s:.1f} s, which {first} lacks."


def _alike(one: Told, other: Told) -> bool:
    return (one.kind, one.value) == (other.kind, other.value)
