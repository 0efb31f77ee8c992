"""All attacks, family by family."""

from __future__ import annotations

from hil_tests.attack.attack import Attack
from hil_tests.attack.families import (
    books,
    broker,
    certificates,
    clock,
    decisions,
    enrolment,
    enrolment_keys,
    evidence,
    floods,
    greetings,
    logs,
    receipts,
    renewal,
    sessions,
    wire,
)

FAMILIES = (
    enrolment.attack,
    enrolment_keys.attack,
    renewal.attack,
    floods.attack,
    certificates.attack,
    broker.attack,
    wire.attack,
    greetings.attack,
    sessions.attack,
    receipts.attack,
    clock.attack,
    decisions.attack,
    books.attack,
    logs.attack,
    evidence.attack,
)


def attacks() -> dict[str, Attack]:
    """Every attack by its name, in the order in which they are tried."""
    listed = [one for family in FAMILIES for one in family.attacks]
    named = {one.name: one for one in listed}
    if len(named) != len(listed):
        raise ValueError("Two attacks have one name.")
    return named
