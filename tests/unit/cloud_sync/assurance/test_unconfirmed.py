"""A call from a hub that a person must confirm: operations know at once, the family once it is confirmed."""

from __future__ import annotations

import pytest

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.incident import Audience, Incident
from cloud_sync.assurance.unconfirmed import LABEL
from tests.helpers.watched_home import WatchedHome, at

HELD = "2026-03-10 10:00"


@pytest.fixture
def home() -> WatchedHome:
    """A home of which we see all."""
    home = WatchedHome()
    home.until("2026-03-10 09:00")
    return home


def last(home: WatchedHome, subject: str) -> Incident:
    """The incident as it was last told."""
    return home.of(subject)[-1]


@pytest.mark.parametrize(
    ("subject", "sensor", "kind"), [("help", "pendant", "button"), ("hazard", "smoke", "smoke")]
)
def test_a_call_is_told_at_once_to_operations_and_then_to_the_family(
    home: WatchedHome, subject: str, sensor: str, kind: str
) -> None:
    """Labelled while it is in doubt, told once; its label goes with the doubt."""
    home.lose(HELD, cause=Cause.HUB_HELD)
    home.say("2026-03-10 10:30", sensor, kind)
    home.until("2026-03-10 12:00")
    [unconfirmed] = home.of(subject)
    assert unconfirmed.audience is Audience.OPERATIONS
    assert unconfirmed.evidence.startswith(LABEL)
    assert unconfirmed.raised_ms <= at("2026-03-10 10:31")

    home.find()
    home.until("2026-03-10 12:10")

    [_, confirmed] = home.of(subject)
    assert confirmed.audience is Audience.FAMILY
    assert confirmed.evidence == unconfirmed.evidence.removeprefix(LABEL)
    assert confirmed.raised_ms == unconfirmed.raised_ms


def test_a_second_call_while_the_first_is_in_doubt_is_told_once_and_to_the_family_when_confirmed(
    home: WatchedHome,
) -> None:
    """Also if it comes in the very moment in which the hub is confirmed."""
    home.lose(HELD, cause=Cause.HUB_HELD)
    home.say("2026-03-10 10:30", "pendant", "button")
    home.until("2026-03-10 11:00")
    home.find()
    home.say("2026-03-10 11:01", "pendant", "button")
    home.until("2026-03-10 11:30")

    [unconfirmed, confirmed] = home.of("help")
    assert unconfirmed.audience is Audience.OPERATIONS
    assert confirmed.audience is Audience.FAMILY
    assert confirmed.evidence.endswith("and again at 11:01.")


def test_what_a_hub_said_that_is_then_revoked_never_reaches_the_family(home: WatchedHome) -> None:
    """It was a copy's doing."""
    home.lose(HELD, cause=Cause.HUB_HELD)
    home.say("2026-03-10 10:30", "pendant", "button")
    home.until("2026-03-10 11:00")
    home.lose(HELD, cause=Cause.HUB_REVOKED)
    home.until("2026-03-10 14:00")

    assert last(home, "help").audience is Audience.OPERATIONS


def test_what_the_family_knows_already_stays_told(home: WatchedHome) -> None:
    """A press of before the hold is no rumour."""
    home.say("2026-03-10 09:30", "pendant", "button")
    home.until("2026-03-10 09:40")
    home.lose(HELD, cause=Cause.HUB_HELD)
    home.say("2026-03-10 10:30", "pendant", "button")
    home.until("2026-03-10 12:00")

    assert last(home, "help").audience is Audience.FAMILY
    assert LABEL not in last(home, "help").evidence


def test_a_hub_that_is_only_out_of_reach_is_not_doubted(home: WatchedHome) -> None:
    """What came from it before is believed."""
    home.lose(HELD)
    home.say("2026-03-10 10:30", "pendant", "button")
    home.until("2026-03-10 11:00")

    assert last(home, "help").audience is Audience.FAMILY
