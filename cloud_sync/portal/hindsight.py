"""What a page says of times in which we could not see, and of which we learned something afterwards. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cloud_sync.portal.words import Clock, Time
from cloud_sync.receiver.store.homes import Home


@dataclass(frozen=True, slots=True)
class LearnedView:
    """One blindness: when it was, what was learned of it, and when."""

    since: Time
    until: Time
    known: Time
    sentence: str


def learned(home: Home, clock: Clock) -> tuple[LearnedView, ...]:
    """What was learned of blindnesses of the last day; the newest first."""
    return tuple(
        LearnedView(
            clock.time(one.of.from_ms),
            clock.time(one.of.until_ms),
            clock.time(one.known_ms),
            one.sentence,
        )
        for one in reversed(home.explanations)
    )


def learned_facts(home: Home) -> list[dict[str, Any]]:
    """The same as plain facts for JSON."""
    return [one.facts for one in home.explanations]
