"""What hubs shall leave out follows from what was agreed and asked for, moment by moment; PAUSED follows from what they say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.assurance.consent import Authority, Consent
from cloud_sync.assurance.pausing import CALLS, EVERYTHING, Agreed, Asked, closed, wanted
from cloud_sync.assurance.plan import NEEDS, Question
from cloud_sync.wire.setting import Pause
from device_profiles.role import Role

END = 1_000
moments = st.integers(0, END)
spans = st.tuples(moments, moments).filter(lambda two: two[0] != two[1]).map(sorted)
ends = st.none() | moments
some = st.frozensets(st.sampled_from(Question), min_size=1)
consents = st.builds(
    lambda span, questions, ended: Consent(
        questions, Authority.RESIDENT, "Mary", "a form", span[0], span[1], ended_ms=ended
    ),
    spans,
    some,
    ends,
)
asked = st.builds(
    lambda span, questions, ended: Asked(questions, "resident", span[0], span[1], ended_ms=ended),
    spans,
    some,
    ends.map(lambda at: at),
)
homes = st.builds(
    Agreed, st.lists(consents, max_size=4).map(tuple), st.lists(asked, max_size=4).map(tuple), st.booleans()
)


def left_out(pauses: tuple[Pause, ...], at_ms: int) -> set[Role]:
    """What a hub that goes by these leaves out."""
    forced = [pause for pause in pauses if pause.covers(at_ms)]
    return {role for role in Role if any(role.value not in pause.stays for pause in forced)}


def closed_at(agreed: Agreed, at_ms: int) -> frozenset[Question]:
    """As said in words: a pause names it, or nobody has agreed to it."""
    paused = {q for one in agreed.pauses if one.from_ms <= at_ms < one.ends_ms for q in one.questions}
    agreed_to = {q for one in agreed.consents if one.from_ms <= at_ms < one.ends_ms for q in one.questions}
    return frozenset(paused | (set(Question) - agreed_to if agreed.needed else set()))


@given(homes, moments, moments)
def test_a_hub_leaves_out_just_what_no_open_question_needs(
    agreed: Agreed, told_ms: int, later_ms: int
) -> None:
    """By a setting made at one moment, at any moment after it; so it needs no word to begin or to end."""
    at_ms = max(told_ms, later_ms)
    pauses = wanted(agreed, told_ms)
    named = {q for one in agreed.pauses if one.covers(at_ms) for q in one.questions}
    shut = (closed_at(agreed, at_ms) - CALLS) | named
    needed = {role for question, roles in NEEDS.items() if question not in shut for role in roles}
    gone = left_out(pauses, at_ms)

    assert not gone & needed
    assert {role for roles in NEEDS.values() for role in roles} - needed <= gone
    agreed_to = {q for one in agreed.consents if one.covers(at_ms) for q in one.questions}
    everything_agreed = not agreed.needed or agreed_to >= EVERYTHING
    assert (Role.VITALS in gone) is (named >= EVERYTHING or not everything_agreed)


@given(homes, moments, st.lists(homes, max_size=2))
def test_no_question_is_paused_before_the_hubs_say_so_and_each_is_once_they_do(
    agreed: Agreed, now_ms: int, others: list[Agreed]
) -> None:
    """What nobody agreed to is not asked, whatever the hubs say; a pause needs their word where it leaves something out."""
    shut = closed_at(agreed, now_ms)
    confirmed = closed(agreed, [wanted(agreed, now_ms)], now_ms)
    assert frozenset(confirmed.verdicts) == confirmed.certain == shut

    said = [wanted(other, now_ms) for other in others]
    told = closed(agreed, [wanted(agreed, now_ms), *said], now_ms)
    wants = left_out(wanted(agreed, now_ms), now_ms)
    unagreed = shut - agreed.paused(now_ms) if agreed.needed else frozenset()
    for question in shut:
        open_at = any(wants & set(NEEDS[question]) - left_out(pauses, now_ms) for pauses in said)
        assert (question in told.certain) or open_at
        if question in told.certain and question not in unagreed:
            assert not open_at or question in agreed.not_agreed(now_ms)
