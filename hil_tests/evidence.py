"""What was done to the chain, and proof that it was: a fault that did not fire proves nothing. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fault as it really happened.

    Attributes:
        fault: Its verb, such as ``hub.kill``.
        at: When it was done (wall time, s).
        until: When it was undone; equal to ``at`` for what is over at once.
        fired: Whether it had the effect that it is named for.
        sentence: What was seen, in words.
        facts: What was measured.
    """

    fault: str
    at: float
    until: float
    fired: bool
    sentence: str
    facts: dict[str, Any] = field(default_factory=dict)


def unfired(evidence: list[Evidence]) -> list[str]:
    """Sentences on the faults that did not fire."""
    return [f"{one.fault} did not fire: {one.sentence.rstrip('.')}." for one in evidence if not one.fired]
