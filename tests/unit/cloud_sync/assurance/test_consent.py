"""Who may agree, for how long, and what is told before and after it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloud_sync.assurance.causes import Cause
from cloud_sync.assurance.consent import DAY_MS, Authority, Consent, ConsentError, authority
from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.pausing import CALLS, Agreed, Asked, closed, notes, wanted
from cloud_sync.assurance.plan import Question
from cloud_sync.wire.setting import NO_END_MS, Pause
from tests.helpers.watched_home import ZONE, at

NOW = at("2026-03-02 12:00")
MOVING = frozenset({Question.MOVING})


def consent(
    questions: frozenset[Question] = frozenset(Question), days: float = 300, ended_ms: int | None = None
) -> Consent:
    """By the resident, from yesterday on."""
    until_ms = NOW + int(days * DAY_MS)
    agreed = Consent(questions, Authority.RESIDENT, "Mary", "told Amy on her visit", NOW - DAY_MS, until_ms)
    return replace(agreed, ended_ms=ended_ms)


@pytest.mark.parametrize(
    "word", ["next-of-kin", "named-person", "continuing-attorney", "appointee", "carer", "cat"]
)
def test_whoever_has_no_power_cannot_agree_and_is_told_why(word: str) -> None:
    """Least of all the next of kin, whom everybody asks first."""
    with pytest.raises(ConsentError, match=word) as refused:
        authority(word)
    assert "welfare-attorney" in refused.value.hint


@pytest.mark.parametrize("one", Authority)
def test_whoever_has_a_power_can_agree(one: Authority) -> None:
    """The resident, and three roles of the Act."""
    assert authority(one.value) is one


@pytest.mark.parametrize(
    ("person", "evidence", "days", "questions"),
    [("", "a form", 10, MOVING), ("Mary", " ", 10, MOVING), ("Mary", "x" * 201, 10, MOVING), ("Mary", "a", 367, MOVING),
     ("Mary", "a", 0, MOVING), ("Mary", "a", 10, frozenset())],
)  # fmt: skip
def test_an_agreement_without_evidence_end_or_content_is_none(
    person: str, evidence: str, days: int, questions: frozenset[Question]
) -> None:
    """And it is talked over at least once a year."""
    with pytest.raises(ConsentError):
        Consent(questions, Authority.RESIDENT, person, evidence, NOW, NOW + days * DAY_MS)


def test_what_nobody_agreed_to_is_paused_and_the_hub_leaves_it_out_all_but_calls() -> None:
    """Never green, and not blind either."""
    agreed = Agreed()
    told = closed(agreed, [], NOW)

    assert told.certain == frozenset(Question)
    assert {one.cause for one in told.verdicts.values()} == {Cause.NOT_AGREED}
    assert {one.state for one in told.verdicts.values()} == {State.PAUSED}
    assert wanted(agreed, NOW) == (Pause(0, NO_END_MS, ("hazard", "help")),)


def test_an_agreement_that_ends_is_announced_and_then_told() -> None:
    """A month, a week and a day before; after it the question is paused, with another sentence."""
    said = {
        days: notes(Agreed((consent(days=days),)), MOVING, NOW, ZONE)["consent"]
        for days in (31, 29.5, 6.5, 0.5)
    }
    assert said[31] == ""
    assert said[29.5] == "What was agreed ends within 30 days, on 2026-04-01: moving about as usual."
    assert said[6.5].startswith("What was agreed ends within 7 days")
    assert said[0.5].startswith("What was agreed ends within a day")

    over = Agreed((consent(days=-0.5),))
    assert notes(over, MOVING, NOW, ZONE)["consent"].startswith(
        "What was agreed has ended, so we no longer ask"
    )
    verdict = closed(over, [], NOW).verdicts[Question.MOVING]
    assert (verdict.cause, verdict.since_ms) == (Cause.AGREEMENT_ENDED, NOW - DAY_MS // 2)


def test_an_agreement_that_follows_another_leaves_nothing_to_tell() -> None:
    """Renewed in time."""
    later = Consent(
        frozenset(Question), Authority.WELFARE_ATTORNEY, "Jean", "OPG 12/3456", NOW, NOW + 200 * DAY_MS
    )
    agreed = Agreed((consent(days=3), later))

    assert notes(agreed, Question, NOW, ZONE)["consent"] == ""
    assert wanted(agreed, NOW)[0].from_ms == NOW + 200 * DAY_MS


def test_a_withdrawal_is_an_end() -> None:
    """At once."""
    assert closed(Agreed((consent(ended_ms=NOW),)), [], NOW).certain == frozenset(Question)


def test_the_end_of_a_hospital_stay_is_told_and_that_of_a_nap_is_not() -> None:
    """Of a pause of more than a day, twelve hours before."""
    away = Asked(MOVING, "resident", NOW - 2 * DAY_MS, NOW + DAY_MS // 3, "away")
    nap = Asked(MOVING, "resident", NOW - 1, NOW + DAY_MS // 3)

    assert notes(Agreed((), (away, nap), needed=False), MOVING, NOW, ZONE) == {
        "consent": "",
        "pause": "“Away” ends at 20:00; then we ask again.",
    }


def test_calls_are_never_left_out_for_want_of_an_agreement() -> None:
    """A press that comes is told; only a pause that names them leaves them out."""
    named = Asked(CALLS, "resident", NOW - 1, NOW + DAY_MS)
    [span] = [one for one in wanted(Agreed((), (named,)), NOW) if one.covers(NOW)]

    assert span.stays == ()
