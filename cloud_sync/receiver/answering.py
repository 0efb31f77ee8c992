"""Taking incidents in hand and closing them: asked at the desk, written down, and left for the watch to take up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from cloud_sync.assurance.incident import Incident
from cloud_sync.assurance.response import Act, Response, refusal
from cloud_sync.receiver.classes import class_of_subject
from cloud_sync.receiver.desk import Desk
from cloud_sync.receiver.store.assured import Assured
from cloud_sync.receiver.store.database import transaction
from cloud_sync.receiver.store.responses import Responses, Said
from zero_trust.reasons import Refused
from zero_trust.request import DataClass, Request


def respond(
    desk: Desk, asked: Request, subject: str, act: Act, said: str, happened_ms: int | None = None
) -> Response | Refused:
    """Let somebody take an incident in hand, or close it; it is on record when this returns.

    Args:
        desk: of the site.
        asked: who asks, of which home, for what purpose; the action is ``answer``.
        subject: of the incident.
        act: what they do.
        said: why, or what was found.
        happened_ms: when they did it, wall clock; None: now.

    Raises:
        sqlite3.Error: it could not be written down, so nothing was done.
    """
    look = desk.look(asked, [class_of_subject(subject)])
    if look.refused:
        return look.refused
    home, now_ms = asked.home or "", desk.now_ms()
    at_ms = now_ms if happened_ms is None else happened_ms
    with transaction(desk.db):
        incident = Assured(desk.db).open_incident(home, subject)
        refused = refusal(incident, act, said, at_ms, now_ms)
        if incident is None or refused:
            return refused or Refused("incident-not-open")
        response = Response(subject, incident.raised_ms, act, asked.subject, said, at_ms, now_ms)
        number = desk.audit.append(now_ms, "response", _facts(home, response))
        Responses(desk.db).add(number, home, response)
    return response


def seen(incidents: Iterable[Incident], classes: Iterable[DataClass]) -> list[Incident]:
    """Those of the given classes, the newest first."""
    allowed = set(classes)
    shown = (one for one in incidents if class_of_subject(one.subject) in allowed)
    return sorted(shown, key=lambda one: -one.raised_ms)


def story(desk: Desk, home: str, incident: Incident) -> list[Said]:
    """All that people said of an incident."""
    return Responses(desk.db).of(home, incident.subject, incident.raised_ms)


def _facts(home: str, response: Response) -> dict[str, str | int]:
    """For the audit, which is never erased: of what was said, the hash alone."""
    return {
        "home": home,
        "subject": response.subject,
        "raised_ms": response.raised_ms,
        "act": response.act.value,
        "who": response.who,
        "happened_ms": response.happened_ms,
        "said_sha256": hashlib.sha256(response.said.encode()).hexdigest(),
    }
