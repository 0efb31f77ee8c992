"""What we knew at one time of another, and what we learned afterwards of a time in which we could not see. Pure.

The ledger has both clocks. What comes late never changes what we said: it stands beside it, with the time we learned it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.finding import length_words, spell_words
from cloud_sync.assurance.household import Event, Household
from cloud_sync.assurance.local_time import spoken
from cloud_sync.assurance.plan import Plan
from cloud_sync.assurance.watching import Stretch
from device_profiles.role import Role

# Why we may have been blind though the hub heard, or its word lay unread.
EXPLAINABLE: Final = frozenset({Cause.HUB_SILENT, Cause.UNCONFIRMED, Cause.WATCH_SILENT})
TOLD_MAX: Final = 8
_CALLS: Final[Mapping[Role, str]] = {
    Role.ENTRANCE: "a way out was opened",
    Role.HELP: "the help button was pressed",
    Role.HAZARD: "a warner went off",
}


def as_known(stretches: Iterable[Stretch], at_ms: int) -> list[Stretch]:
    """The ledger of one question as it stood at ``at_ms``, in order; what lasted then has no end."""
    stretches = list(stretches)
    told = sorted((one for one in stretches if one.known_ms <= at_ms), key=lambda s: (s.known_ms, s.from_ms))
    ends: list[int | None] = [one.from_ms for one in told[1:]]
    if told:
        end_ms = told[-1].until_ms
        later = any(one.from_ms == end_ms and one.known_ms > at_ms for one in stretches)
        ends.append(None if later or (end_ms is not None and end_ms > at_ms) else end_ms)
    return [
        replace(one, until_ms=end_ms if one.until_ms is None or end_ms is None else min(one.until_ms, end_ms))
        for one, end_ms in zip(told, ends, strict=True)
    ]


def known(stretches: Iterable[Stretch], of_ms: int, at_ms: int) -> Stretch | None:
    """The stretch of one question that held at ``of_ms``, as far as we knew at ``at_ms``; None: it was not asked.

    Args:
        stretches: of one question, all that there are.
        of_ms: the moment asked about, wall clock; not after ``at_ms``.
        at_ms: when we are asked.
    """
    held = [
        one
        for one in as_known(stretches, at_ms)
        if one.from_ms <= of_ms and (one.until_ms is None or of_ms < one.until_ms)
    ]
    return held[-1] if held else None


@dataclass(frozen=True, slots=True)
class Blindness:
    """A time in which we could not see though the hub may have heard; wall clock."""

    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """What we learned of a blindness afterwards. It stands beside what the ledger says, and changes nothing in it.

    Attributes:
        of: the blindness.
        known_ms: when we learned it. A later one of the same blindness holds all that we learned until then.
        listened_ms: for how much of it the hub says, signed, that it listened.
        evidence: what it heard, in plain words.
    """

    of: Blindness
    known_ms: int
    listened_ms: int
    evidence: str

    @property
    def told(self) -> tuple[int, int, str]:
        """All that it says but when."""
        return self.of.until_ms, self.listened_ms, self.evidence

    @property
    def sentence(self) -> str:
        """In words: "The hub listened for 4 h 20 min of 4 h 28 min. It heard: two rooms between 15:10 and 15:25."."""
        lasted = length_words(self.of.until_ms - self.of.from_ms)
        listened = f"The hub listened for {length_words(self.listened_ms)} of {lasted}."
        return f"{listened} It heard: {self.evidence}." if self.evidence else listened

    @property
    def facts(self) -> dict[str, Any]:
        """The same for JSON; times are wall clock in ms."""
        return {
            "from_ms": self.of.from_ms,
            "until_ms": self.of.until_ms,
            "known_ms": self.known_ms,
            "listened_ms": self.listened_ms,
            "evidence": self.evidence,
        }


def blindnesses(stretches: Iterable[Stretch]) -> list[Blindness]:
    """The times of a home that may be explained afterwards, merged over its questions, in order; only what has ended."""
    spans = sorted(
        (one.from_ms, one.until_ms)
        for one in stretches
        if one.state is State.BLIND
        and one.cause in EXPLAINABLE
        and one.until_ms is not None
        and one.from_ms < one.until_ms
    )
    merged: list[Blindness] = []
    for from_ms, until_ms in spans:
        if merged and from_ms <= merged[-1].until_ms:
            merged[-1] = Blindness(merged[-1].from_ms, max(until_ms, merged[-1].until_ms))
        else:
            merged.append(Blindness(from_ms, until_ms))
    return merged


def explain(
    blindness: Blindness,
    plan: Plan,
    events: Iterable[Event],
    listened: Iterable[tuple[int, int]],
    now_ms: int,
) -> Explanation | None:
    """What is known by now of a blindness; None if nobody listened in it, and nothing was heard.

    Args:
        blindness: which.
        plan: of the home.
        events: that happened in it, in order, whenever they came.
        listened: spans in which the hub says that it listened, wall clock.
        now_ms: wall clock.
    """
    listened_ms = sum(
        max(0, min(until_ms, blindness.until_ms) - max(from_ms, blindness.from_ms))
        for from_ms, until_ms in listened
    )
    heard = _heard(plan, events)
    if not listened_ms and not heard:
        return None
    evidence = "; ".join(heard) if heard else "nothing that shows somebody"
    return Explanation(blindness, now_ms, listened_ms, evidence)


def _heard(plan: Plan, events: Iterable[Event]) -> list[str]:
    """Sure signs, ways out, calls and hazards, each with its time; not a trail through the home."""
    home, zone = Household(plan), plan.parameters.clock
    said: list[tuple[int, str]] = []
    for event in events:
        home.hear(event)
        sensor = plan.sensors.get(event.sensor)
        if sensor is not None and event.value and (words := _CALLS.get(sensor.role)):
            said.append((event.at_ms, f"{words} at {spoken(event.at_ms, zone)}"))
    spells = [*home.take_spells(), *([home.spell] if home.spell else [])]
    said += [(spell.from_ms, spell_words(spell, zone)) for spell in spells]
    told = [words for _at_ms, words in sorted(said)]
    more = len(told) - TOLD_MAX
    return told if more <= 0 else [*told[:TOLD_MAX], f"and {more} times more"]
