"""What a home agreed to and asked to pause, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloud_sync.assurance.consent import AUTHORITY_WORDS
from cloud_sync.assurance.life_events import templates
from cloud_sync.assurance.pausing import EVERYTHING, Asked, closed
from cloud_sync.assurance.plan import QUESTION_WORDS, Question
from cloud_sync.portal.words import Clock
from cloud_sync.receiver.store.homes import Home
from cloud_sync.wire.setting import Pause


def pauses(home: Home, clock: Clock) -> tuple[str, ...]:
    """Each pause and life event that runs or is to come: who asked for it, until when, and whether the hub goes by it."""
    certain = _certain(home, clock.now_ms)
    return (
        *(_pause(one, certain, clock) for one in _standing(home, clock.now_ms)),
        *_at_the_hub(home, clock),
    )


def agreements(home: Home, clock: Clock) -> tuple[str, ...]:
    """Each agreement that stands."""
    return tuple(
        f"Agreed by {AUTHORITY_WORDS[one.authority.value]} until {clock.time(one.ends_ms).text}: {_listed(one.questions)}."
        for one in home.agreed.consents
        if one.covers(clock.now_ms)
    )


def pause_facts(home: Home, now_ms: int) -> list[dict[str, Any]]:
    """The same as plain facts for JSON; times are wall clock in ms."""
    certain = _certain(home, now_ms)
    return [
        {
            "event": one.event,
            "questions": sorted(question.value for question in one.questions),
            "asked_by": one.asked_by,
            "from_ms": one.from_ms,
            "until_ms": one.until_ms,
            "in_force": one.covers(now_ms) and one.questions <= certain,
        }
        for one in _standing(home, now_ms)
    ]


def _pause(one: Asked, certain: frozenset[Question], clock: Clock) -> str:
    by = f"{AUTHORITY_WORDS.get(one.asked_by, one.asked_by)}, until {clock.time(one.ends_ms).text}"
    template = templates().get(one.event)
    what = template.title if template else "Paused"
    if not one.covers(clock.now_ms):
        return f"{what}, asked for by {by}, from {clock.time(one.from_ms).text} on."
    means = f" {template.means}" if template else ""
    if not one.questions <= certain:
        return f"A pause is asked for by {by}; the hub has not confirmed it yet.{means}"
    return (
        f"{what} by {by}: {_listed(one.questions)}.{means}" if one.questions else f"{what}, by {by}.{means}"
    )


def _at_the_hub(home: Home, clock: Clock) -> Iterator[str]:
    for pause in sorted(
        {one for stand in home.hubs for one in stand.own if one.covers(clock.now_ms)}, key=_until_ms
    ):
        yield f"Paused at the hub itself until {clock.time(pause.until_ms).text}: all but {' and '.join(pause.stays)}."


def _until_ms(pause: Pause) -> int:
    return pause.until_ms


def _standing(home: Home, now_ms: int) -> list[Asked]:
    return [one for one in home.agreed.pauses if one.ends_ms > now_ms]


def _certain(home: Home, now_ms: int) -> frozenset[Question]:
    return closed(home.agreed, [stand.pauses for stand in home.hubs], now_ms).certain


def _listed(questions: frozenset[Question]) -> str:
    if questions >= frozenset(Question):
        return "all that is asked"
    if questions == EVERYTHING:
        return "all but calls for help and warners of smoke, gas and water"
    return ", ".join(title.lower() for question, title in QUESTION_WORDS.items() if question in questions)
