"""Who looked: what the audit says of looks at one home, in words for the people who live there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from cloud_sync.portal.words import Clock, Time
from zero_trust.audit import Row

_ROLES = {
    "family": "Family, by link",
    "staff": "Staff",
    "partner": "Partner",
    "operator": "Operators of the site",
}
_CAUSES = {
    "no-answer": "nobody answered",
    "alarm": "there was an alarm",
    "health": "somebody may have been ill or hurt",
    "missing": "somebody was missing",
    "danger": "somebody was in danger",
}


@dataclass(frozen=True, slots=True)
class LookView:
    """One look, or one that was refused."""

    who: str
    at: Time
    what: str
    emergency: bool


def person_words(who: str) -> str:
    """Somebody as the audit names them, in words: ``Staff (council/amy)``."""
    role, _, person = who.partition(":")
    # A home's own id in front of the link's would only repeat the page's title.
    name = person.partition("/")[2] if role == "family" else person
    if role == "family" and name.startswith("channel-"):
        return f"Family, by notice ({name})"
    return f"{_ROLES.get(role, role)} ({name})"


def views(rows: Sequence[Row], *, now_ms: int, zone: tzinfo | None = None) -> tuple[LookView, ...]:
    """The decisions on a home, newest first, as its page tells them."""
    clock = Clock(now_ms, zone)
    return tuple(_view(row.facts, clock.time(row.at_ms)) for row in rows)


def _view(facts: Mapping[str, Any], at: Time) -> LookView:
    emergency = facts["action"] == "break-glass"
    return LookView(person_words(str(facts["who"])), at, _what(facts, emergency=emergency), emergency)


def _what(facts: Mapping[str, Any], *, emergency: bool) -> str:
    purpose = str(facts["purpose"]).replace("-", " ")
    if facts["code"]:
        wanted = "answer an incident" if facts["action"] == "answer" else "look"
        return f"Wanted to {wanted} ({purpose}) and was refused."
    if emergency:
        cause = _CAUSES.get(str(facts.get("cause", "")), "no cause was given")
        return f"Opened this home's data in an emergency, for an hour: {cause}. This will be reviewed."
    if facts["action"] == "answer":
        return f"Answered an incident: {', '.join(facts['classes'])} ({purpose})."
    if facts["action"] == "review":
        return "Reviewed an emergency look."
    if facts["purpose"] == "notice":
        return f"Told by us: {', '.join(facts['classes'])}."
    return f"Looked at {', '.join(facts['classes'])} ({purpose})."
