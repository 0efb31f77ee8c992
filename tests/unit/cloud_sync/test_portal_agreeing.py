"""What the page says of agreements and pauses: who, until when, and whether it is so already."""

from __future__ import annotations

from cloud_sync.assurance.consent import Authority, Consent
from cloud_sync.assurance.pausing import EVERYTHING, Agreed, Asked
from cloud_sync.assurance.plan import Question
from cloud_sync.portal.agreeing import agreements, pause_facts, pauses
from cloud_sync.portal.words import Clock
from cloud_sync.receiver.store.homes import Home
from cloud_sync.receiver.store.settings import Stand
from cloud_sync.wire.setting import Pause
from tests.helpers.watched_home import ZONE, at

NOW, EVENING = at("2026-03-02 12:00"), at("2026-03-02 18:00")
CLOCK = Clock(NOW, ZONE)
WHOLE = Asked(EVERYTHING, "resident", NOW, EVENING)
AWAY = Asked(
    frozenset({Question.UP, Question.MOVING}), "welfare-attorney", NOW, at("2026-03-05 09:00"), "away"
)
CALLS = Pause(NOW, EVENING, ("hazard", "help"))


def home(*asked: Asked, hubs: tuple[Stand, ...] = (), consents: tuple[Consent, ...] = ()) -> Home:
    """One that asked for this."""
    return Home("h-1", NOW, (), agreed=Agreed(consents, asked, needed=False), hubs=hubs)


def test_a_pause_is_said_to_be_so_once_the_hub_says_it() -> None:
    """By whom and until when in both cases."""
    asked = home(WHOLE, hubs=(Stand(1, (CALLS,)),))
    assert pauses(asked, CLOCK) == (
        "A pause is asked for by the resident, until 18:00; the hub has not confirmed it yet.",
    )
    assert [one["in_force"] for one in pause_facts(asked, NOW)] == [False]

    confirmed = home(WHOLE, hubs=(Stand(1, (CALLS,), 1, (CALLS,)),))
    assert pauses(confirmed, CLOCK) == (
        "Paused by the resident, until 18:00: all but calls for help and warners of smoke, gas and water.",
    )
    assert [one["in_force"] for one in pause_facts(confirmed, NOW)] == [True]


def test_a_life_event_says_what_it_means() -> None:
    """While it lasts, and before it begins."""
    [told] = pauses(home(AWAY), CLOCK)
    assert told.startswith(
        "Away by her welfare attorney, until 5 March 09:00: up by the usual time, moving about as usual. Nobody is at home."
    )
    assert pauses(home(AWAY), Clock(NOW - 60_000, ZONE)) == (
        "Away, asked for by her welfare attorney, until 5 March 09:00, from 12:00 on.",
    )


def test_a_pause_at_the_hub_and_one_that_is_over() -> None:
    """The one is told, the other is not."""
    own = Stand(own=(CALLS,), pauses=(CALLS,))
    assert pauses(home(hubs=(own,)), CLOCK) == (
        "Paused at the hub itself until 18:00: all but hazard and help.",
    )
    assert pauses(home(WHOLE), Clock(EVENING, ZONE)) == ()


def test_an_agreement_is_told_with_its_end_and_without_a_name() -> None:
    """The page is for the family; who it was stands in the record."""
    consent = Consent(
        frozenset(Question), Authority.RESIDENT, "Mary Reid", "a form", NOW, at("2026-12-01 00:00")
    )
    assert agreements(home(consents=(consent,)), CLOCK) == (
        "Agreed by the resident until 1 December 00:00: all that is asked.",
    )
