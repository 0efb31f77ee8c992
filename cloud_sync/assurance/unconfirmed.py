"""A call for help from a hub that a person must confirm first: told at once, as unconfirmed, to operations alone. Pure.

It may be a copy's doing, so nobody in the family is woken by it; it may be true, so it does not wait either.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.coverage import Verdict
from cloud_sync.assurance.incident import Audience, Incident

LABEL: Final = "Unconfirmed, from a hub that may not be the right one: "
_DOUBTED: Final = frozenset({Cause.HUB_HELD, Cause.HUB_REVOKED, Cause.HUB_UNKNOWN})


def doubted(verdicts: Iterable[Verdict | None]) -> bool:
    """Whether a hub that is not believed, or not yet, looks after any of the sensors."""
    return any(verdict is not None and verdict.cause in _DOUBTED for verdict in verdicts)


def unlabelled(incident: Incident) -> Incident:
    """The incident as it stands if every hub were believed; the same one if it bears no label."""
    if not incident.evidence.startswith(LABEL):
        return incident
    return replace(incident, evidence=incident.evidence.removeprefix(LABEL))


def labelled(before: Incident | None, after: Incident | None, now_ms: int, *, doubt: bool) -> Incident | None:
    """The incident about the person as it may be told.

    Args:
        before: as it stood.
        after: as it would stand if every hub were believed.
        now_ms: wall clock.
        doubt: what :func:`doubted` says of the sensors behind it.
    """
    if after is None or after.closed_ms is not None:
        return after
    told = before is not None and before.audience is Audience.FAMILY
    if doubt and not told:
        evidence = LABEL + after.evidence.removeprefix(LABEL)
        if (after.audience, after.evidence) == (Audience.OPERATIONS, evidence):
            return after
        return replace(after, audience=Audience.OPERATIONS, evidence=evidence)
    if before is not None and before.evidence.startswith(
        LABEL
    ):  # confirmed: what was told as unconfirmed is true
        evidence = after.evidence.removeprefix(LABEL)
        return replace(after, audience=Audience.FAMILY, evidence=evidence, updated_ms=now_ms)
    return after
