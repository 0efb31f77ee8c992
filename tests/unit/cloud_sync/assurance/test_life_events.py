"""Life events: the templates that come with the site, and what they change while they last."""

from __future__ import annotations

import pytest

from cloud_sync.assurance.life_events import changed, in_force, parse_template, templates
from cloud_sync.assurance.pausing import Asked
from cloud_sync.assurance.plan import Parameters, ParametersError, Question, parameters

PLAIN = 'version = 1\ntitle = "T"\nmeans = "M"\ndays_max = 3\n'


def event(name: str, from_ms: int = 0, until_ms: int = 100) -> Asked:
    """One that lasts for a while."""
    return Asked(frozenset(templates()[name].pause), "resident", from_ms, until_ms, name)


def test_there_are_the_three_that_homes_ask_for_most() -> None:
    """Each with a title, and a limit to how long it may last."""
    assert {name: one.title for name, one in templates().items()} == {
        "away": "Away",
        "home-from-hospital": "Home from hospital",
        "visitors": "Visitors",
    }


@pytest.mark.parametrize("name", ["away", "visitors"])
def test_who_is_not_alone_or_not_there_is_not_missed_but_can_call(name: str) -> None:
    """What moves, or does not, means nothing; a call and smoke always do."""
    paused = frozenset(templates()[name].pause)

    assert {Question.UP, Question.MOVING, Question.OUT} <= paused
    assert not paused & {Question.HELP, Question.HAZARD, Question.WARM}


def test_an_event_changes_the_homes_parameters_while_it_lasts() -> None:
    """And leaves what it does not name as it was written."""
    written = parameters("silence_min_h = 3.0\nup_by = '09:30'\n[warm]\nurgent_below = 11.0", where="h.toml")
    during = in_force(written, [event("home-from-hospital")], 50)

    assert (during.silence_min_h, during.silence_max_h, during.up_by) == (2.0, 6.0, "09:30")
    assert (during.warm.advise_below, during.warm.urgent_below) == (19.0, 11.0)
    assert in_force(written, [event("home-from-hospital")], 100) == written
    assert in_force(written, [event("away", 60)], 50) == written


def test_an_event_that_does_not_fit_the_home_says_so() -> None:
    """Rather than to be silently wrong."""
    cold = parameters("[warm]\nadvise_below = 30.0\nraise_below = 25.0\nurgent_below = 20.0", where="h.toml")
    with pytest.raises(ParametersError, match="Home from hospital"):
        changed(cold, templates()["home-from-hospital"])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (PLAIN + "colour = 1", "colour"),
        (PLAIN.replace("3", "0"), "days_max"),
        (PLAIN + 'pause = ["sleeping"]', "pause"),
        (PLAIN + "[parameters]\nsilence_min = 2", "silence_min"),
        (PLAIN + "[parameters]\nsilence_max_h = 1.0", "silence_min_h"),
        (PLAIN + "[parameters]\nzone = 'Europe/Paris'", "zone"),
        (PLAIN + "[parameters]\nlearn_days = 1", "learn_days"),
        ("version = 2", "version"),
        ("=", "x.toml"),
    ],
)
def test_a_template_is_read_strictly(text: str, names: str) -> None:
    """File and key are named."""
    with pytest.raises(ParametersError, match=r"x\.toml") as refused:
        parse_template(text, "x.toml")
    assert names in str(refused.value)


def test_a_template_without_parameters_changes_none() -> None:
    """It only pauses."""
    assert changed(Parameters(), parse_template(PLAIN, "x.toml")) == Parameters()
