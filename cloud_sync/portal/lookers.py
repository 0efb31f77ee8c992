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


def views(rows: Sequence[Row], *, now_ms: int, zone: tzinfo | None = None) -> tuple[LookView, ...]:
    """The decisions on a home, newest first, as its page tells them."""
    clock = Clock(now_ms, zone)
    return tuple(_view(row.facts, clock.time(row.at_ms)) for row in rows)


def _view(facts: Mapping[str, Any], at: Time) -> LookView:
    role, _, person = str(facts["who"]).partition(":")
    # A home's own id in front of the link's would only repeat the page's title.
    name = person.partition("/")[2] if role == "family" else person
    emergency = facts["action"] == "break-glass"
    return LookView(f"{_ROLES.get(role, role)} ({name})", at, _what(facts, emergency=emergency), emergency)


def _what(facts: Mapping[str, Any], *, emergency: bool) -> str:
    purpose = str(facts["purpose"]).replace("-", " ")
    if facts["code"]:
        return f"Wanted to look ({purpose}) and was refused."
    if emergency:
        cause = _CAUSES.get(str(facts.get("cause", "")), "no cause was given")
        return f"Opened this home's data in an emergency, for an hour: {cause}. This will be reviewed."
    if facts["action"] == "review":
        return "Reviewed an emergency look."
    return f"Looked at {', '.join(facts['classes'])} ({purpose})."
