"""What a run proves: the invariants that hold in every scenario, and what this one expects beside. Pure."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from hil_tests.at_home import SiteWord, differences
from hil_tests.evidence import Evidence, unfired
from hil_tests.ledger import Balance
from hil_tests.scenario import Expect


class Verdict(enum.Enum):
    """How a run ended."""

    PASSED = "passed"
    FAILED = "failed"
    INVALID = "invalid"  # a fault did not fire, or the rig failed: the run proves nothing
    EXPECTED = "expected failure"  # known to fail, with its reason


Span: TypeAlias = tuple[float, float]  # from, to (wall time, s)

BRIDGED_MAX_S = (
    90.0  # so long a silence between two frames may be claimed as listening (wire/SPEC.md, "Coverage")
)
CLOCK_NOISE_S = 1.5  # the moments of a fault are not known better


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that was seen of one run.

    Attributes:
        balance: What was delivered against what is stored.
        evidence: Each fault as it really happened.
        unproven: Sentences on restores of which the store shows no effect.
        alarms: Names of all alarms that the hub raised meanwhile.
        standing: Names of those that still stand at the end.
        counts: What the hub counted, in all its lives, by reason.
        flags: All flags that stored readings carry.
        refusals: Codes that the site wrote down.
        forks: How often the site saw two contents under one key.
        incidents: Codes of the site's incidents.
        online: Whether the hub was online at the end.
        names: What people call the sensors, by address.
        began: When the run began (wall time, s); moments are told from there.
        claimed: Spans in which the hub says, signed, that it listened.
        blind: Spans in which it cannot have heard anybody, for certain.
        leaks: Sentences on secrets that lie where they are not at home.
        story_at: When the story began (wall time, s).
        word: What the site said of the home.
    """

    balance: Balance
    evidence: list[Evidence]
    unproven: list[str]
    alarms: Collection[str]
    standing: Collection[str]
    counts: Mapping[str, int]
    flags: Collection[str]
    refusals: Collection[str]
    forks: int
    incidents: Collection[str]
    online: bool
    names: Mapping[str, str] = field(default_factory=dict)
    began: float = 0.0
    claimed: Sequence[Span] = ()
    blind: Sequence[Span] = ()
    leaks: Sequence[str] = ()
    story_at: float = 0.0
    word: SiteWord = field(default_factory=SiteWord)

    def name(self, address: str) -> str:
        """What people call a sensor."""
        return self.names.get(address, address)


def judge(expect: Expect, seen: Observed, expected_failure: str = "") -> tuple[Verdict, list[str]]:
    """The verdict, and a sentence for each difference."""
    invalid = [*unfired(seen.evidence), *seen.unproven]
    if invalid:
        return Verdict.INVALID, invalid
    broken = [*_invariants(expect, seen), *_expectations(expect, seen)]
    if expected_failure:
        if broken:
            return Verdict.EXPECTED, [expected_failure, *broken]
        return Verdict.FAILED, ["It is marked as known to fail, and passed: take the mark away."]
    return (Verdict.FAILED if broken else Verdict.PASSED), broken


def _invariants(expect: Expect, seen: Observed) -> Iterable[str]:
    balance = seen.balance
    if balance.delivered == 0:
        yield "Nothing was delivered to the hub, so nothing is shown."
    if not expect.silent:
        for lack in balance.lost:
            yield f"Lost: {lack.kind} = {lack.value} of {seen.name(lack.sensor)}, delivered at {lack.delivered_at - seen.began:.1f} s."
    for row in balance.duplicated:
        yield f"Stored and never sent, or twice: {row['kind']} = {row['value']} of {seen.name(row['sensor'])}."
    for one in seen.evidence:
        if one.facts.get("believed"):
            yield f"{one.fault}: the hub took a stranger for the site."
    yield from _untrue(seen)
    yield from seen.leaks
    if seen.forks:
        yield f"The site holds {seen.forks} forks."
    for code in sorted(set(seen.refusals) - set(expect.refusals)):
        yield f"The site refused something: {code}."


def _untrue(seen: Observed) -> Iterable[str]:
    """Claims to have listened while blind: a span that begins or ends there, or bridges more than is allowed."""
    for claim in seen.claimed:
        for start, end in seen.blind:
            inside = any(start + CLOCK_NOISE_S < moment < end - CLOCK_NOISE_S for moment in claim)
            bridged = claim[0] <= start and end <= claim[1] and end - start > BRIDGED_MAX_S
            if inside or bridged:
                yield (
                    f"The hub claims to have listened from {claim[0] - seen.began:.1f} to {claim[1] - seen.began:.1f} s,"
                    f" and was blind from {start - seen.began:.1f} to {end - seen.began:.1f} s."
                )


def _expectations(expect: Expect, seen: Observed) -> Iterable[str]:
    for name in expect.alarms:
        if not any(alarm.startswith(name) for alarm in seen.alarms):
            yield f"The hub never raised the alarm {name!r}."
    for name in expect.cleared:
        if any(alarm.startswith(name) for alarm in seen.standing):
            yield f"The alarm {name!r} still stands at the end."
    yield from _absent("The hub never counted", expect.counts, [one for one, n in seen.counts.items() if n])
    yield from _absent("No stored reading carries the flag", expect.flags, seen.flags)
    yield from _absent("The site never refused with", expect.refusals, seen.refusals)
    yield from _absent("The site raised no incident", expect.incidents, seen.incidents)
    if expect.online != seen.online:
        yield f"The hub is {'online' if seen.online else 'offline'} at the end."
    yield from differences(expect.moments, seen.word, seen.story_at)


def _absent(words: str, wanted: Sequence[str], there: Collection[str]) -> Iterable[str]:
    for name in wanted:
        if name not in there:
            yield f"{words} {name!r}."
